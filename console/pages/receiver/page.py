"""Owns the view of the receiver."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components import table
from console.components.basic import NOT_ALLOWED, button, gated_link_button, icon, length, negated, time
from console.components.copy import code_block, copy_button
from console.pages.deliveries.parts import headers
from console.pages.receiver.state import PATH, ArrivalRow, ReceiverState
from console.session import SessionState
from console.shell import shell

MODES: Final = (
    ("ok", "200", "Takes it"),
    ("fail", "500", "Fails"),
    ("gone", "410", "Is gone"),
    ("hang", "Hang", "Never answers"),
    ("redirect", "302", "Redirects"),
    ("reset", "Reset", "Hangs up"),
)


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=PATH, title="Receiver · Crossdock", on_load=[SessionState.load, ReceiverState.load, ReceiverState.follow])


def view() -> rx.Component:
    """The page."""
    state = ReceiverState
    hook = rx.cond(
        state.inbox_id != "",
        gated_link_button("Create webhook", state.hook_url, icon_name="webhook", look="primary", allowed=SessionState.can_write),
        rx.fragment(),
    )
    return shell(
        "Receiver",
        rx.el.div(
            rx.cond(length(state.inboxes) > 1, _inboxes(), rx.fragment()),
            rx.cond(state.inbox_id != "", rx.el.div(_address(), _modes(), _arrivals(), class_name="x-stack-wide"), _nothing()),
            class_name="x-stack",
        ),
        current=PATH,
        action=hook,
    )


def _inboxes() -> rx.Component:
    state = ReceiverState
    return table.tabs(
        rx.foreach(
            state.inboxes,
            lambda item: rx.fragment(table.tab(item["name"], item["to"], active=item["id"] == state.inbox_id), key=item["id"]),
        ),
        label="Inboxes",
    )


def _nothing() -> rx.Component:
    return rx.cond(
        ReceiverState.loading,
        rx.el.div(*[rx.el.span(class_name="x-bone", width=width) for width in ("60%", "80%", "40%")], class_name="x-stack"),
        rx.el.div(
            rx.el.p("There is no inbox yet, and your role may not make one. Ask support or an administrator to open this page once."),
            class_name="x-empty",
        ),
    )


def _address() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Its URL", class_name="x-h3"),
            button("Add inbox", icon_name="plus", look="quiet", small=True, on_click=ReceiverState.add, allowed=SessionState.can_operate),
            class_name="x-between",
        ),
        rx.el.div(
            rx.el.span(ReceiverState.url, class_name="x-mono x-cut x-grow", data_testid="receiver-url"),
            copy_button(ReceiverState.url, "Copy URL"),
            class_name="x-card x-row",
            padding="6px 6px 6px 12px",
        ),
        rx.el.p(
            "Send anything here, or point a webhook at it. What arrives shows below, with whether its signature holds.",
            class_name="x-small x-soft",
        ),
        class_name="x-stack-tight",
    )


def _modes() -> rx.Component:
    state = ReceiverState

    def mode(name: str, word: str, about: str) -> rx.Component:
        return rx.el.button(
            rx.el.span(word, class_name="x-strong"),
            rx.el.span(about, class_name="x-tiny x-soft"),
            type="button",
            on_click=state.set_mode(name),
            class_name="x-mode",
            aria_pressed=rx.cond(state.mode == name, "true", "false"),
            disabled=negated(SessionState.can_operate),
            title=rx.cond(SessionState.can_operate, "", NOT_ALLOWED),
            data_mode=name,
        )

    return rx.el.section(
        rx.el.h2("Answers with", class_name="x-h3"),
        rx.el.div(*[mode(*each) for each in MODES], class_name="x-modes"),
        class_name="x-stack-tight",
        gap="8px",
    )


def _arrivals() -> rx.Component:
    state = ReceiverState
    quiet = rx.el.div(
        rx.el.p("Nothing has arrived yet. Create a webhook for this URL and send a test, or try:"),
        code_block("curl -X POST " + state.url + ' -d \'{"hello": "world"}\'', "shell"),
        class_name="x-empty",
    )
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h2("Arrived", class_name="x-h3"), rx.el.span(rx.el.i(), "Live", class_name="x-live"), class_name="x-row", gap="12px"
            ),
            rx.cond(
                length(state.rows) > 0,
                button("Clear", look="quiet", small=True, icon_name="eraser", on_click=state.clear, allowed=SessionState.can_operate),
                rx.fragment(),
            ),
            class_name="x-between",
        ),
        rx.cond(length(state.rows) > 0, rx.el.div(rx.foreach(state.rows, _arrival), class_name="x-stack", gap="8px"), quiet),
        class_name="x-stack",
    )


def _arrival(row: ArrivalRow) -> rx.Component:
    mark = rx.cond(
        row.is_signed,
        rx.el.span(icon("shield-check", 13), "Verified", class_name="x-badge x-good"),
        rx.el.span(icon("shield-alert", 13), "Not verified", class_name="x-badge x-wait"),
    )
    return rx.el.details(
        rx.el.summary(
            rx.el.span(row.method, class_name="x-mono x-strong"),
            rx.el.span(row.event, class_name="x-mono"),
            mark,
            rx.el.span("answer: ", row.answered, class_name="x-soft"),
            rx.el.span(time(row.at), class_name="x-soft"),
            icon("chevron-right", 14),
        ),
        rx.el.div(
            rx.el.p(row.verdict, class_name="x-small"),
            rx.el.div(
                rx.el.section(rx.el.h3("Headers", class_name="x-h3"), headers(row.headers), class_name="x-stack-tight"),
                rx.el.section(rx.el.h3("Body", class_name="x-h3"), code_block(row.body, "json"), class_name="x-stack-tight"),
                class_name="x-halves",
            ),
            class_name="x-stack",
        ),
        class_name="x-attempt",
        key=row.id,
    )
