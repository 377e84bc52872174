"""Owns the view of a module's records."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console import examples
from console.components import table
from console.components.basic import button, gated_link_button, icon, link, link_button, note, time
from console.components.empty import empty, nothing_found
from console.components.form import field
from console.pages.records.filters import OPERATORS
from console.pages.records.paths import FIELDS, NEW, PATH
from console.pages.records.rows import ChoiceRow, ConditionRow, HeadRow, RecordRow
from console.pages.records.state import RecordsState
from console.session import SessionState
from console.shell import gone, shell

EXAMPLE: Final = """curl BASE/api/v1/records/MODULE \\
  -H "Authorization: Bearer $CROSSDOCK_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{…}'"""


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=f"{PATH}/[module_name]",
        title="Records · Crossdock",
        on_load=[SessionState.load, RecordsState.load, RecordsState.follow],
    )


def view() -> rx.Component:
    """The list."""
    state = RecordsState
    missing = gone("There is no such module in this workspace. It may have been deleted, or belong to another one.", PATH, "All modules")
    listing = table.sheet(_heads(), state.rows, _row, loading=state.loading, empty=_empty(), label="Records")
    content = rx.el.div(
        _toolbar(),
        rx.cond(state.problem != "", note(state.problem, tone="bad", icon_name="circle-alert"), rx.fragment()),
        listing,
        table.pager(state),
        class_name="x-stack",
    )
    here = PATH + "/" + state.name
    new = gated_link_button("New record", here + "/" + NEW, icon_name="plus", look="primary", allowed=SessionState.can_write)
    return shell(
        rx.cond(state.label != "", state.label, "Records"),
        rx.cond(state.missing, missing, content),
        current=PATH,
        parent=("Records", PATH),
        action=rx.cond(state.name != "", new, rx.fragment()),
    )


def _toolbar() -> rx.Component:
    state = RecordsState
    here = PATH + "/" + state.name
    return rx.el.div(
        table.search_box(state.q, state.search, "Search words or an id"),
        rx.foreach(state.choices, _choice),
        rx.foreach(state.conditions, _condition),
        _narrowing(),
        table.clear_filters(state, here),
        rx.el.span(link_button("Fields", here + "/" + FIELDS, icon_name="columns-3", look="quiet", small=True), margin_left="auto"),
        class_name="x-toolbar",
    )


def _choice(row: ChoiceRow) -> rx.Component:
    options = rx.foreach(row.options, lambda word: rx.el.option(word, value=word, key=word))
    picker = table.chip(
        row.label,
        row.value,
        rx.fragment(rx.el.option("Any", value=""), options),
        lambda value: RecordsState.choose(row.name, value),
    )
    return rx.fragment(picker, key=row.name)


def _condition(row: ConditionRow) -> rx.Component:
    return link(
        rx.el.span(row.told, class_name="x-cut"),
        icon("x", 13),
        to=row.path,
        class_name="x-chip",
        custom_attrs={"data-on": "true"},
        title="Remove this condition",
        key=row.told,
    )


def _narrowing() -> rx.Component:
    state = RecordsState
    trigger = rx.el.button(icon("list-filter", 14), "Filter", type="button", class_name="x-button x-quiet x-small-button")

    def select(name: str, label: str, options: Any) -> rx.Component:
        return field(label, rx.el.select(options, id=name, name=name, class_name="x-select"), name=name)

    form = rx.el.form(
        select("field", "Field", rx.foreach(state.fields, lambda pair: rx.el.option(pair[1], value=pair[0], key=pair[0]))),
        select("operator", "Condition", rx.fragment(*[rx.el.option(word, value=name) for name, word in OPERATORS])),
        field(
            "Value",
            rx.el.input(id="value", name="value", class_name="x-input", auto_complete="off"),
            name="value",
            help_="Dates as 2026-01-31, several separated by commas.",
        ),
        button("Add", look="primary", type="submit", small=True, align_self="flex-start"),
        on_submit=state.narrow,
        class_name="x-stack",
    )
    return rx.popover.root(rx.popover.trigger(trigger), rx.popover.content(form, width="280px", class_name="x-popover"))


def _heads() -> rx.Component:
    def head(row: HeadRow) -> rx.Component:
        mark = rx.match(row.order, ("ascending", icon("arrow-up", 12)), ("descending", icon("arrow-down", 12)), rx.fragment())
        sortable = link(row.label, mark, to=row.path, class_name="x-sort", title="Sort by it; again for the other way round")
        return rx.el.th(
            rx.cond(row.path != "", sortable, row.label),
            scope="col",
            aria_sort=row.order,
            class_name=rx.cond(row.is_right, "x-right", ""),
            key=row.name,
        )

    return rx.fragment(rx.foreach(RecordsState.heads, head))


def _row(row: RecordRow) -> rx.Component:
    def cell(value: Any, place: Any) -> rx.Component:
        return rx.el.td(value.text, class_name=rx.cond(value.is_right, "x-right x-num", ""), title=value.text, key=place)

    return rx.el.tr(
        rx.el.td(table.opens(row.title, row.path)),
        rx.foreach(row.cells, cell),
        rx.el.td(time(row.at), class_name="x-right x-num"),
        key=row.id,
    )


def _empty() -> rx.Component:
    state = RecordsState
    here = PATH + "/" + state.name
    fresh = empty(
        rx.fragment("There are no records of ", state.label, " yet. ", state.about),
        gated_link_button("New record", here + "/" + NEW, icon_name="plus", look="primary", allowed=SessionState.can_write),
        curl=examples.here(EXAMPLE).replace("MODULE", state.name),
    )
    further = rx.el.div(
        rx.el.p("Nothing matches among the records that were looked through.", class_name="x-soft"),
        link_button("Look further", state.older, icon_name="chevron-right"),
        class_name="x-empty",
    )
    filtered = rx.cond(state.older != "", further, nothing_found(link_button("Clear filters", here)))
    return rx.cond(state.problem != "", rx.fragment(), rx.cond(state.is_filtered, filtered, fresh))
