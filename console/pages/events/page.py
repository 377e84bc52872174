"""Owns the view of the list of events."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console import examples
from console.components import badge, table
from console.components.basic import length, link, link_button, time
from console.components.copy import copy_id
from console.components.empty import empty, nothing_found
from console.components.table import Column
from console.pages.deliveries.parts import PATH as DELIVERIES
from console.pages.events.rows import TOLD, EventRow
from console.pages.events.state import PATH, EventsState
from console.session import SessionState
from console.shell import live_mark, shell

COLUMNS: Final = [
    Column("Event", 140),
    Column("Deliveries", 180, full=True),
    Column("Id", 200, wide_only=True),
    Column("When", 44, right=True),
]


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=PATH, title="Events · Crossdock", on_load=[SessionState.load, EventsState.load, EventsState.follow])


def view() -> rx.Component:
    """The list."""
    state = EventsState
    listing = table.table(
        COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=_empty(), label="Events", skeleton_rows=12
    )
    return shell("Events", rx.el.div(_toolbar(), listing, table.pager(state), class_name="x-stack"), current=PATH, action=live_mark())


def _toolbar() -> rx.Component:
    state = EventsState
    types = rx.foreach(state.types, lambda name: rx.el.option(name, value=name, key=name))
    return rx.el.div(
        table.search_box(state.q, state.search, "Search id, value, key or trace"),
        table.chip("Type", state.type, rx.fragment(rx.el.option("Any type", value=""), types), lambda value: state.pick("type", value)),
        table.time_chip(state),
        table.clear_filters(state, PATH),
        class_name="x-toolbar",
    )


def _cells(row: EventRow) -> list[object]:
    told = link(
        rx.foreach(row.outcomes, lambda pair: rx.fragment(badge.tally(pair[0], pair[1], *TOLD), key=pair[0])),
        to=f"{DELIVERIES}?q={row.id}",
        class_name="x-row-wrap x-above",
        display="inline-flex",
        title="Its deliveries. " + row.skipped_why,
    )
    return [
        rx.el.span(
            table.opens(rx.el.span(row.type, class_name="x-mono"), f"{PATH}/{row.id}"),
            rx.cond(row.is_own, badge.status("own"), rx.fragment()),
            class_name="x-row",
        ),
        rx.cond(length(row.outcomes) > 0, told, rx.el.span("No webhook was sent to", class_name="x-soft")),
        copy_id(row.id),
        time(row.at),
    ]


def _empty() -> rx.Component:
    fresh = empty(
        "What your systems publish is listed here, with what became of it for each webhook. Publish an event with an API key to see it.",
        link_button("API keys", "/settings/api-keys", icon_name="key-round", look="primary"),
        curl=examples.publish(),
    )
    return rx.cond(EventsState.is_filtered, nothing_found(link_button("Clear filters", PATH)), fresh)
