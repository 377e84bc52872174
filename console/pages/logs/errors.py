"""Owns the views of the log of errors."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import facts, link_button, text_link, time
from console.components.copy import code_block, copy_id
from console.components.empty import empty
from console.components.table import Column
from console.pages.logs import parts
from console.pages.logs.errors_state import ErrorsState, ErrorState
from console.pages.logs.parts import ERRORS
from console.pages.logs.rows import ErrorRow
from console.pages.logs.states import PATH
from console.pages.logs.wanted import INSTANCE
from console.session import SessionState
from console.shell import bones, gone, permitted, shell

SEVERITIES: Final = (("warning", "Warning"), ("error", "Error"), ("critical", "Critical"))
_NAMES: Final = tuple(name for name, _ in SEVERITIES)
COLUMNS: Final = [
    Column("Severity", 80),
    Column("What happened", 320, full=True),
    Column("Kind", 120, wide_only=True),
    Column("When", 44, right=True),
]


def add(app: rx.App) -> None:
    """Add the pages."""
    app.add_page(_errors, route=ERRORS, title="Errors · Crossdock", on_load=[SessionState.load, ErrorsState.load, ErrorsState.follow])
    app.add_page(
        _error,
        route=f"{ERRORS}/[error_id]",
        title="Error · Crossdock",
        on_load=[SessionState.load, ErrorState.load, ErrorState.follow],
    )


def _errors() -> rx.Component:
    state = ErrorsState
    severities = [rx.el.option("Any severity", value=""), *(rx.el.option(word, value=name) for name, word in SEVERITIES)]
    scopes = [rx.el.option("This workspace", value=""), rx.el.option("The installation", value=INSTANCE)]
    toolbar = rx.el.div(
        table.search_box(state.q, state.search, "Search message or id"),
        table.chip(
            "Severity",
            state.severity,
            rx.fragment(*severities),
            lambda value: state.pick("severity", value),
            shown=rx.match(state.severity, *SEVERITIES, state.severity),
        ),
        table.chip("Of", state.scope, rx.fragment(*scopes), lambda value: state.pick("scope", value)),
        table.time_chip(state),
        table.clear_filters(state, ERRORS),
        parts.files(state),
        class_name="x-toolbar",
    )
    fresh = empty(
        "Nothing has gone wrong. Deliveries that are given up, webhooks that fail or are disabled, and calls that fail on our side "
        "are listed here.",
        link_button("Monitoring", "/settings/monitoring", icon_name="activity"),
    )
    listing = table.table(
        COLUMNS,
        state.rows,
        _cells,
        key=lambda row: row.id,
        loading=state.loading,
        empty=parts.empty(state, ERRORS, fresh),
        label="Errors",
        skeleton_rows=12,
    )
    return shell(
        "Logs",
        rx.el.div(parts.kinds(ERRORS), toolbar, permitted(state, listing, table.pager(state)), class_name="x-stack"),
        current=PATH,
        action=parts.live_switch(state),
    )


def _cells(row: ErrorRow) -> list[Any]:
    return [
        badge.status(row.severity, *_NAMES),
        table.opens(rx.el.span(row.message, class_name="x-sentence", title=row.message), f"{ERRORS}/{row.id}"),
        row.kind,
        time(row.at),
    ]


def _error() -> rx.Component:
    error = ErrorState.error
    missing = gone("There is no such error in this workspace's log. It may be older than the log is kept.", ERRORS, "All errors")
    return shell(
        rx.cond(error.id != "", error.kind, "Error"),
        rx.cond(ErrorState.missing, missing, rx.cond(error.id == "", bones(), _content())),
        current=PATH,
        parent=("Errors", ERRORS),
    )


def _content() -> rx.Component:
    error = ErrorState.error
    none = rx.el.span("None", class_name="x-soft")
    about = rx.cond(error.path != "", text_link(error.target, error.path), rx.el.span(error.target, class_name="x-mono x-wrap"))
    whose = rx.cond(error.is_instance, "The installation", "This workspace")
    story = rx.el.div(
        rx.el.div(badge.status(error.severity, *_NAMES), copy_id(error.id), class_name="x-row-wrap"),
        rx.el.p(error.message, class_name="x-h2 x-wrap", data_testid="sentence"),
        rx.cond(error.detail != "", code_block(error.detail, "json", title="Detail"), rx.fragment()),
        class_name="x-stack",
    )
    aside = rx.el.aside(
        facts(
            ("When", time(error.at)),
            ("About", rx.cond(error.target != "", about, none)),
            ("Of", whose),
            ("Trace", rx.cond(error.trace != "", copy_id(error.trace), none)),
        ),
        rx.cond(error.trace != "", text_link("Everything of this trace", "/settings/events?q=" + error.trace), rx.fragment()),
        class_name="x-card x-card-pad x-stack",
    )
    return rx.el.div(story, aside, class_name="x-two")
