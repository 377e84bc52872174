"""Owns lists: the table whose whole row opens the detail, its skeleton, tabs with counts, filters as chips, search and pager."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import reflex as rx

from console.components.badge import count
from console.components.basic import Live, Text, icon, length, link
from console.urls import SPANS


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, the width of its skeleton in px, and whether it is figures, or only for wide screens."""

    head: str
    bone: int = 96
    right: bool = False
    wide_only: bool = False
    full: bool = False  # a line of its own on a narrow screen

    @property
    def class_name(self) -> str:
        """The classes of its cells."""
        return " ".join(name for name, on in (("x-right x-num", self.right), ("x-wide-only", self.wide_only), ("x-full", self.full)) if on)


def opens(label: Any, to: Text) -> rx.Component:
    """The link in a row's first cell; the whole row is its target."""
    return link(label, to=to, class_name="x-open")


def table(
    columns: list[Column],
    rows: Live,
    cells: Callable[[Any], list[Any]],
    *,
    key: Callable[[Any], Any],
    loading: Live,
    empty: rx.Component,
    label: str,
    skeleton_rows: int = 8,
) -> rx.Component:
    """A table of `rows`; while `loading` without rows its skeleton, with none `empty`."""

    def row(item: Any) -> rx.Component:
        return rx.el.tr(
            *[rx.el.td(cell, class_name=column.class_name) for column, cell in zip(columns, cells(item), strict=True)],
            key=key(item),
        )

    heads = [rx.el.th(column.head, scope="col", class_name=column.class_name) for column in columns]
    filled = rx.cond(length(rows) > 0, _frame(heads, rx.el.tbody(rx.foreach(rows, row)), label), empty)
    return rx.cond(loading & (length(rows) == 0), _frame(heads, _bones(columns, skeleton_rows), label, busy=True), filled)


def sheet(heads: Live, rows: Live, row: Callable[[Any], rx.Component], *, loading: Live, empty: rx.Component, label: str) -> rx.Component:
    """A table whose columns are known at run time: `heads` and each `row` have their cells; the last column says when."""
    known = [Column("", bone) for bone in (140, 110, 120, 60)]
    waiting = [rx.el.th(column.head, scope="col") for column in known]
    filled = rx.cond(length(rows) > 0, _frame([heads], rx.el.tbody(rx.foreach(rows, row)), label), empty)
    return rx.cond(loading & (length(rows) == 0), _frame(waiting, _bones(known, 8), label, busy=True), filled)


def _frame(heads: list[Any], body: rx.Component, label: str, *, busy: bool = False) -> rx.Component:
    return rx.el.div(
        rx.el.table(rx.el.thead(rx.el.tr(*heads)), body, class_name="x-table", aria_label=label, aria_busy=busy),
        class_name="x-table-frame",
    )


def _bones(columns: list[Column], number: int) -> rx.Component:
    return rx.el.tbody(
        *[
            rx.el.tr(
                *[
                    rx.el.td(
                        rx.el.span(class_name="x-bone", width=f"{max(32, column.bone - (n * 13 + i * 7) % 40)}px"),
                        class_name=column.class_name,
                    )
                    for i, column in enumerate(columns)
                ]
            )
            for n in range(number)
        ]
    )


def tab(label: Text, to: Text, *, active: Live, number: Text | None = None) -> rx.Component:
    """One tab of a list, a link, with its count."""
    current = rx.cond(active, "page", "false") if isinstance(active, rx.Var) else ("page" if active else "false")
    return link(label, *([] if number is None else [count(number)]), to=to, class_name="x-tab", aria_current=current)


def tabs(*items: rx.Component, label: str) -> rx.Component:
    """Tabs of a list or a detail."""
    return rx.el.nav(*items, class_name="x-tabs", aria_label=label)


def status_tabs(state: Live, statuses: Iterable[tuple[str, str]]) -> rx.Component:
    """The tabs of a `states.Listing`: all of them, then each of `statuses` (word, status), with their counts."""
    return tabs(
        *[
            tab(word, state.tabs[status or "all"], active=state.status == status, number=state.counts[status or "all"])
            for word, status in (("All", ""), *statuses)
        ],
        label="Status",
    )


def chip(label: str, value: Live, options: Any, on_change: Any, *, shown: Live = None) -> rx.Component:
    """A filter: the native select under it picks, the chip says what is picked. `options` are option elements."""
    return rx.el.label(
        rx.el.span(
            rx.cond(value != "", rx.fragment(label, ": ", rx.el.span(shown if shown is not None else value)), label), class_name="x-cut"
        ),
        icon("chevron-down", 13),
        rx.el.select(options, value=value, on_change=on_change, aria_label=label),
        class_name="x-chip",
        custom_attrs={"data-on": value != ""},
    )


def time_chip(state: Live) -> rx.Component:
    """How far back a `states.Listing` with the filter `since` goes."""
    options = [rx.el.option("Any time", value=""), *(rx.el.option(words, value=name) for name, (words, _) in SPANS.items())]
    shown = rx.match(state.since, *((name, words) for name, (words, _) in SPANS.items()), state.since)
    return chip("Time", state.since, rx.fragment(*options), lambda value: state.pick("since", value), shown=shown)


def clear_filters(state: Live, path: str) -> rx.Component:
    """The way out of the filters of a `states.Listing`, while there are any."""
    return rx.cond(state.is_filtered, link(icon("x", 13), "Clear", to=path, class_name="x-button x-quiet x-small-button"), rx.fragment())


def search_box(value: Live, on_search: Any, placeholder: str) -> rx.Component:
    """The list's search; `/` focuses it, Enter searches."""
    return rx.el.form(
        icon("search", 14),
        rx.el.input(
            name="q",
            default_value=value,
            key=value,
            placeholder=placeholder,
            type="search",
            auto_complete="off",
            aria_label=placeholder,
            custom_attrs={"data-search": "true"},
        ),
        rx.el.kbd("/"),
        on_submit=on_search,
        class_name="x-search",
        role="search",
    )


def pager(state: Live) -> rx.Component:
    """How many rows of a `states.Listing` are shown of how many, and the way to the newest and to older ones.

    Nothing without rows, unless more may follow: a log is looked through in steps, of which one may find none.
    """
    plain = "x-button x-quiet x-small-button"
    shown = length(state.rows)
    bar = rx.el.div(
        rx.el.span(
            rx.el.span(shown, class_name="x-num"),
            rx.cond(state.total != "", rx.fragment(" of ", rx.el.span(state.total, class_name="x-num")), " shown"),
        ),
        rx.el.div(
            rx.cond(state.is_first, rx.fragment(), link(icon("chevrons-left", 14), "Newest", to=state.newest, class_name=plain)),
            rx.cond(state.older != "", link("Older", icon("chevron-right", 14), to=state.older, class_name=plain), rx.fragment()),
            class_name="x-row",
        ),
        class_name="x-pager",
    )
    return rx.cond((shown > 0) | (state.older != ""), bar, rx.fragment())
