"""Owns the showing of a one-time secret: it travels once, lives in the browser only, and is in no state of the server's."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.experimental.client_state import ClientStateVar

from console.components.basic import Live, Text, icon
from console.components.copy import copy_button

_secret = ClientStateVar.create("revealedsecret", default="")
_stored = ClientStateVar.create("secretstored", default=False)


def reveal(plaintext: str) -> rx.event.EventSpec:
    """Send the plaintext to the open page, once."""
    return _secret.push(plaintext)


def is_revealed() -> Live:
    """Whether the browser holds a secret to show."""
    return _secret.value != ""


ONCE = "It is shown this once and kept nowhere in readable form. If it is lost, rotate to get another."


def secret_panel(what: Text, *, filename: str, on_close: Any, next_step: rx.Component | None = None, once: str = ONCE) -> rx.Component:
    """The secret with copy and download; "I have stored it" frees Close, which forgets it and calls `on_close`.

    Until then, leaving the page or closing its dialog asks.
    """
    return rx.el.div(
        _stored_hook(),
        rx.el.div(
            rx.el.div(icon("key-round"), rx.el.span(what, class_name="x-strong"), class_name="x-row"),
            rx.el.p(once, class_name="x-small x-soft"),
            class_name="x-stack-tight",
        ),
        rx.cond(
            is_revealed(),
            rx.el.div(_secret.value, class_name="x-secret-value", custom_attrs={"data-testid": "secret"}),
            rx.el.div("No longer here: the page was loaded again, and it is shown only once.", class_name="x-secret-value x-soft"),
        ),
        rx.el.div(
            copy_button(_secret.value, words=True),
            rx.el.button(
                icon("download", 14),
                "Download",
                type="button",
                class_name="x-button x-quiet x-small-button",
                custom_attrs={"data-download": filename, "data-content": _secret.value},
            ),
            class_name="x-row",
        ),
        next_step or rx.fragment(),
        _foot(on_close),
        class_name="x-secret",
        custom_attrs={"data-unstored": rx.cond(is_revealed() & ~_stored.value, "true", "false")},
        on_unmount=[_secret.set_value(""), _stored.set_value(False)],
    )


def _stored_hook() -> rx.Component:
    return rx.fragment(_secret, _stored)


def _foot(on_close: Any) -> rx.Component:
    check = rx.el.label(
        rx.el.input(type="checkbox", checked=_stored.value, on_change=_stored.set_value(~_stored.value), name="stored"),
        "I have stored it",
        class_name="x-check",
    )
    close = rx.el.button(
        "Close",
        type="button",
        disabled=~_stored.value,
        class_name="x-button x-primary",
        on_click=[_secret.set_value(""), _stored.set_value(False), on_close],
    )
    return rx.el.div(check, close, class_name="x-between")
