"""Owns the questions that are asked before a webhook is changed."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components.dialog import ask, confirm_by_name
from console.components.form import select_field, text_field
from console.pages.webhooks.detail_state import WebhookState

OVERLAPS: Final = [("24", "24 hours"), ("0", "None: the old one stops at once"), ("1", "1 hour"), ("72", "3 days"), ("168", "7 days")]
MISSED: Final = [("skip", "Skip what it missed"), ("send", "Send what it missed, oldest first")]


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
    state = WebhookState
    return ask(
        state,
        "enable",
        "Enable this webhook",
        "Events that came while it was disabled were recorded.",
        "Enable",
        state.enable,
        select_field("What it missed", MISSED, name="missed"),
    )


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
    return confirm_by_name(
        "Delete this webhook",
        ["What waits for it is cancelled.", "Its secrets are wiped. Its past deliveries stay listed."],
        name=state.webhook.name,
        verb="Delete",
        opened=state.ask == "delete",
        on_close=state.close_dialog,
        on_confirm=state.delete,
        busy=state.busy,
        error=state.ask_error,
    )
