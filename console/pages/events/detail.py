"""Owns the view of one event: what became of it and its payload left, facts right."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components import badge
from console.components.basic import button, card, facts, length, link_button, text_link, time
from console.components.copy import code_block, copy_id
from console.components.dialog import ask
from console.components.form import field, text_field
from console.pages.deliveries.parts import PATH as DELIVERIES
from console.pages.events.detail_state import EventState
from console.pages.events.rows import OutcomeRow, RouteOutcomeRow
from console.pages.events.state import PATH
from console.pages.routes.rows import RUN_STATES
from console.session import SessionState
from console.shell import bones, gone, shell

OUTCOMES: Final = (
    "delivered",
    "sending",
    "retrying",
    "waiting",
    "paused",
    "dead",
    "cancelled",
    "filtered",
    "disabled",
    "not_subscribed",
    "deleted",
    "created_later",
)


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view, route=f"{PATH}/[event_id]", title="Event · Crossdock", on_load=[SessionState.load, EventState.load, EventState.follow]
    )


def view() -> rx.Component:
    """The page."""
    event = EventState.event
    missing = gone(
        "There is no such event in this workspace. It may be older than events are kept, or belong to another workspace.",
        PATH,
        "All events",
    )
    replay = button("Replay", icon_name="repeat", look="primary", on_click=EventState.ask_replay(""), allowed=SessionState.can_operate)
    return shell(
        rx.cond(event.type != "", event.type, "Event"),
        rx.cond(EventState.missing, missing, rx.cond(event.id == "", bones(), _content())),
        _dialog(),
        current=PATH,
        parent=("Events", PATH),
        action=rx.cond((event.id != "") & ~event.is_test, replay, rx.fragment()),
    )


def _content() -> rx.Component:
    event = EventState.event
    return rx.el.div(
        rx.el.div(
            rx.el.div(copy_id(event.id), rx.cond(event.is_test, badge.status("test"), rx.fragment()), class_name="x-row-wrap"),
            rx.el.p(event.sentence, class_name="x-h2", data_testid="sentence"),
            _outcomes(),
            rx.cond(length(EventState.runs) > 0, _routes(), rx.fragment()),
            rx.el.div(
                code_block(event.payload, "json", title="Payload, as every delivery sends it (indented here)"),
                rx.cond(event.payload_note != "", rx.el.p(event.payload_note, class_name="x-small x-soft"), rx.fragment()),
                class_name="x-stack-tight",
            ),
            class_name="x-stack",
        ),
        _facts(),
        class_name="x-two",
    )


def _outcomes() -> rx.Component:
    nothing = rx.el.div(
        rx.el.p("The workspace had no webhook when this was published, and has none now. Create one, then replay the event to it."),
        link_button("Webhooks", "/settings/webhooks", icon_name="webhook"),
        class_name="x-stack x-card-pad",
    )
    further = rx.el.p("And ", EventState.further, " further webhooks that it was not sent to.", class_name="x-small x-soft x-card-pad")
    return card(
        "What became of it",
        rx.cond(length(EventState.rows) > 0, rx.el.ul(rx.foreach(EventState.rows, _outcome), class_name="x-list"), nothing),
        rx.cond(EventState.further > 0, further, rx.fragment()),
        action=text_link("Its deliveries", DELIVERIES + "?q=" + EventState.event.id),
    )


def _outcome(row: OutcomeRow) -> rx.Component:
    name = rx.cond(row.is_deleted, rx.el.span(row.name, class_name="x-strong"), text_link(row.name, "/settings/webhooks/" + row.webhook_id))
    told = rx.el.div(
        rx.el.div(name, badge.status(row.outcome, *OUTCOMES), class_name="x-row-wrap"),
        rx.el.span(row.sentence, class_name="x-soft x-wrap"),
        rx.cond(row.condition != "", rx.el.code(row.condition, class_name="x-mono x-tiny x-soft x-wrap"), rx.fragment()),
        class_name="x-stack-tight x-grow",
    )
    again = rx.cond(
        row.is_deleted | EventState.event.is_test,
        rx.fragment(),
        button(
            "Replay",
            look="quiet",
            small=True,
            icon_name="repeat",
            on_click=EventState.ask_replay(row.webhook_id),
            allowed=SessionState.can_operate,
            aria_label="Replay to " + row.name,
        ),
    )
    delivery = rx.cond(
        row.delivery_id != "", link_button("Delivery", DELIVERIES + "/" + row.delivery_id, look="quiet", small=True), rx.fragment()
    )
    return rx.el.li(told, rx.el.div(delivery, again, class_name="x-row"), key=row.webhook_id, class_name="x-item x-item-told")


def _routes() -> rx.Component:
    def run(row: RouteOutcomeRow) -> rx.Component:
        told = rx.el.div(
            rx.el.div(text_link(row.name, row.path), badge.status(row.state, *RUN_STATES), class_name="x-row-wrap"),
            rx.el.span(row.told, class_name="x-soft x-wrap"),
            class_name="x-stack-tight x-grow",
        )
        return rx.el.li(told, key=row.id, class_name="x-item x-item-told")

    return card("Routes", rx.el.ul(rx.foreach(EventState.runs, run), class_name="x-list", data_testid="routes"))


def _facts() -> rx.Component:
    event = EventState.event
    by = rx.cond(event.publisher_path != "", text_link(event.publisher, event.publisher_path), event.publisher)
    return rx.el.aside(
        facts(
            ("Published by", by),
            ("Occurred", time(event.occurred)),
            ("Accepted", time(event.accepted)),
            (
                "Idempotency key",
                rx.cond(event.idempotency_key != "", copy_id(event.idempotency_key), rx.el.span("None", class_name="x-soft")),
            ),
            ("Trace", copy_id(event.trace)),
        ),
        text_link("Everything of this trace", PATH + "?q=" + event.trace),
        class_name="x-card x-card-pad x-stack",
    )


def _dialog() -> rx.Component:
    state = EventState
    options = rx.foreach(
        state.rows, lambda row: rx.cond(row.is_deleted, rx.fragment(), rx.el.option(row.name, value=row.webhook_id, key=row.webhook_id))
    )
    return ask(
        state,
        "replay",
        "Replay this event",
        "It goes out with the same id and body, marked as a replay. A receiver that has dealt with the id may ignore it.",
        "Replay",
        state.replay,
        field(
            "To",
            rx.el.select(
                rx.el.option("Every webhook that takes it now", value=""),
                options,
                id="webhook",
                name="webhook",
                default_value=state.chosen,
                key=state.chosen,
                class_name="x-select",
            ),
            name="webhook",
            help_="To one webhook it goes even if that filters it out or has not subscribed.",
        ),
        text_field(
            "Reason",
            name="reason",
            placeholder="The receiver lost it",
            help_="Optional. Shown with each delivery and in the audit log.",
            max_length=400,
        ),
    )
