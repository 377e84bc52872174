"""Owns the view of the list of deliveries."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console import examples
from console.components import table
from console.components.basic import Live, button, contains, gated_link_button, icon_button, length, link_button
from console.components.empty import empty, nothing_found
from console.pages.deliveries.parts import PATH, listing
from console.pages.deliveries.rows import ERROR_WORDS, DeliveryRow
from console.pages.deliveries.state import DeliveriesState
from console.pages.logs.parts import files, live_switch
from console.pages.replays.dialog import replay_dialog
from console.pages.replays.new_state import NewReplayState
from console.session import SessionState
from console.shell import shell

TABS: Final = (
    ("Delivered", "delivered"),
    ("Retrying", "retrying"),
    ("Waiting", "waiting"),
    ("Failed", "dead"),
    ("Cancelled", "cancelled"),
)
CODES: Final = ("200", "202", "204", "301", "302", "400", "401", "403", "404", "410", "413", "422", "429", "500", "502", "503", "504")


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=PATH,
        title="Deliveries · Crossdock",
        on_load=[SessionState.load, NewReplayState.close, DeliveriesState.load, DeliveriesState.follow],
    )


def view() -> rx.Component:
    """The list."""
    state = DeliveriesState
    return shell(
        "Deliveries",
        rx.el.div(
            table.status_tabs(state, TABS),
            _toolbar(),
            rx.cond(length(state.rows) > 0, _picking(), rx.fragment()),
            listing(state.rows, loading=state.loading, empty=_empty(), skeleton_rows=12, pick=_pick),
            table.pager(state),
            class_name="x-stack",
        ),
        replay_dialog(),
        current=PATH,
        action=live_switch(state),
    )


def _toolbar() -> rx.Component:
    state = DeliveriesState

    def options(first: str, rest: list[Any]) -> Any:
        return rx.fragment(rx.el.option(first, value=""), *rest)

    webhook_options = rx.foreach(state.webhooks, lambda item: rx.el.option(item["name"], value=item["id"], key=item["id"]))
    event_options = rx.foreach(state.events, lambda name: rx.el.option(name, value=name, key=name))
    codes = [rx.el.option(code, value=code) for code in CODES]
    errors = [rx.el.option(words, value=name) for name, words in ERROR_WORDS.items()]
    error_words = rx.match(state.error, *ERROR_WORDS.items(), state.error)
    return rx.el.div(
        table.search_box(state.q, state.search, "Search any id or payload value"),
        table.chip(
            "Webhook",
            state.webhook,
            options("Any webhook", [webhook_options]),
            lambda value: state.pick("webhook", value),
            shown=state.webhook_name,
        ),
        table.chip("Event", state.event, options("Any event", [event_options]), lambda value: state.pick("event", value)),
        table.chip("Status code", state.code, options("Any status code", codes), lambda value: state.pick("code", value)),
        table.chip("Error", state.error, options("Any outcome", errors), lambda value: state.pick("error", value), shown=error_words),
        table.time_chip(state),
        table.clear_filters(state, PATH),
        files(state),
        class_name="x-toolbar",
    )


def _picking() -> rx.Component:
    state = DeliveriesState
    whole = rx.el.label(
        rx.el.input(type="checkbox", checked=state.is_page_selected, on_change=state.select_page),
        rx.cond(length(state.selected) > 0, rx.el.span(length(state.selected), " selected", class_name="x-num"), "Select page"),
    )
    chosen = rx.fragment(
        _replay("Replay selected…", "selected"), icon_button("x", "Clear selection", small=True, on_click=state.select_none)
    )
    matching = _replay(rx.cond(state.is_filtered, "Replay all that match…", "Replay all…"), "matching")
    return rx.el.div(
        rx.cond(SessionState.can_operate, whole, rx.fragment()),
        rx.cond(length(state.selected) > 0, chosen, matching),
        class_name="x-picked",
    )


def _replay(label: Live, scope: str) -> rx.Component:
    asked = NewReplayState.ask(scope)
    return button(label, icon_name="repeat", small=True, on_click=asked, allowed=SessionState.can_operate)


def _pick(row: DeliveryRow) -> rx.Component:
    state = DeliveriesState
    box = rx.el.input(
        type="checkbox",
        checked=contains(state.selected, row.id),
        on_change=state.select(row.id),
        aria_label=f"Select {row.event} to {row.webhook}",
    )
    return rx.cond(SessionState.can_operate & (row.mark != "test"), rx.el.label(box, class_name="x-pick"), rx.fragment())


def _empty() -> rx.Component:
    fresh = empty(
        "Every event that a webhook takes becomes a delivery here, with each attempt and what came back. Publish one to see it.",
        gated_link_button("Create webhook", "/settings/webhooks/new", icon_name="plus", look="primary", allowed=SessionState.can_write),
        curl=examples.publish(),
    )
    return rx.cond(DeliveriesState.is_filtered, nothing_found(link_button("Clear filters", PATH)), fresh)
