"""Owns the questions that are asked before a webhook is changed."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components.basic import Text, button, note
from console.components.dialog import ask, ask_to_delete, dialog, foot
from console.components.form import select_field, text_field
from console.pages.webhooks.detail_state import WebhookState
from console.pages.webhooks.enable_state import EnableState

OVERLAPS: Final = [("24", "24 hours"), ("0", "None: the old one stops at once"), ("1", "1 hour"), ("72", "3 days"), ("168", "7 days")]


def dialogs() -> rx.Component:
    """All of them; each is open while the state asks for it."""
    return rx.fragment(_rotate(), _enable(), _disable(), _delete())


def _rotate() -> rx.Component:
    state = WebhookState
    return ask(
        state,
        "rotate",
        "Rotate the signing secret",
        "Deliveries carry a signature of each secret until the overlap ends.",
        "Rotate",
        state.rotate,
        select_field(
            "Keep signing with the old secret for",
            OVERLAPS,
            name="overlap",
            help_="X-Webhook-Signature holds one value: it keeps the old secret until then.",
        ),
    )


def _enable() -> rx.Component:
    state = EnableState
    more = rx.el.p("More than 10,000 events were skipped: a replay makes the rest, and its page opens.", class_name="x-help")
    choices = rx.el.fieldset(
        rx.el.legend(state.missed, class_name="x-strong x-small", padding="0 0 10px", data_testid="missed"),
        _choice("send", "Send what it missed", state.sends, default_checked=True),
        rx.cond(state.is_much, more, rx.fragment()),
        _choice("skip", "Skip it", "What was held is cancelled, what was skipped stays so. Each event can be replayed later."),
        border="0",
        padding="0",
        class_name="x-field",
    )
    form = rx.el.form(
        rx.cond(state.missed != "", choices, rx.el.p("It missed nothing.", class_name="x-small")),
        rx.cond(state.problem != "", note(state.problem, tone="bad", icon_name="circle-alert"), rx.fragment()),
        foot(button("Cancel", on_click=state.close), button("Enable", look="primary", type="submit", busy=state.busy)),
        on_submit=state.enable,
        class_name="x-stack",
    )
    about = "Events are sent to it again from now on. What came while it was disabled was recorded."
    return dialog("Enable this webhook", form, opened=state.is_open, on_close=state.close, about=about)


def _choice(value: str, label: str, about: Text, **props: Any) -> rx.Component:
    words = rx.el.span(rx.el.span(label, class_name="x-strong"), rx.el.span(about, class_name="x-help"), class_name="x-stack-tight")
    return rx.el.label(rx.el.input(type="radio", name="missed", value=value, **props), words, class_name="x-choice")


def _disable() -> rx.Component:
    state = WebhookState
    return ask(
        state,
        "disable",
        "Disable this webhook",
        "New events are recorded as skipped, and what waits is held. It can be enabled again.",
        "Disable",
        state.disable,
        text_field(
            "Reason",
            name="reason",
            placeholder="Receiver is being moved",
            help_="Shown on this page and in the audit log.",
            max_length=300,
        ),
    )


def _delete() -> rx.Component:
    state = WebhookState
    return ask_to_delete(
        state,
        "Delete this webhook",
        ["What waits for it is cancelled.", "Its secrets are wiped. Its past deliveries stay listed."],
        name=state.webhook.name,
    )
