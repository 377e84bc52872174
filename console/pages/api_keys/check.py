"""Owns the check of a call: may this key do it now, and which rule decides?"""

from __future__ import annotations

import reflex as rx

from console.components import badge
from console.components.basic import button, card, note
from console.components.form import field, text_field
from console.pages.api_keys.detail_state import KeyState
from console.pages.logs.parts import METHODS


def check() -> rx.Component:
    """The form, and the verdict."""
    state = KeyState
    method = rx.el.select(*[rx.el.option(name, value=name) for name in METHODS], id="method", name="method", class_name="x-select")
    form = rx.el.form(
        field("Method", method, name="method"),
        text_field("Path", name="path", mono=True, placeholder="/api/v1/events", required=True),
        text_field("From", name="ip", mono=True, placeholder="Any address"),
        button("Check", type="submit", busy=state.checking, align_self="flex-end"),
        on_submit=state.check,
        class_name="x-check-form",
    )
    told = rx.fragment(rx.el.span(badge.tag(state.check_rule), " "), state.check_reason)
    verdict = rx.cond(
        state.check_allowed,
        note(told, tone="good", icon_name="circle-check"),
        note(told, tone="bad", icon_name="ban"),
    )
    about = rx.el.p("Would this call be let through now? Looking spends nothing of its limits.", class_name="x-small x-soft")
    return card(
        "Access check",
        rx.el.div(
            about,
            form,
            rx.el.div(rx.cond(state.check_rule != "", verdict, rx.fragment()), aria_live="polite"),
            class_name="x-card-pad x-stack",
        ),
    )
