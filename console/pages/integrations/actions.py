"""Owns the view of what an integration can do, to be tried."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components.basic import Live, button, card, contains, length, note
from console.components.form import area_field, select_field, text_field
from console.pages.integrations.actions_state import ActionState
from console.pages.integrations.detail_state import IntegrationState
from console.session import SessionState

KINDS = [("text", "Your own text"), ("new_lead", "A new lead"), ("new_ticket", "A new ticket"), ("failing_webhook", "A failing webhook")]


def try_actions() -> rx.Component:
    """A form for each thing that it can do."""
    state, does = ActionState, IntegrationState.integration.does
    errors: Live = state.errors
    told = rx.cond(state.told != "", rx.el.div(note(state.told, tone="good", icon_name="circle-check"), data_testid="done"), rx.fragment())
    wrong = rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment())
    message = _form(
        "Send a message",
        "Send message",
        state.message,
        select_field(
            "About", KINDS, name="kind", help_="What is not your own text shows the sample of its event type.", error=errors["data"]
        ),
        area_field("Text", name="text", rows="3", error=errors["text"], placeholder="Hello from Crossdock"),
        text_field("Channel", name="channel", error=errors["channel"], placeholder="#sales", help_="Empty: the one of its settings."),
    )
    event = _form(
        "Make a calendar event",
        "Make event",
        state.event,
        text_field("Title", name="summary", error=errors["summary"], placeholder="Call Ada"),
        text_field("Begins, UTC", name="start", type="datetime-local", error=errors["start"]),
        text_field("Ends, UTC", name="end", type="datetime-local", error=errors["end"], help_="Empty: half an hour later."),
    )
    mail = _form(
        "Send a mail",
        "Send mail",
        state.mail,
        text_field("To", name="to", error=errors["to"], placeholder="ada@example.com"),
        text_field("Subject", name="subject", error=errors["subject"]),
        area_field("Text", name="text", rows="4", error=errors["text"]),
    )
    nothing = rx.el.div(rx.el.p("This provider is only read; there is nothing that it is asked to do."), class_name="x-empty")
    return rx.el.div(
        told,
        wrong,
        rx.cond(contains(does, "message"), message, rx.fragment()),
        rx.cond(contains(does, "event"), event, rx.fragment()),
        rx.cond(contains(does, "send"), mail, rx.fragment()),
        rx.cond(length(does) == 0, nothing, rx.fragment()),
        class_name="x-stack-wide",
    )


def _form(title: str, verb: str, submit: Any, *fields: rx.Component) -> rx.Component:
    press = button(verb, look="primary", type="submit", busy=ActionState.busy, allowed=SessionState.can_write, align_self="flex-start")
    return card(title, rx.el.form(*fields, press, on_submit=submit, no_validate=True, class_name="x-card-pad x-stack"))
