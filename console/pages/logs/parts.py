"""Owns how logs look, wherever they are shown."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import table
from console.components.basic import Live, document_link, icon, link_button, time
from console.components.empty import nothing_found
from console.components.table import Column
from console.pages.logs.rows import RequestRow
from console.pages.logs.states import PATH

REQUESTS: Final = f"{PATH}/requests"
ERRORS: Final = f"{PATH}/errors"
AUDIT: Final = f"{PATH}/audit"
UNKNOWN: Final = f"{PATH}/unknown"
_KINDS: Final = (
    ("Requests", PATH),
    ("Deliveries", "/settings/deliveries"),
    ("Errors", ERRORS),
    ("Audit", AUDIT),
    ("Unknown callers", UNKNOWN),
)
TABS: Final = {word.partition(" ")[0].lower(): path for word, path in _KINDS}
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
STATUSES: Final = (("denied", "Denied at the door"), ("2xx", "2xx"), ("3xx", "3xx"), ("4xx", "4xx"), ("5xx", "5xx"), ("429", "429"))


def kinds(current: str) -> rx.Component:
    """The way from one log to the others."""
    return table.tabs(*[table.tab(word, path, active=path == current) for word, path in _KINDS], label="Logs")


def live_switch(state: Live) -> rx.Component:
    """Whether what is new appears by itself."""
    return rx.el.button(
        rx.el.span(rx.el.i(), rx.cond(state.is_live, "Live", "Paused"), class_name="x-live", custom_attrs={"data-on": state.is_live}),
        type="button",
        title=rx.cond(state.is_live, "What is new appears by itself. Press to hold the list still.", "Press to show again what comes."),
        aria_pressed=rx.cond(state.is_live, "true", "false"),
        on_click=state.toggle_live,
        class_name="x-button x-quiet",
    )


def files(state: Live) -> rx.Component:
    """What the filters mean, as a file."""

    def file(label: str, path: Live) -> rx.Component:
        return document_link(
            icon("download", 14), label, to=path, class_name="x-button x-quiet x-small-button", title=f"Download as {label}"
        )

    return rx.el.span(file("CSV", state.csv), file("JSON Lines", state.jsonl), class_name="x-row", margin_left="auto")


def status_chip(state: Live) -> rx.Component:
    """Which answers."""
    options = [rx.el.option("Any status", value=""), *(rx.el.option(word, value=name) for name, word in STATUSES)]
    shown = rx.match(state.status, *STATUSES, state.status)
    return table.chip("Status", state.status, rx.fragment(*options), lambda value: state.pick("status", value), shown=shown)


def method_chip(state: Live) -> rx.Component:
    """Which methods."""
    options = [rx.el.option("Any method", value=""), *(rx.el.option(name, value=name) for name in METHODS)]
    return table.chip("Method", state.method, rx.fragment(*options), lambda value: state.pick("method", value))


def empty(state: Live, path: str, fresh: rx.Component) -> rx.Component:
    """What a log shows without rows: that more is to be looked through, that nothing fits, or `fresh`."""
    further = rx.el.div(
        rx.el.p("Nothing among the newest 20,000 matches.", class_name="x-soft"),
        link_button("Look further back", state.older, icon_name="chevron-right"),
        class_name="x-empty",
    )
    filtered = rx.cond(state.is_filtered, nothing_found(link_button("Clear filters", path)), fresh)
    return rx.cond(state.older != "", further, filtered)


def requests(rows: Live, *, loading: Live, empty: rx.Component, of: str = "all", skeleton_rows: int = 8) -> rx.Component:
    """A table of requests. `of` one caller it says from where each came; of `unknown` ones it leads nowhere."""
    columns = [
        Column("Status", 40),
        Column("Request", 200, full=True),
        Column("Refused by", 70, wide_only=True),
        Column("From", 90, wide_only=True),
        Column("Took", 40, right=True),
        Column("When", 40, right=True),
    ]
    if of == "all":
        columns.insert(2, Column("Caller", 90))

    def cells(row: RequestRow) -> list[Any]:
        call = rx.el.span(row.method, " ", row.path, class_name="x-mono", title=row.path)
        found = [
            rx.el.span(row.status_code, class_name="x-badge x-num " + row.tone),
            call if of == "unknown" else table.opens(call, f"{REQUESTS}/{row.id}"),
            row.refusal,
            rx.el.span(row.ip, class_name="x-mono"),
            row.duration,
            time(row.at),
        ]
        if of == "all":
            found.insert(2, row.caller)
        return found

    return table.table(
        columns, rows, cells, key=lambda row: row.id, loading=loading, empty=empty, label="Requests", skeleton_rows=skeleton_rows
    )
