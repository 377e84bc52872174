"""Owns the view of the addresses to which sign-ins begun over the API may return, a card of the page about the workspace."""

from __future__ import annotations

import reflex as rx

from console.components.basic import button, card, facts, note
from console.components.copy import copy_id
from console.components.form import area_field, guarded_form
from console.pages.settings.redirects_state import RedirectsState
from console.session import SessionState
from console.shell import bones, permitted


def redirects_card() -> rx.Component:
    """The card."""
    state, errors = RedirectsState, RedirectsState.errors
    form = guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        facts(("Always allowed", copy_id(state.own))),
        area_field(
            "Further redirect URIs",
            name="redirect_uris",
            mono=True,
            rows="3",
            placeholder="https://app.example.com/oauth/done",
            default_value=state.uris,
            disabled=~SessionState.can_write,
            error=errors["redirect_uris"],
            help_="One a line. A program that begins a sign-in over the API may name one of them as redirect_uri, to be where the browser "
            "comes back. The app at the provider must allow it too.",
        ),
        button("Save addresses", look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write, align_self="flex-start"),
        on_submit=state.save,
        class_name="x-card-pad x-stack",
        key=state.saved,
        saved=state.saved,
    )
    return card("Where sign-ins may return", permitted(state, rx.cond(state.own != "", form, rx.el.div(bones(), class_name="x-card-pad"))))
