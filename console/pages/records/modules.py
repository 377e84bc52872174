"""Owns the view of the list of modules and of starter sets."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console import examples
from console.components import badge, table
from console.components.basic import button, gated_link_button, icon, length, section, text_link
from console.components.empty import empty
from console.components.table import Column
from console.pages.records.modules_state import ModulesState
from console.pages.records.paths import FIELDS, NEW_MODULE, PATH
from console.pages.records.rows import ModuleRow, SetRow
from console.session import SessionState
from console.shell import shell

COLUMNS: Final = [
    Column("Module", 110),
    Column("Name", 90, wide_only=True),
    Column("Events", 200, full=True),
    Column("Fields", 30, right=True),
    Column("Records", 40, right=True),
    Column("", 40, right=True, wide_only=True),
]
EXAMPLE: Final = """curl BASE/api/v1/modules \\
  -H "Authorization: Bearer $CROSSDOCK_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"name": "contacts", "fields": [{"name": "email", "type": "email", "required": true, "unique": true}]}'"""


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=PATH, title="Records · Crossdock", on_load=[SessionState.load, ModulesState.load, ModulesState.follow])


def view() -> rx.Component:
    """The list, and what can be installed."""
    state = ModulesState
    listing = table.table(
        COLUMNS, state.rows, _cells, key=lambda row: row.name, loading=state.loading, empty=_empty(), label="Modules", skeleton_rows=5
    )
    sets = section(
        "Starter sets",
        rx.el.div(rx.foreach(state.sets, _set), class_name="x-cards"),
        about="Modules that belong together, with their events and rules. What is there already stays as it is.",
    )
    return shell(
        "Records",
        rx.el.div(listing, sets, class_name="x-stack-wide"),
        current=PATH,
        action=gated_link_button("New module", NEW_MODULE, icon_name="plus", look="primary", allowed=SessionState.can_write),
    )


def _cells(row: ModuleRow) -> list[Any]:
    events = rx.foreach(row.events, lambda name: rx.fragment(badge.tag(name), key=name))
    return [
        table.opens(rx.el.span(row.label, title=row.about), f"{PATH}/{row.name}"),
        rx.el.span(row.name, class_name="x-mono"),
        rx.el.span(events, class_name="x-row-wrap"),
        rx.el.span(row.fields, rx.el.span(" fields", class_name="x-narrow-only x-soft")),
        rx.el.span(row.records, rx.el.span(" records", class_name="x-narrow-only x-soft")),
        rx.el.span(text_link("Fields", f"{PATH}/{row.name}/{FIELDS}"), class_name="x-above"),
    ]


def _set(row: SetRow) -> rx.Component:
    def module(pair: Any) -> rx.Component:
        return rx.el.span(
            rx.cond(pair[1] != "", icon("check", 12), rx.fragment()), pair[0], class_name="x-tag x-row", gap="4px", key=pair[0]
        )

    install = button(
        "Install",
        icon_name="download",
        small=True,
        on_click=ModulesState.install(row.name),
        busy=ModulesState.installing == row.name,
        allowed=SessionState.can_write,
        aria_label="Install " + row.label,
    )
    done = rx.el.span(icon("circle-check", 13), "Installed", class_name="x-badge x-good")
    return rx.el.section(
        rx.el.div(rx.el.h3(row.label, class_name="x-h3"), rx.cond(row.is_complete, done, install), class_name="x-between"),
        rx.el.p(row.about, class_name="x-small x-soft"),
        rx.el.div(rx.foreach(row.modules, module), class_name="x-row-wrap"),
        class_name="x-card x-card-pad x-stack",
        key=row.name,
    )


def _empty() -> rx.Component:
    return empty(
        "A module is a kind of record with fields of your own, such as contacts or invoices; every change of a record is an event. "
        "Install a starter set below, or define a module.",
        rx.cond(
            length(ModulesState.sets) > 0,
            gated_link_button("New module", NEW_MODULE, icon_name="plus", allowed=SessionState.can_write),
            rx.fragment(),
        ),
        curl=examples.here(EXAMPLE),
    )
