"""Owns dialogs: for what needs an answer now, and for what cannot be undone."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components.basic import Live, Text, button, note
from console.components.form import field


def dialog(title: Text, *children: Any, opened: Live, on_close: Any, about: Text = "", width: str = "480px") -> rx.Component:
    """A dialog that is open while `opened`; Escape, the backdrop and its buttons call `on_close`."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title(title, class_name="x-dialog-title", margin_bottom="4px"),
            rx.dialog.description(about, class_name="x-small x-soft", margin_bottom="16px"),
            *children,
            class_name="x-dialog",
            max_width=width,
            aria_describedby=None if about else "",
        ),
        open=opened,
        on_open_change=lambda _open: on_close,
    )


def ask(state: Live, kind: str, title: Text, about: Text, verb: str, on_submit: Any, *fields: rx.Component) -> rx.Component:
    """A form of a `states.Asking`, open while it asks for `kind`; what went wrong is said above the buttons."""
    problem = rx.cond(state.ask_error != "", note(state.ask_error, tone="bad", icon_name="circle-alert"), rx.fragment())
    form = rx.el.form(
        *fields,
        problem,
        foot(button("Cancel", on_click=state.close_dialog), button(verb, look="primary", type="submit", busy=state.busy)),
        on_submit=on_submit,
        class_name="x-stack",
    )
    return dialog(title, form, opened=state.ask == kind, on_close=state.close_dialog, about=about)


def foot(*buttons: rx.Component) -> rx.Component:
    """The buttons of a dialog, the answer last."""
    return rx.el.div(*buttons, class_name="x-dialog-foot")


def confirm_by_name(
    title: Text,
    consequences: list[Text],
    *,
    name: Live,
    verb: str,
    opened: Live,
    on_close: Any,
    on_confirm: Any,
    busy: Live,
    error: Live,
) -> rx.Component:
    """What cannot be undone: lists what follows and asks for the name to be typed; the handler compares it again."""
    form = rx.el.form(
        rx.el.ul(*[rx.el.li("– ", line, class_name="x-small") for line in consequences], class_name="x-stack-tight"),
        field(
            rx.fragment("Type ", rx.el.span(name, class_name="x-mono"), " to confirm"),
            rx.el.input(id="typed_name", name="typed_name", class_name="x-input", auto_complete="off", auto_focus=True),
            name="typed_name",
            error=error,
        ),
        foot(button("Cancel", on_click=on_close), button(verb, look="danger-solid", type="submit", busy=busy)),
        on_submit=on_confirm,
        class_name="x-stack",
    )
    return dialog(title, form, opened=opened, on_close=on_close)


def ask_to_delete(state: Live, title: Text, consequences: list[Text], *, name: Live) -> rx.Component:
    """The deletion of what a `states.Asking` shows, asked for as `delete`."""
    return confirm_by_name(
        title,
        consequences,
        name=name,
        verb="Delete",
        opened=state.ask == "delete",
        on_close=state.close_dialog,
        on_confirm=state.delete,
        busy=state.busy,
        error=state.ask_error,
    )
