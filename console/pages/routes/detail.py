"""Owns the view of one route."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import button, link_button, menu, menu_item, note, text_link, time
from console.components.copy import copy_id
from console.components.dialog import ask, ask_to_delete
from console.components.empty import nothing_found
from console.components.table import Column
from console.pages.routes.detail_state import RouteState, RunsState
from console.pages.routes.editor import editor
from console.pages.routes.editor_state import RouteEditorState
from console.pages.routes.paths import PATH
from console.pages.routes.rows import RUN_LOOKS, RUN_STATES, STATES, RunRow
from console.session import SessionState
from console.shell import bones, one

COLUMNS: Final = [
    Column("Status", 90),
    Column("Event", 120),
    Column("What came of it", 260, full=True),
    Column("Tries", 30, right=True, wide_only=True),
    Column("When", 44, right=True),
    Column("", 90, right=True),
]


def add(app: rx.App) -> None:
    """Add the page."""
    loads = [SessionState.load, RouteState.load, RunsState.load, RouteEditorState.load]
    app.add_page(
        view, route=f"{PATH}/[route_id]", title="Route · Crossdock", on_load=[*loads, RouteState.follow, RunsState.follow]
    )  # fmt: skip


def view() -> rx.Component:
    """The page."""
    return one(RouteState, RouteState.route, "route", ("Routes", PATH), _content(), _dialogs(), _actions())


def _actions() -> rx.Component:
    state = RouteState
    unwritable = ~SessionState.can_write
    return rx.el.div(
        button("Send now…", icon_name="send", on_click=state.open_dialog("send"), allowed=SessionState.can_operate),
        menu(
            "More actions",
            menu_item("Run failed again", "repeat", state.run_failed, disabled=~SessionState.can_operate),
            menu_item(rx.cond(state.route.is_active, "Switch off", "Switch on"), "power", state.toggle, disabled=unwritable),
            menu_item("Delete", "trash-2", state.open_dialog("delete"), danger=True, disabled=unwritable),
            allowed=SessionState.can_operate,
        ),
        class_name="x-row",
    )


def _content() -> rx.Component:
    state, route = RouteState, RouteState.route
    here = PATH + "/" + route.id
    via = rx.cond(route.integration_path != "", text_link(route.via, route.integration_path), route.via)
    return rx.el.div(
        rx.el.div(
            badge.status(route.state, *STATES),
            rx.el.span(rx.el.span(route.events, class_name="x-mono"), " → ", route.does, " through ", via, class_name="x-small x-wrap"),
            copy_id(route.id),
            class_name="x-row-wrap",
        ),
        rx.cond(
            route.held != "",
            note("Its runs wait. ", route.held, " ", route.held_step, tone="wait", icon_name="clock"),
            rx.fragment(),
        ),
        rx.cond(~route.is_active, note("It is switched off: no event goes through it.", tone="bad", icon_name="circle-off"), rx.fragment()),
        table.tabs(
            table.tab("Runs", here, active=state.tab == "runs"),
            table.tab("Settings", here + "?tab=settings", active=state.tab == "settings"),
            label="Parts of this route",
        ),
        rx.cond(state.tab == "settings", rx.cond(RouteEditorState.loading, bones(), editor("Save")), _runs()),
        class_name="x-stack",
    )


def _runs() -> rx.Component:
    state, route = RunsState, RouteState.route
    options = [rx.el.option("Any", value=""), *(rx.el.option(each.capitalize(), value=each) for each in RUN_STATES)]
    here = PATH + "/" + route.id
    fresh = rx.el.div(
        rx.el.p(
            "No event has come yet. Publish one of ",
            rx.el.span(route.events, class_name="x-mono"),
            ", or press Send now to do it with the sample.",
        ),
        class_name="x-empty",
    )
    none = rx.cond(state.is_filtered, nothing_found(link_button("Clear filters", here)), fresh)
    listing = table.table(COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=none, label="Runs")
    return rx.el.div(
        rx.el.p(
            rx.el.span(route.done, class_name="x-num"),
            " done, ",
            rx.el.span(route.failed, class_name="x-num"),
            " failed",
            class_name="x-strong",
        ),
        rx.el.div(
            table.chip("Status", state.status, rx.fragment(*options), lambda value: state.pick("status", value)),
            table.clear_filters(state, here),
            class_name="x-toolbar",
        ),
        listing,
        table.pager(state),
        class_name="x-stack",
    )


def _cells(row: RunRow) -> list[Any]:
    told = rx.el.div(
        rx.el.div(row.told, " ", rx.el.span(row.step, class_name="x-soft"), class_name="x-sentence x-wrap"),
        rx.cond(row.sent != "", rx.el.div(row.sent, class_name="x-tiny x-soft x-cut", title=row.sent), rx.fragment()),
        padding="6px 0",
        min_width="0",
    )
    again = button(
        "Run again",
        icon_name="repeat",
        small=True,
        on_click=RunsState.run_again(row.id),
        allowed=SessionState.can_operate,
        class_="x-above",
    )
    when = rx.cond(row.due != "", rx.el.span("next ", time(row.due), class_name="x-soft"), time(row.at))
    return [
        badge.status(row.state, *RUN_LOOKS),
        table.opens(rx.el.span(row.event, class_name="x-mono"), row.event_path),
        told,
        row.attempts,
        when,
        rx.cond(row.can_run, again, rx.fragment()),
    ]


def _dialogs() -> rx.Component:
    state = RouteState
    return rx.fragment(
        ask(
            state,
            "send",
            "Send now",
            "Does it for real with the newest event of these types, or their sample. The filter is not asked, and no run is kept.",
            "Send now",
            state.send,
        ),
        ask_to_delete(
            state,
            "Delete this route",
            ["No event goes through it any more.", "What waits is not sent."],
            name=state.route.name,
        ),
    )
