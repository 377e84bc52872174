"""Owns the view of the list of replays."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console import examples
from console.components import badge, table
from console.components.basic import link_button, time
from console.components.chart import meter
from console.components.empty import empty, nothing_found
from console.components.table import Column
from console.pages.deliveries.parts import PATH as DELIVERIES
from console.pages.replays.new_state import PATH
from console.pages.replays.rows import ReplayRow
from console.pages.replays.state import ReplaysState
from console.session import SessionState
from console.shell import shell

STATUSES: Final = ("running", "paused", "done", "cancelled")
COLUMNS: Final = [
    Column("What", 240, full=True),
    Column("Status", 80),
    Column("Progress", 140),
    Column("Rate", 60, right=True, wide_only=True),
    Column("By", 90, wide_only=True),
    Column("When", 44, right=True),
]
EXAMPLE: Final = """curl BASE/api/v1/replays \\
  -H "Authorization: Bearer $CROSSDOCK_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"filter": {"status": "dead"}, "rate": 50, "dry_run": true}'"""


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=PATH, title="Replays · Crossdock", on_load=[SessionState.load, ReplaysState.load, ReplaysState.follow])


def view() -> rx.Component:
    """The list."""
    state = ReplaysState
    return shell(
        "Replays",
        rx.el.div(
            table.status_tabs(state, [(word.capitalize(), word) for word in STATUSES]),
            table.table(COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=_empty(), label="Replays"),
            table.pager(state),
            class_name="x-stack",
        ),
        current=PATH,
        action=link_button("New replay", f"{DELIVERIES}?status=dead", icon_name="repeat"),
    )


def _cells(row: ReplayRow) -> list[object]:
    return [
        table.opens(row.what, f"{PATH}/{row.id}"),
        badge.status(row.status, *STATUSES),
        rx.el.span(
            rx.el.span(meter(row.percent, row.done), width="72px", class_name="x-wide-only"),
            rx.el.span(row.done, class_name="x-num"),
            class_name="x-row",
        ),
        row.rate,
        row.by,
        time(row.at),
    ]


def _empty() -> rx.Component:
    fresh = empty(
        "A replay sends events again: the deliveries that you select, or all that match a filter, counted first and at a rate that you choose.",
        link_button("Choose from failed deliveries", f"{DELIVERIES}?status=dead", icon_name="send", look="primary"),
        curl=examples.here(EXAMPLE),
    )
    return rx.cond(ReplaysState.is_filtered, nothing_found(link_button("All replays", PATH)), fresh)
