"""Owns the view of one record, and of one to be made."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components.basic import Live, button, contains, facts, link_button, note, text_link, time
from console.components.copy import copy_id
from console.components.dialog import confirm_by_name
from console.components.form import field, guarded_form
from console.pages.logs.parts import AUDIT
from console.pages.records.forms import PREFIX
from console.pages.records.paths import NEW, PATH
from console.pages.records.record_state import RecordState
from console.pages.records.rows import InputRow
from console.session import SessionState
from console.shell import bones, gone, shell


def add(app: rx.App) -> None:
    """Add the pages."""
    for last, title in ((NEW, "New record"), ("[record_id]", "Record")):
        app.add_page(
            view,
            route=f"{PATH}/[module_name]/{last}",
            title=f"{title} · Crossdock",
            on_load=[SessionState.load, RecordState.load, *([] if last == NEW else [RecordState.follow])],
        )


def view() -> rx.Component:
    """The page."""
    state, record = RecordState, RecordState.record
    missing = gone("There is no such record in this workspace. It may have been deleted, or belong to another one.", PATH, "All modules")
    title = rx.cond(record.is_new, "New record of " + record.label, rx.cond(record.title != "", record.title, "Record"))
    delete = button("Delete…", look="danger", on_click=state.open_dialog("delete"), allowed=SessionState.can_write)
    return shell(
        title,
        rx.cond(state.missing, missing, rx.cond(record.module == "", bones(), _content())),
        confirm_by_name(
            "Delete this record",
            ["It is gone for everybody who reads it over the API, too.", "An event tells webhooks of it."],
            name=record.typed,
            verb="Delete",
            opened=state.ask == "delete",
            on_close=state.close_dialog,
            on_confirm=state.delete,
            busy=state.busy,
            error=state.ask_error,
        ),
        current=PATH,
        parent=("Records", PATH),
        action=rx.cond(record.id != "", delete, rx.fragment()),
    )


def _content() -> rx.Component:
    state, record = RecordState, RecordState.record
    here = PATH + "/" + record.module
    save = rx.cond(record.is_new, "Create record", "Save changes")
    form = guarded_form(
        rx.cond(state.errors[""], note(state.errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.foreach(state.inputs, _input),
        rx.el.div(
            button(save, look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write),
            link_button("Cancel", here, look="quiet"),
            class_name="x-row",
        ),
        on_submit=state.save,
        class_name="x-form",
        key=record.module + record.id + record.updated,
        saved=state.saved,
    )
    return rx.cond(record.is_new, form, rx.el.div(form, _facts(), class_name="x-two"))


def _facts() -> rx.Component:
    record = RecordState.record
    return rx.el.aside(
        facts(
            ("Module", text_link(record.label, PATH + "/" + record.module)),
            ("Id", copy_id(record.id)),
            ("Created", time(record.created)),
            ("Changed", time(record.updated)),
        ),
        text_link("Events about it", "/settings/events?q=" + record.id),
        text_link("Who changed it", AUDIT + "?q=" + record.id),
        class_name="x-card x-card-pad x-stack",
    )


def _input(row: InputRow) -> rx.Component:
    name, error = PREFIX + row.name, RecordState.errors[row.name]
    shared: dict[str, Any] = {"id": name, "name": name, "aria_invalid": rx.cond(error, "true", "false")}

    def options(*first: rx.Component) -> rx.Component:
        return rx.fragment(*first, rx.foreach(row.options, lambda pair: rx.el.option(pair[1], value=pair[0], key=pair[0])))

    def select(*children: Any) -> rx.Component:
        return rx.el.select(*children, default_value=row.value, class_name="x-select", **shared)

    yes = (rx.el.option("–", value=""), rx.el.option("Yes", value="true"), rx.el.option("No", value="false"))
    html: Live = row.html
    control: Live = rx.match(
        row.kind,
        ("yes", select(*yes)),
        ("choice", select(options(rx.el.option("–", value="")))),
        (
            "choices",
            rx.el.div(rx.foreach(row.options, lambda pair: _box(name, pair[0], row.picked)), class_name="x-boxes", padding_left="0"),
        ),
        ("area", rx.el.textarea(default_value=row.value, class_name="x-area", **shared)),
        ("json", rx.el.textarea(default_value=row.value, class_name="x-area x-code-input", **shared)),
        (
            "reference",
            rx.el.div(
                rx.el.input(default_value=row.value, class_name="x-input x-code-input", auto_complete="off", list=name + "-list", **shared),
                rx.el.datalist(options(), id=name + "-list"),
            ),
        ),
        rx.el.input(type=html, step="any", default_value=row.value, class_name="x-input", auto_complete="off", **shared),
    )
    return rx.fragment(field(row.label, control, name=name, help_=row.about, error=error), key=row.name)


def _box(name: Live, option: Live, picked: Live) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="checkbox", name=name + ":" + option, default_checked=contains(picked, option)),
        rx.el.span(option),
        class_name="x-check",
        key=option,
    )
