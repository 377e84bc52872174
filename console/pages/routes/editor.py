"""Owns the view of a route that is being written, and the page of making one."""

from __future__ import annotations

import reflex as rx

from console.components.basic import button, card, icon, length, link_button, note
from console.components.copy import copy_button
from console.components.form import area_field, field, guarded_form, more, text_field
from console.pages.integrations.paths import CATALOGUE
from console.pages.routes.editor_state import RouteEditorState
from console.pages.routes.forms import PREFIX
from console.pages.routes.paths import NEW, PATH
from console.pages.routes.rows import ChoiceGroup, ChoiceRow, InputRow, LeafRow
from console.pages.webhooks.fields import FILTER_EXAMPLE, event_picker
from console.session import SessionState
from console.shell import bones, permitted, shell


def add(app: rx.App) -> None:
    """Add the page of making one."""
    app.add_page(view, route=NEW, title="Create route · Crossdock", on_load=[SessionState.load, RouteEditorState.load])


def view() -> rx.Component:
    """The making of a route."""
    state = RouteEditorState
    ready = rx.cond(length(state.targets) > 0, editor("Create route"), _nothing_connected())
    return shell(
        "Create route", permitted(state, rx.cond(state.loading, bones(), ready)), current=PATH, parent=("Routes", PATH)
    )  # fmt: skip


def editor(verb: str) -> rx.Component:
    """The form on the left; what it makes of an event, and the event's values, on the right."""
    state, errors = RouteEditorState, RouteEditorState.errors
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.el.div(
            rx.el.div(*_settings(), class_name="x-stack"),
            rx.el.div(_trial(), _values(), class_name="x-stack"),
            class_name="x-halves",
        ),
        rx.el.div(
            button(verb, look="primary", type="submit", busy=state.busy & (state.intent != "try"), allowed=SessionState.can_write),
            link_button("Cancel", PATH, look="quiet"),
            class_name="x-row",
        ),
        on_submit=state.submit,
        class_name="x-stack-wide",
        saved=state.saved,
    )


def _nothing_connected() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            "A route has an integration do something: Slack, Gmail, Outlook and Google Calendar can, and so can the sandbox, "
            "which is built in. None of them is here yet."
        ),
        link_button("Connect a provider", CATALOGUE, icon_name="plug", look="primary"),
        class_name="x-empty",
    )


def _settings() -> list[rx.Component]:
    state, errors = RouteEditorState, RouteEditorState.errors

    def choice(row: ChoiceRow) -> rx.Component:
        return rx.el.option(row.label, value=row.value, key=row.value)

    def group(row: ChoiceGroup) -> rx.Component:
        return rx.el.optgroup(rx.foreach(row.choices, choice), label=row.name, key=row.name)

    target = rx.el.select(
        rx.el.option("Choose what is done", value="", disabled=True),
        rx.foreach(state.targets, group),
        id="target",
        name="target",
        value=state.target,
        on_change=state.choose,
        class_name="x-select",
    )
    wrong = rx.cond(errors["action"], errors["action"], errors["integration_id"])
    return [
        text_field(
            "Name",
            name="name",
            default_value=state.name,
            error=errors["name"],
            max_length=120,
            help_="Empty: made from the action and the integration.",
        ),
        event_picker(state.groups, state.held, state.other, errors["events"]),
        area_field(
            "Filter",
            name="filter",
            mono=True,
            rows="2",
            default_value=state.filter,
            error=errors["filter"],
            placeholder=FILTER_EXAMPLE,
            spell_check=False,
            help_="Only events that match are sent. Combine with all, any and not. Empty: every event of these types.",
        ),
        field("Then", target, name="target", error=wrong),
        rx.cond(state.target != "", _inputs(), rx.fragment()),
    ]


def _inputs() -> rx.Component:
    state, errors = RouteEditorState, RouteEditorState.errors

    def one(row: InputRow) -> rx.Component:
        name = PREFIX + row.name
        code = "x-input x-code-input"
        long = rx.el.textarea(id=name, name=name, default_value=row.value, spell_check=False, rows="3", class_name="x-area x-code-input")
        short = rx.el.input(id=name, name=name, default_value=row.value, spell_check=False, auto_complete="off", class_name=code)
        label = rx.fragment(row.label, rx.cond(row.is_required, "", rx.el.span(" (optional)", class_name="x-soft")))
        control: rx.Component = rx.fragment(rx.cond(row.is_long, long, short))
        return rx.fragment(field(label, control, name=name, help_=row.about), key=state.target + row.name)

    return rx.el.fieldset(
        rx.el.legend("What is sent", class_name="x-label"),
        rx.el.p(
            "Text, with values of the event in braces: ",
            rx.el.code("New order {data.id}", class_name="x-mono"),
            ". The values of an event are listed beside this.",
            class_name="x-help",
        ),
        rx.foreach(state.inputs, one),
        rx.cond(errors["mapping"], rx.el.p(icon("circle-alert", 13), errors["mapping"], class_name="x-error", role="alert"), rx.fragment()),
        more(
            area_field(
                "Further mapping",
                name="mapping",
                mono=True,
                rows="6",
                default_value=state.further,
                key=state.target + state.further,
                spell_check=False,
                placeholder='[{"source": "data.due_at", "target": "start", "transform": [{"name": "date"}], "default": "…"}]',
                help_="JSON: what a text cannot say. Transforms, defaults and required values, as incoming webhooks have them.",
            ),
            label="More",
        ),
        class_name="x-field x-card x-card-pad",
    )


def _trial() -> rx.Component:
    state = RouteEditorState
    tried = state.tried
    shown = rx.el.div(
        rx.el.p("With ", tried.source, ", ", rx.el.span(tried.event, class_name="x-mono"), ":", class_name="x-small x-soft"),
        rx.cond(tried.refused != "", note(tried.refused, tone="wait", icon_name="funnel"), rx.fragment()),
        rx.cond(
            length(tried.problems) > 0,
            note(rx.foreach(tried.problems, lambda each: rx.el.p(each, key=each)), tone="bad", icon_name="circle-alert"),
            rx.el.p(tried.text, class_name="x-card x-card-pad x-mono x-wrap", white_space="pre-wrap", data_testid="preview"),
        ),
        class_name="x-stack",
        aria_live="polite",
    )
    body = rx.el.div(
        text_field(
            "Event",
            name="event_id",
            mono=True,
            placeholder="evt_…",
            help_="Its id. Empty: the newest event of these types, else the sample.",
        ),
        button(
            "Preview",
            icon_name="eye",
            type="submit",
            on_click=state.intend("try"),
            busy=state.busy & (state.intent == "try"),
            allowed=SessionState.can_write,
            align_self="flex-start",
        ),
        rx.cond(tried.event != "", shown, rx.fragment()),
        class_name="x-stack x-card-pad",
    )
    return card("What would be sent", body)


def _values() -> rx.Component:
    state = RouteEditorState

    def leaf(row: LeafRow) -> rx.Component:
        return rx.el.li(
            rx.el.div(
                rx.el.div(row.path, class_name="x-mono x-wrap"),
                rx.el.div(row.value, class_name="x-soft x-cut"),
                class_name="x-grow x-small",
            ),
            copy_button(row.path, "Copy this value's place"),
            class_name="x-sample x-between",
            key=row.path,
        )

    title = rx.fragment("Values of ", rx.el.span(state.leaves_of, class_name="x-mono"))
    none = rx.el.p("Choose events and an action, then press Preview: the values of an event appear here.", class_name="x-help x-card-pad")
    listed = rx.el.ul(rx.foreach(state.leaves, leaf), class_name="x-leaves", data_testid="values")
    return card(rx.cond(state.leaves_of != "", title, "Values of an event"), rx.cond(length(state.leaves) > 0, listed, none))
