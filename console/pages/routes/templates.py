"""Owns the view of the gallery of templates."""

from __future__ import annotations

import reflex as rx

from console.components.basic import button, card, length, link, link_button, note
from console.components.dialog import dialog, foot
from console.components.form import field
from console.components.secret import secret_panel
from console.pages.integrations.paths import CATALOGUE
from console.pages.routes.paths import PATH, TEMPLATES
from console.pages.routes.rows import AskedRow, ChoiceRow, MadeRow, TemplateRow
from console.pages.routes.templates_state import PREFIX, TemplatesState
from console.session import SessionState
from console.shell import bones, permitted, shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=TEMPLATES, title="Templates · Crossdock", on_load=[SessionState.load, TemplatesState.load])


def view() -> rx.Component:
    """The gallery."""
    state = TemplatesState
    tiles = rx.el.div(rx.foreach(state.rows, _tile), class_name="x-cards")
    return shell(
        "Templates",
        permitted(
            state,
            rx.el.div(
                rx.cond(state.installed != "", _made(), rx.fragment()),
                rx.el.p("Each makes the webhook, mapping and routes of a common case at once. All of it can be changed afterwards."),
                rx.cond(state.loading, bones(), tiles),
                class_name="x-stack-wide",
            ),
        ),
        _install(),
        current=PATH,
        parent=("Routes", PATH),
    )


def _tile(row: TemplateRow) -> rx.Component:
    press = button(
        "Install…", icon_name="plus", look="primary", small=True, on_click=TemplatesState.open(row.name), allowed=SessionState.can_write
    )
    connect = link_button("Connect one first", CATALOGUE, icon_name="plug", small=True)
    return rx.el.section(
        rx.el.h2(row.title, class_name="x-h3"),
        rx.el.p(row.about, class_name="x-small x-soft x-grow"),
        rx.el.p(
            "Makes ",
            row.makes,
            ".",
            rx.cond(row.lacks != "", rx.fragment(" To be connected first: ", row.lacks), rx.fragment()),
            class_name="x-small x-soft",
        ),
        rx.el.div(rx.cond(row.lacks != "", connect, press), class_name="x-row"),
        class_name="x-card x-card-pad x-stack",
        key=row.name,
        custom_attrs={"data-template": row.name},
    )


def _install() -> rx.Component:
    state = TemplatesState

    def choice(row: ChoiceRow) -> rx.Component:
        return rx.el.option(row.label, value=row.value, key=row.value)

    def one(row: AskedRow) -> rx.Component:
        name = PREFIX + row.name
        control = rx.match(
            row.kind,
            ("integration", rx.el.select(rx.foreach(row.choices, choice), id=name, name=name, class_name="x-select")),
            ("secret", rx.el.input(id=name, name=name, type="password", auto_complete="off", class_name="x-input")),
            rx.el.input(id=name, name=name, default_value=row.value, auto_complete="off", class_name="x-input"),
        )
        label = rx.fragment(row.label, rx.cond(row.is_required, "", rx.el.span(" (optional)", class_name="x-soft")))
        return rx.fragment(field(label, rx.fragment(control), name=name, help_=row.about), key=state.chosen.name + row.name)

    problem = rx.cond(
        length(state.errors) > 0,
        note(rx.foreach(state.errors, lambda item: rx.el.p(item[1], key=item[0])), tone="bad", icon_name="circle-alert"),
        rx.fragment(),
    )
    form = rx.el.form(
        rx.el.p(state.chosen.about, class_name="x-small x-soft"),
        rx.foreach(state.asked, one),
        problem,
        foot(button("Cancel", on_click=state.close), button("Install", look="primary", type="submit", busy=state.busy)),
        on_submit=state.install,
        class_name="x-stack",
        no_validate=True,
    )
    return dialog(state.chosen.title, form, opened=state.is_open, on_close=state.close)


def _made() -> rx.Component:
    state = TemplatesState

    def one(row: MadeRow) -> rx.Component:
        named = link(row.name, to=row.path, class_name="x-link")
        return rx.el.li(rx.el.span(row.kind, class_name="x-soft x-grow"), named, class_name="x-item", key=row.path)

    panel = secret_panel(
        state.revealing,
        filename="crossdock-incoming-address.txt",
        on_close=state.stored,
        once="The token in it is shown this once. If it is lost, regenerate it to get another address.",
    )
    return rx.el.div(
        note("Installed ", state.installed, ".", tone="good", icon_name="circle-check"),
        rx.cond(state.revealing != "", panel, rx.fragment()),
        rx.foreach(state.steps, lambda step: rx.el.p(step, key=step)),
        card("What was made", rx.el.ul(rx.foreach(state.made, one), class_name="x-list")),
        class_name="x-stack",
        data_testid="installed",
    )
