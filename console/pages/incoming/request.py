"""Owns the view of one stored request."""

from __future__ import annotations

import reflex as rx

from console.components import badge
from console.components.basic import Live, button, card, facts, icon, length, note, text_link, time
from console.components.copy import code_block, copy_id
from console.pages.incoming.detail_state import ArrivalsState
from console.pages.incoming.request_state import ArrivalState
from console.pages.incoming.rows import StepRow
from console.pages.incoming.state import PATH
from console.session import SessionState
from console.shell import bones, gone, shell


def add(app: rx.App) -> None:
    """Add the page."""
    loads = [SessionState.load, ArrivalState.load, ArrivalState.follow]
    app.add_page(view, route=f"{PATH}/[incoming_id]/[request_id]", title="Request · Crossdock", on_load=loads)


def view() -> rx.Component:
    """The page."""
    state = ArrivalState
    missing = gone("There is no such request here. It may be older than the log is kept.", PATH, "All incoming webhooks")
    replay = button("Replay", icon_name="repeat", look="primary", on_click=state.replay, busy=state.busy, allowed=SessionState.can_operate)
    return shell(
        "Request",
        rx.cond(state.missing, missing, rx.cond(state.arrival.id == "", bones(), _content())),
        current=PATH,
        parent=("Incoming", PATH),
        action=rx.cond(state.arrival.can_replay, replay, rx.fragment()),
    )


def _content() -> rx.Component:
    arrival = ArrivalState.arrival
    story = rx.el.div(
        rx.el.div(badge.status(arrival.status, *ArrivalsState.STATUSES), copy_id(arrival.id), class_name="x-row-wrap"),
        rx.el.p(arrival.sentence, class_name="x-h2 x-wrap", data_testid="sentence"),
        rx.el.ol(rx.foreach(arrival.steps, _step), class_name="x-story"),
        rx.cond(length(arrival.errors) > 0, _errors(), rx.fragment()),
        card("Headers", rx.el.dl(rx.foreach(arrival.headers, _header), class_name="x-headers x-card-pad")),
        code_block(arrival.body, arrival.syntax, title="Body, without its secrets"),
        rx.cond(arrival.truncated, rx.el.p("Cut after 64 KB.", class_name="x-tiny x-soft"), rx.fragment()),
        class_name="x-stack",
    )
    return rx.el.div(story, _facts(), class_name="x-two")


def _step(row: StepRow) -> rx.Component:
    good = rx.el.span(icon("check", 12), class_name="x-dot x-good")
    bad = rx.el.span(icon("x", 12), class_name="x-dot x-bad")
    return rx.el.li(
        rx.cond(row.state == "done", good, bad),
        rx.el.div(rx.el.span(row.name, class_name="x-strong"), " ", rx.el.span(row.text, class_name="x-wrap"), class_name="x-small"),
        class_name="x-step",
        key=row.name,
    )


def _errors() -> rx.Component:
    listed = rx.foreach(
        ArrivalState.arrival.errors,
        lambda pair: rx.el.li(rx.el.span(pair[0], class_name="x-mono"), " ", pair[1], key=pair[0] + pair[1]),
    )
    return note(rx.el.ul(listed, class_name="x-stack-tight x-small"), tone="bad", icon_name="circle-alert")


def _header(pair: Live) -> rx.Component:
    return rx.fragment(rx.el.dt(pair[0]), rx.el.dd(pair[1], class_name="x-wrap"))


def _facts() -> rx.Component:
    arrival, none = ArrivalState.arrival, rx.el.span("None", class_name="x-soft")
    return rx.el.aside(
        facts(
            ("Webhook", text_link(ArrivalState.webhook, PATH + "/" + ArrivalState.webhook_id)),
            ("Record", rx.cond(arrival.record != "", text_link(arrival.record, arrival.record_path), none)),
            ("Event", rx.cond(arrival.event != "", rx.el.span(arrival.event, class_name="x-mono"), none)),
            ("Source's id", rx.cond(arrival.source_id != "", copy_id(arrival.source_id), none)),
            ("Arrived", time(arrival.at)),
            ("Took", arrival.took),
            ("Size", arrival.size),
            ("From", rx.el.span(arrival.ip, class_name="x-mono")),
            ("User agent", rx.el.span(arrival.agent, class_name="x-wrap")),
            ("Mapping", rx.fragment("version ", arrival.version)),
            ("Replayed", rx.cond(arrival.replayed != "", arrival.replayed, none)),
            ("Trace", copy_id(arrival.trace)),
        ),
        rx.cond(
            arrival.syntax == "json",
            text_link("Map by this request", PATH + "/" + ArrivalState.webhook_id + "?tab=mapping&sample=" + arrival.id),
            rx.fragment(),
        ),
        text_link("Events that it published", "/settings/events?q=" + arrival.trace),
        class_name="x-card x-card-pad x-stack",
    )
