"""Owns the view of the list of routes."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import gated_link_button, link_button, time
from console.components.empty import empty, nothing_found
from console.components.table import Column
from console.pages.routes.paths import NEW, PATH, TEMPLATES
from console.pages.routes.rows import STATES, RouteRow
from console.pages.routes.state import RoutesState
from console.session import SessionState
from console.shell import live_mark, permitted, shell

COLUMNS: Final = [
    Column("Name", 150),
    Column("Status", 80),
    Column("Events", 130),
    Column("Then", 200, full=True),
    Column("Done", 40, right=True, wide_only=True),
    Column("Failed", 40, right=True, wide_only=True),
    Column("Last", 44, right=True),
]


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view, route=PATH, title="Routes · Crossdock", on_load=[SessionState.load, RoutesState.load, RoutesState.follow]
    )  # fmt: skip


def view() -> rx.Component:
    """The list."""
    state = RoutesState
    listing = table.table(COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=_empty(), label="Routes")
    return shell(
        "Routes",
        permitted(
            state,
            rx.el.div(
                rx.el.div(
                    table.search_box(state.q, state.search, "Search name, action or id"),
                    table.clear_filters(state, PATH),
                    link_button("Templates", TEMPLATES, icon_name="layout-template", look="quiet", small=True),
                    class_name="x-toolbar",
                ),
                listing,
                table.pager(state),
                class_name="x-stack",
            ),
        ),
        current=PATH,
        action=rx.el.div(live_mark(), _create(), class_name="x-row", gap="16px"),
    )


def _create() -> rx.Component:
    return gated_link_button("Create route", NEW, icon_name="plus", look="primary", allowed=SessionState.can_write)


def _cells(row: RouteRow) -> list[Any]:
    told = rx.cond(row.held != "", rx.fragment(". ", row.held, " ", row.held_step), rx.fragment())
    return [
        table.opens(row.name, f"{PATH}/{row.id}"),
        badge.status(row.state, *STATES),
        rx.el.span(row.events, class_name="x-mono x-cut"),
        rx.el.span(row.does, " through ", row.via, told, class_name="x-sentence x-soft"),
        row.done,
        row.failed,
        rx.cond(row.last != "", time(row.last), rx.el.span("Never", class_name="x-soft")),
    ]


def _empty() -> rx.Component:
    fresh = empty(
        "A route has an integration do something when an event happens: a message to Slack for each new lead, a mail for each order, "
        "a calendar event for each task. A template makes all that a common case needs.",
        rx.el.div(
            link_button("Browse templates", TEMPLATES, icon_name="layout-template", look="primary"),
            gated_link_button("Create route", NEW, icon_name="plus", allowed=SessionState.can_write),
            class_name="x-row-wrap",
        ),
    )
    return rx.cond(RoutesState.is_filtered, nothing_found(link_button("Clear filters", PATH)), fresh)
