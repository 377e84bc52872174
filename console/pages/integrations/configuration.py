"""Owns the form of an integration's settings."""

from __future__ import annotations

import reflex as rx

from console.components.basic import button, facts, length, note
from console.components.form import guarded_form
from console.pages.integrations.detail_state import IntegrationState
from console.pages.integrations.parts import addresses, entered, named, scopes
from console.session import SessionState


def configuration() -> rx.Component:
    """What was entered, to be changed; secrets are dots, and stay unless another one is entered."""
    state, it, errors = IntegrationState, IntegrationState.integration, IntegrationState.errors
    save = button("Save changes", look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write, align_self="flex-start")
    stored = rx.el.section(
        rx.el.h2("Stored credentials", class_name="x-h3"),
        rx.el.p("Encrypted. Nobody can read them, only replace them.", class_name="x-help"),
        rx.foreach(
            state.integration.credentials,
            lambda pair: rx.fragment(facts((pair[0], rx.el.span(pair[1], class_name="x-mono"))), key=pair[0]),
        ),
        class_name="x-stack-tight",
        data_testid="credentials",
    )
    wanted = scopes(state.choices, state.further, errors, "Another choice takes effect when you reconnect.")
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        *named(errors, it.name, it.description),
        rx.cond(length(it.credentials) > 0, stored, rx.fragment()),
        entered(state.fields, errors),
        rx.cond(it.signs_in, wanted, rx.fragment()),
        addresses(state.addresses, errors),
        save,
        on_submit=state.save,
        class_name="x-form",
        key=state.revision,
        saved=state.revision,
    )
