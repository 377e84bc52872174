"""Owns copying: ids that copy on click, copy buttons, code blocks and JSON."""

from __future__ import annotations

import reflex as rx

from console.components.basic import Live, Text, _Element, icon


class Code(_Element):
    """Coloured code, text only; assets/console.js draws it."""

    tag = "XCode"
    alias = "x-code"
    text: Live
    syntax: Live


def _marks(size: int = 13) -> tuple[rx.Component, rx.Component]:
    return icon("copy", size, class_name="x-todo"), icon("check", size, class_name="x-done")


def copy_button(text: Text, label: str = "Copy", *, words: bool = False) -> rx.Component:
    """A button that copies `text`; with `words` its label is shown."""
    shape = "x-small-button" if words else "x-small-button x-icon-button"
    return rx.el.button(
        *_marks(14),
        *([label] if words else []),
        type="button",
        aria_label=label,
        title=label,
        class_name=f"x-button x-quiet x-copy {shape}",
        custom_attrs={"data-copy": text},
    )


def copy_id(text: Text, shown: Text | None = None) -> rx.Component:
    """An id (or URL) in full or as `shown`, which copies on click."""
    return rx.el.button(
        rx.el.span(shown if shown is not None else text, class_name="x-cut"),
        *_marks(12),
        type="button",
        title=f"Copy {text}",
        class_name="x-id x-copy x-above",
        custom_attrs={"data-copy": text},
    )


def code_block(text: Text, lang: str = "text", *, title: Text = "") -> rx.Component:
    """Code with a copy button, under a title if one is given."""
    body = Code.create(text=text, syntax=lang)
    if isinstance(title, str) and not title:
        return rx.el.figure(copy_button(text), body, class_name="x-codeblock")
    return rx.el.figure(
        rx.el.header(rx.el.span(title, class_name="x-cut"), copy_button(text)),
        body,
        class_name="x-codeblock",
    )
