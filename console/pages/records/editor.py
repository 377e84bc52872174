"""Owns the view of the editor of a module."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from backend.records.fields import FieldType
from console.components import badge
from console.components.basic import Live, button, icon_button, length, link_button, menu, menu_item, note
from console.components.dialog import confirm_by_name, dialog, foot
from console.components.form import area_field, field, guarded_form, more, select_field, text_field
from console.pages.records.editor_state import EditorState
from console.pages.records.paths import FIELDS, NEW_MODULE, PATH
from console.pages.records.rows import FieldRow
from console.session import SessionState
from console.shell import bones, gone, shell

TYPES: Final = (
    (FieldType.TEXT, "Text"),
    (FieldType.NUMBER, "Number"),
    (FieldType.BOOLEAN, "Yes or no"),
    (FieldType.DATE, "Date"),
    (FieldType.DATETIME, "Date and time"),
    (FieldType.EMAIL, "E-mail"),
    (FieldType.URL, "Web address"),
    (FieldType.PHONE, "Phone"),
    (FieldType.SELECT, "One of several"),
    (FieldType.MULTI_SELECT, "Some of several"),
    (FieldType.REFERENCE, "Reference"),
    (FieldType.JSON, "JSON"),
)
RULES: Final = '[{"when": "becomes", "field": "status", "value": "done", "publish": "task.completed"}]'


def add(app: rx.App) -> None:
    """Add the pages."""
    for route, title in ((NEW_MODULE, "New module"), (f"{PATH}/[module_name]/{FIELDS}", "Fields")):
        app.add_page(view, route=route, title=f"{title} · Crossdock", on_load=[SessionState.load, EditorState.load])


def view() -> rx.Component:
    """The page."""
    state = EditorState
    missing = gone("There is no such module in this workspace. It may have been deleted, or belong to another one.", PATH, "All modules")
    ends = rx.el.div(
        link_button("Records", PATH + "/" + state.name, icon_name="table-2"),
        menu("More actions", menu_item("Delete", "trash-2", state.open_dialog("delete"), danger=True), allowed=SessionState.can_write),
        class_name="x-row",
    )
    return shell(
        rx.cond(state.is_new, "New module", rx.cond(state.label != "", state.label, "Module")),
        rx.cond(state.missing, missing, rx.cond(state.revision == "", bones(), _form())),
        _dialogs(),
        current=PATH,
        parent=("Records", PATH),
        action=rx.cond(state.name != "", ends, rx.fragment()),
    )


def _form() -> rx.Component:
    state, errors = EditorState, EditorState.errors
    name = rx.cond(
        state.is_new,
        text_field(
            "Name",
            name="name",
            mono=True,
            placeholder="contacts",
            error=errors["name"],
            help_="Lower-case, usually plural. It names the path of the records and the scopes of keys, and cannot change.",
        ),
        rx.el.div(
            badge.tag(state.name), rx.foreach(state.events, lambda event: rx.fragment(badge.tag(event), key=event)), class_name="x-row-wrap"
        ),
    )
    save = button(
        rx.cond(state.is_new, "Create module", "Save changes"),
        look="primary",
        type="submit",
        busy=state.busy,
        allowed=SessionState.can_write,
    )
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        name,
        text_field("Label", name="label", error=errors["label"], default_value=state.label, max_length=100, placeholder="Contacts"),
        _fields(),
        more(*_further(errors)),
        rx.el.div(save, link_button("Cancel", PATH, look="quiet"), class_name="x-row"),
        on_submit=state.save,
        class_name="x-form",
        max_width="760px",
        key=state.revision,
        saved=state.revision,
    )


def _further(errors: Live) -> list[rx.Component]:
    state = EditorState
    return [
        text_field(
            "Singular",
            name="singular",
            mono=True,
            placeholder="contact",
            default_value=state.singular,
            error=errors["singular"],
            help_="Names its events, such as contact.created. Empty: made from the name.",
        ),
        area_field("Description", name="description", default_value=state.description, error=errors["description"], max_length=1000),
        select_field(
            "Names in events",
            [("snake", "first_name"), ("camel", "firstName")],
            name="event_names",
            default_value=state.event_names,
            error=errors["event_names"],
            help_="How the data of its events names fields.",
        ),
        area_field(
            "Rules",
            name="rules",
            mono=True,
            rows="6",
            placeholder=RULES,
            default_value=state.rules,
            error=errors["rules"],
            help_="Further events that a change publishes: when created, when a field changes or becomes a value, or when a time is due.",
        ),
    ]


def _fields() -> rx.Component:
    state = EditorState
    add = button(
        "Add field", icon_name="plus", small=True, on_click=state.append_field, allowed=SessionState.can_write, align_self="flex-start"
    )
    return rx.el.fieldset(
        rx.el.legend("Fields", class_name="x-label"),
        rx.cond(state.errors["fields"], note(state.errors["fields"], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.foreach(state.fields, _field),
        rx.cond(length(state.fields) == 0, rx.el.p("It has no fields yet.", class_name="x-soft x-small"), rx.fragment()),
        add,
        class_name="x-field",
        border="0",
        padding="0",
    )


def _field(row: FieldRow) -> rx.Component:
    state = EditorState
    kinds = [rx.el.option(word, value=kind.value) for kind, word in TYPES]
    kind = rx.el.select(
        *kinds, id=row.id + ":type", value=row.kind, on_change=lambda value: state.set_kind(row.id, value), class_name="x-select"
    )
    main = rx.el.div(
        _text(row, "Name", "name", row.name, mono=True, placeholder="first_name"),
        field("Type", kind, name=row.id + ":type", error=_error(row, "type")),
        rx.el.div(
            icon_button("arrow-up", "Move up", small=True, on_click=state.raise_field(row.id), allowed=SessionState.can_write),
            icon_button("trash-2", "Remove this field", small=True, on_click=state.remove_field(row.id), allowed=SessionState.can_write),
            class_name="x-row x-field-ends",
        ),
        class_name="x-field-main",
    )
    flags = rx.el.div(
        _box(row, "Required", "required", row.required),
        _box(row, "Unique", "unique", row.unique),
        _box(row, "Personal data", "pii", row.pii),
        class_name="x-row-wrap",
        gap="8px 20px",
    )
    wrong = rx.cond(_error(row, "unique"), rx.el.p(_error(row, "unique"), class_name="x-error", role="alert"), rx.fragment())
    longest = _text(row, "Characters at most", "max_length", row.most, input_mode="numeric", placeholder="10,000")
    rest = more(
        _text(row, "Label", "label", row.label),
        rx.cond(row.kind == "text", longest, rx.fragment()),
        _text(row, "Default", "default", row.default, mono=True),
        _text(row, "Description", "description", row.about),
        label="Label, default and more",
    )
    return rx.el.div(main, flags, wrong, _of_kind(row), rest, class_name="x-card x-card-pad x-stack", key=row.id)


def _error(row: FieldRow, part: str) -> Live:
    return EditorState.errors[row.id + f":{part}"]


def _text(row: FieldRow, label: str, part: str, value: Live, *, mono: bool = False, **props: Any) -> rx.Component:
    name, error = row.id + f":{part}", _error(row, part)
    look = f"x-input{' x-code-input' if mono else ''}"
    control = rx.el.input(
        id=name, name=name, default_value=value, class_name=look, aria_invalid=rx.cond(error, "true", "false"), auto_complete="off", **props
    )
    return field(label, control, name=name, error=error)


def _box(row: FieldRow, label: str, part: str, checked: Live) -> rx.Component:
    box = rx.el.input(type="checkbox", name=row.id + f":{part}", default_checked=checked)
    return rx.el.label(box, rx.el.span(label), class_name="x-check")


def _of_kind(row: FieldRow) -> rx.Component:
    """What only fields of this type have."""
    name = row.id + ":options"
    options = rx.el.textarea(id=name, name=name, default_value=row.options, class_name="x-area", rows="4")
    choices = field("Options", options, name=name, help_="One a line.", error=_error(row, "options"))
    there = rx.foreach(EditorState.others, lambda other: rx.el.option(other, value=other, key=other))
    to = row.id + ":module"
    target = rx.el.select(rx.el.option("–", value=""), there, id=to, name=to, default_value=row.module, class_name="x-select")
    return rx.fragment(
        rx.match(
            row.kind,
            ("select", choices),
            ("multi-select", choices),
            ("reference", field("Refers to", target, name=to, error=_error(row, "module"))),
            rx.fragment(),
        )
    )


def _dialogs() -> rx.Component:
    state = EditorState
    sure = dialog(
        "Change data, too",
        rx.el.p(state.doubt, class_name="x-small x-wrap"),
        rx.cond(state.ask_error != "", note(state.ask_error, tone="bad", icon_name="circle-alert"), rx.fragment()),
        foot(
            button("Go back", on_click=state.close_dialog),
            button("Save all the same", look="danger-solid", on_click=state.confirm, busy=state.busy),
        ),
        opened=state.ask == "confirm",
        on_close=state.close_dialog,
        about="What is removed cannot be brought back.",
    )
    gone_with_it = rx.cond(
        state.records == "1", "Its only record is deleted with it.", rx.fragment("Its ", state.records, " records are deleted with it.")
    )
    return rx.fragment(
        sure,
        confirm_by_name(
            "Delete this module",
            [gone_with_it, "Its event types are archived; keys with its scopes reach nothing by them.", "It cannot be undone."],
            name=state.name,
            verb="Delete",
            opened=state.ask == "delete",
            on_close=state.close_dialog,
            on_confirm=state.delete,
            busy=state.busy,
            error=state.ask_error,
        ),
    )
