"""Owns empty states: one sentence, one action, one example."""

from __future__ import annotations

import reflex as rx

from console.components.basic import Text
from console.components.copy import code_block


def empty(sentence: Text, action: rx.Component | None = None, *, curl: Text = "") -> rx.Component:
    """What a list shows while there is nothing in it; `curl` is the call that would fill it."""
    return rx.el.div(
        rx.el.p(sentence),
        action or rx.fragment(),
        code_block(curl, "shell", title="Or over the API") if not isinstance(curl, str) or curl else rx.fragment(),
        class_name="x-empty",
    )


def nothing_found(clear: rx.Component) -> rx.Component:
    """What a list shows when its filters leave nothing."""
    return rx.el.div(rx.el.p("Nothing matches these filters.", class_name="x-soft"), clear, class_name="x-empty")
