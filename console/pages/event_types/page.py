"""Owns the views of event types."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console import examples
from console.components import badge, table
from console.components.basic import Live, button, facts, link_button, menu, menu_item, note, text_link
from console.components.copy import code_block, copy_id
from console.components.dialog import dialog, foot
from console.components.empty import nothing_found
from console.components.form import area_field, check_field, text_field
from console.components.table import Column
from console.pages.event_types.rows import TypeRow
from console.pages.event_types.state import PATH, NewTypeState, TypesState, TypeState
from console.session import SessionState
from console.shell import bones, gone, shell

STATUSES: Final = (("Built in", "built_in"), ("Your own", "custom"), ("Archived", "archived"))
_KINDS: Final = tuple(name for _, name in STATUSES)
COLUMNS: Final = [Column("Type", 150), Column("", 70), Column("What it means", 320, full=True), Column("Group", 110, wide_only=True)]


def add(app: rx.App) -> None:
    """Add the pages."""
    app.add_page(
        _list,
        route=PATH,
        title="Event types · Crossdock",
        on_load=[SessionState.load, NewTypeState.close, TypesState.load, TypesState.follow],
    )
    app.add_page(
        _detail, route=f"{PATH}/[type_name]", title="Event type · Crossdock", on_load=[SessionState.load, TypeState.load, TypeState.follow]
    )


def _list() -> rx.Component:
    state = TypesState
    new = button("New event type", icon_name="plus", look="primary", on_click=NewTypeState.open, allowed=SessionState.can_write)
    own = rx.el.div(
        rx.el.p("A type of your own can be published and subscribed to like the built-in ones, and has a sample of your own."),
        button("New event type", icon_name="plus", on_click=NewTypeState.open, allowed=SessionState.can_write),
        class_name="x-empty",
    )
    none = rx.cond(state.q != "", nothing_found(link_button("Clear search", PATH)), own)
    listing = table.table(
        COLUMNS, state.rows, _cells, key=lambda row: row.name, loading=state.loading, empty=none, label="Event types", skeleton_rows=12
    )
    return shell(
        "Event types",
        rx.el.div(
            table.status_tabs(state, STATUSES),
            rx.el.div(table.search_box(state.q, state.search, "Search names and meanings"), class_name="x-toolbar"),
            listing,
            class_name="x-stack",
        ),
        _new_dialog(),
        current=PATH,
        action=new,
    )


def _cells(row: TypeRow) -> list[Any]:
    return [
        table.opens(rx.el.span(row.name, class_name="x-mono"), f"{PATH}/{row.name}"),
        rx.el.span(
            rx.cond(row.kind != "built_in", badge.status(row.kind, *_KINDS), rx.fragment()),
            rx.cond(row.is_deprecated, badge.status("deprecated"), rx.fragment()),
            class_name="x-row",
        ),
        rx.el.span(_sentence(row), class_name="x-sentence x-soft"),
        row.group,
    ]


def _sentence(row: TypeRow) -> rx.Component:
    return rx.foreach(row.pieces, lambda piece: rx.cond(piece.is_code, rx.el.code(piece.text, class_name="x-mono"), piece.text))


def _new_dialog() -> rx.Component:
    state = NewTypeState
    name = text_field(
        "Name",
        name="name",
        mono=True,
        placeholder="invoice.paid",
        error=state.errors["name"],
        help_="Words joined by dots. It cannot change.",
        auto_focus=True,
    )
    return _form_dialog("New event type", "Create event type", state, state.create, state.is_open, state.close, name)


def _form_dialog(
    title: str, verb: str, state: Live, on_submit: Any, opened: Live, on_close: Any, *first: rx.Component, row: Live = None
) -> rx.Component:
    errors = state.errors
    values = {} if row is None else {"description": row.about, "group": row.group, "sample": row.sample, "json_schema": row.schema}

    def given(name: str) -> Live:
        return values.get(name, "")

    form = rx.el.form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        *first,
        text_field("What it means", name="description", default_value=given("description"), error=errors["description"], max_length=1000),
        text_field("Group", name="group", default_value=given("group"), error=errors["group"], max_length=60, placeholder="Your own"),
        area_field(
            "Sample",
            name="sample",
            mono=True,
            rows="6",
            default_value=given("sample"),
            error=errors["sample"],
            placeholder='{"invoice_id": "INV-001", "amount": 120}',
            help_="The data of an event of it, for test sends and the documentation.",
        ),
        area_field(
            "JSON Schema",
            name="json_schema",
            mono=True,
            rows="3",
            default_value=given("json_schema"),
            error=errors["json_schema"],
            help_="Optional; describes the data to those who receive it.",
        ),
        foot(button("Cancel", on_click=on_close), button(verb, look="primary", type="submit", busy=state.busy)),
        on_submit=on_submit,
        class_name="x-stack",
        no_validate=True,
    )
    return dialog(title, form, opened=opened, on_close=on_close, width="560px")


def _detail() -> rx.Component:
    state, row = TypeState, TypeState.type
    missing = gone("There is no such event type in this workspace.", PATH, "All event types")
    archived = row.kind == "archived"
    actions = rx.el.div(
        rx.cond(
            archived,
            rx.fragment(),
            button("Edit", icon_name="pencil", on_click=state.open_dialog("edit"), allowed=SessionState.can_write),
        ),
        menu(
            "More actions",
            menu_item(rx.cond(archived, "Take back", "Archive"), "archive", state.switch),
            allowed=SessionState.can_write,
        ),
        class_name="x-row",
    )
    deprecated = check_field(
        "Deprecated",
        name="deprecated",
        default_checked=row.is_deprecated,
        help_="It still works; who looks it up is told not to build on it.",
    )
    return shell(
        rx.cond(row.name != "", rx.el.span(row.name, class_name="x-mono"), "Event type"),
        rx.cond(state.missing, missing, rx.cond(row.name == "", bones(), _content())),
        _form_dialog(
            "Change this event type", "Save changes", state, state.save, state.ask == "edit", state.close_dialog, deprecated, row=row
        ),
        current=PATH,
        parent=("Event types", PATH),
        action=rx.cond((row.name != "") & (row.kind != "built_in"), actions, rx.fragment()),
    )


def _content() -> rx.Component:
    row = TypeState.type
    schema = rx.cond(row.schema != "", code_block(row.schema, "json", title="JSON Schema"), rx.fragment())
    call = rx.cond(
        row.kind == "archived",
        note("Archived: it can be published no more. Its events stay listed.", tone="", icon_name="archive"),
        code_block(examples.here(row.call), "shell", title="Publish one"),
    )
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                badge.status(row.kind, *_KINDS),
                rx.cond(row.is_deprecated, badge.status("deprecated"), rx.fragment()),
                copy_id(row.name),
                class_name="x-row-wrap",
            ),
            rx.el.p(_sentence(row), class_name="x-h2 x-wrap"),
            code_block(row.sample, "json", title="Sample of its data"),
            schema,
            call,
            class_name="x-stack",
        ),
        rx.el.aside(
            facts(("Group", row.group), ("Version", rx.el.span(row.version, class_name="x-num"))),
            text_link("Events of this type", "/settings/events?type=" + row.name),
            text_link("Deliveries of this type", "/settings/deliveries?event=" + row.name),
            text_link("Webhooks", "/settings/webhooks"),
            class_name="x-card x-card-pad x-stack",
        ),
        class_name="x-two",
    )
