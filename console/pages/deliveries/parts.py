"""Owns how deliveries and attempts look, wherever they are shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import Live, icon, length, time
from console.components.chart import times_bar
from console.components.copy import code_block, copy_id
from console.components.table import Column
from console.pages.deliveries.rows import AttemptRow, DeliveryRow

PATH: Final = "/settings/deliveries"
STATUSES: Final = ("waiting", "sending", "retrying", "delivered", "dead", "cancelled")
_WEBHOOK: Final = Column("Webhook", 110)
COLUMNS: Final = [
    Column("Status", 90, full=True),
    Column("Event", 120),
    _WEBHOOK,
    Column("Result", 90),
    Column("Took", 44, right=True),
    Column("Next try", 44, right=True, wide_only=True),
    Column("When", 44, right=True),
]


def listing(
    rows: Live,
    *,
    loading: Live,
    empty: rx.Component,
    skeleton_rows: int = 8,
    pick: Callable[[DeliveryRow], rx.Component] | None = None,
    of_one_webhook: bool = False,
) -> rx.Component:
    """A table of deliveries; a row opens the delivery, and `pick` goes before its status. On a webhook's own page its name is left out."""
    shown = [place for place, column in enumerate(COLUMNS) if not (of_one_webhook and column is _WEBHOOK)]

    def cells(row: DeliveryRow) -> list[Any]:
        every = _cells(row, pick(row) if pick else rx.fragment())
        return [every[place] for place in shown]

    return table.table(
        [COLUMNS[place] for place in shown],
        rows,
        cells,
        key=lambda row: row.id,
        loading=loading,
        empty=empty,
        label="Deliveries",
        skeleton_rows=skeleton_rows,
    )


def _cells(row: DeliveryRow, before: rx.Component) -> list[Any]:
    state = rx.el.span(
        badge.status(row.status, *STATUSES),
        rx.cond(row.tries != "", rx.el.span(row.tries, class_name="x-tiny x-soft x-num"), rx.fragment()),
        rx.cond(row.mark == "test", badge.status("test"), rx.cond(row.mark == "replay", badge.status("replay"), rx.fragment())),
        class_name="x-row",
    )
    return [
        rx.el.span(before, table.opens(state, f"{PATH}/{row.id}"), class_name="x-row"),
        rx.el.span(row.event, class_name="x-mono"),
        row.webhook,
        row.result,
        row.duration,
        rx.cond(row.hold != "", rx.el.span("On hold", title=row.hold), rx.cond(row.next_at != "", time(row.next_at), "")),
        time(row.at),
    ]


def attempt(row: AttemptRow, *, opened: bool | Live = False) -> rx.Component:
    """One attempt, folded: its outcome; unfolded: times, advice, both exchanges."""
    return rx.el.details(
        rx.el.summary(
            rx.el.span("Attempt ", row.number, class_name="x-strong"),
            rx.el.span(row.summary),
            rx.cond(row.trigger != "", rx.el.span(row.trigger, class_name="x-soft"), rx.fragment()),
            rx.el.span(time(row.at, clock=True), class_name="x-soft"),
            icon("chevron-right", 14),
        ),
        rx.el.div(exchange(row), class_name="x-stack"),
        class_name="x-attempt",
        open=opened,
        key=row.id,
    )


def exchange(row: AttemptRow) -> rx.Component:
    """What went out, what came back, how long each part took, and what to do about it."""
    pruned = rx.el.p("The headers and bodies of this attempt are not kept any more; its outcome is.", class_name="x-small x-soft")
    return rx.el.div(
        rx.cond(row.advice != "", rx.el.p(row.advice), rx.fragment()),
        times_bar(row.times),
        rx.cond(row.is_kept, rx.el.div(_request(row), _response(row), class_name="x-halves"), pruned),
        class_name="x-stack",
    )


def _request(row: AttemptRow) -> rx.Component:
    return rx.el.section(
        rx.el.h3("Request", class_name="x-h3"),
        rx.el.div(
            rx.el.span("POST ", class_name="x-mono x-soft"),
            copy_id(row.url),
            rx.cond(
                row.address != "",
                rx.el.span("to ", rx.el.span(row.address, class_name="x-mono"), class_name="x-tiny x-soft"),
                rx.fragment(),
            ),
            class_name="x-row-wrap",
        ),
        headers(row.request_headers),
        code_block(row.request_body, "json", title="Body"),
        class_name="x-stack",
    )


def _response(row: AttemptRow) -> rx.Component:
    note = rx.cond(row.response_note != "", "Body, " + row.response_note, "Body")
    return rx.el.section(
        rx.el.h3("Response", class_name="x-h3"),
        rx.el.div(rx.el.span(row.response_line, class_name="x-mono"), class_name="x-row"),
        rx.cond(
            length(row.response_headers) > 0, headers(row.response_headers), rx.el.p("No headers came back.", class_name="x-small x-soft")
        ),
        rx.cond(row.response_body != "", code_block(row.response_body, "json", title=note), rx.fragment()),
        class_name="x-stack",
    )


def headers(pairs: Live) -> rx.Component:
    """Names and values of headers."""
    return rx.el.dl(
        rx.foreach(pairs, lambda pair: rx.fragment(rx.el.dt(pair[0]), rx.el.dd(pair[1]))),
        class_name="x-headers x-codeblock",
        tab_index=0,
    )
