"""Owns forms: label above, help under, the error beside its field in words."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components.basic import Live, Text, icon


class _NativeForm(rx.Component):
    """A form that the browser posts itself: only an answer to a request can set or clear the session's cookie."""

    tag = "form"
    _is_tag_in_global_scope = True
    action: Live
    method: Live


def post_form(action: str, *children: Any, **props: Any) -> rx.Component:
    """A plain form that posts to `action` and follows the answer.

    Where that is the same page with an error, what was typed is in it again, without passwords.
    """
    return _NativeForm.create(*children, action=action, method="post", custom_attrs={"data-keep": "true"}, **props)


def guarded_form(*children: Any, saved: Live, **props: Any) -> rx.Component:
    """A form that is not left unsaved without a question; `saved` is a number that changes whenever it has been saved.

    What is wrong in it the server says, of every field at once.
    """
    return rx.el.form(*children, no_validate=True, custom_attrs={"data-guard": saved}, **props)


def field(label: Text, control: rx.Component, *, name: str, help_: Text = "", error: Live = None) -> rx.Component:
    """One field: its label, the control (whose id is `name`), help, and the error when there is one."""
    parts: list[rx.Component] = [rx.el.label(label, html_for=name), control]
    told = rx.el.p(help_, class_name="x-help", id=f"{name}-help")
    if isinstance(help_, rx.Var):
        parts.append(rx.cond(help_ != "", told, rx.fragment()))
    elif not isinstance(help_, str) or help_:
        parts.append(told)
    if error is not None:
        parts.append(rx.cond(error, rx.el.p(icon("circle-alert", 13), error, class_name="x-error", role="alert"), rx.fragment()))
    return rx.el.div(*parts, class_name="x-field")


def _invalid(error: Live) -> dict[str, Any]:
    return {} if error is None else {"aria_invalid": rx.cond(error, "true", "false")}


def text_field(label: Text, *, name: str, help_: Text = "", error: Live = None, mono: bool = False, **props: Any) -> rx.Component:
    """A line of text; uncontrolled, so typing costs no round trip."""
    control = rx.el.input(id=name, name=name, class_name=f"x-input{' x-code-input' if mono else ''}", **_invalid(error), **props)
    return field(label, control, name=name, help_=help_, error=error)


def area_field(label: Text, *, name: str, help_: Text = "", error: Live = None, mono: bool = False, **props: Any) -> rx.Component:
    """Several lines of text."""
    control = rx.el.textarea(id=name, name=name, class_name=f"x-area{' x-code-input' if mono else ''}", **_invalid(error), **props)
    return field(label, control, name=name, help_=help_, error=error)


def select_field(
    label: Text, options: list[tuple[str, str]] | rx.Var[Any], *, name: str, help_: Text = "", error: Live = None, **props: Any
) -> rx.Component:
    """One of several (`value`, `label`)."""
    if isinstance(options, rx.Var):
        shown = [rx.foreach(options, lambda pair: rx.el.option(pair[1], value=pair[0], key=pair[0]))]
    else:
        shown = [rx.el.option(words, value=value) for value, words in options]
    control = rx.el.select(
        *shown,
        id=name,
        name=name,
        class_name="x-select",
        **_invalid(error),
        **props,
    )
    return field(label, control, name=name, help_=help_, error=error)


def check_field(label: Text, *, name: str, help_: Text = "", **props: Any) -> rx.Component:
    """A yes or no. In the form its name is there if it is ticked.

    It has no id: by that the framework would add it to every form, as false where it is not ticked.
    """
    words = [rx.el.span(label)]
    if not isinstance(help_, str) or help_:
        words.append(rx.el.span(help_, class_name="x-help"))
    return rx.el.label(
        rx.el.input(type="checkbox", name=name, **props), rx.el.span(*words, class_name="x-stack-tight"), class_name="x-check"
    )


def more(*children: Any, label: str = "More") -> rx.Component:
    """What most people leave alone."""
    return rx.el.details(rx.el.summary(icon("chevron-right", 14), label), rx.el.div(*children, class_name="x-form"), class_name="x-more")
