"""Owns the view of the encryption keys, a card of the page about security."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components import badge
from console.components.basic import Live, button, card, length, note, time
from console.pages.settings.encryption_state import EncryptionState, KeyRow
from console.session import SessionState
from console.shell import bones, permitted

_ROLES: Final = {
    "current": "Encrypts what is stored from now on.",
    "older": "Opens what is still under it. Rotate, and it can go.",
    "hashed": "Only hashes are still under it, which move when each is next used. Keep it until then.",
    "removable": "Nothing refers to it any more: it can be taken out of ENCRYPTION_KEY.",
    "missing": "Not configured: what is under it cannot be opened. Put it back into ENCRYPTION_KEY.",
}


def keys_card() -> rx.Component:
    """The card."""
    state = EncryptionState
    rotate = button(
        "Rotate now",
        icon_name="refresh-cw",
        small=True,
        on_click=state.rotate,
        busy=state.status == "running",
        allowed=SessionState.can_own,
    )
    shown = rx.el.div(rx.cond(length(state.keys) > 0, _keys(), rx.el.div(bones(), class_name="x-card-pad")), _rotation())
    refused = rx.cond(state.denied != "", rx.el.div(permitted(state), class_name="x-card-pad"), shown)
    return card("Encryption keys", refused, action=rx.cond(state.denied != "", rx.fragment(), rotate))


def _keys() -> rx.Component:
    def line(row: KeyRow) -> rx.Component:
        about: Live = rx.match(row.role, *_ROLES.items(), "")
        numbers = rx.el.span(row.sealed, " sealed, ", row.compared, " hashed", class_name="x-num x-soft")
        return rx.el.div(
            rx.el.div(
                rx.el.span(row.id, class_name="x-mono x-strong"), rx.el.span(about, class_name="x-soft"), class_name="x-stack-tight x-grow"
            ),
            numbers,
            class_name="x-item x-item-told",
            key=row.id,
        )

    return rx.el.div(rx.foreach(EncryptionState.keys, line), class_name="x-list")


def _rotation() -> rx.Component:
    state = EncryptionState
    bar = rx.el.div(
        rx.el.span(class_name="x-o-delivered", width=state.width),
        class_name="x-bar",
        role="progressbar",
        aria_label="Progress of the rotation",
        custom_attrs={"aria-valuetext": state.sentence, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": state.percent},
    )
    last = rx.fragment(
        rx.el.div(badge.status(state.status, "running", "verifying", "done", "failed"), time(state.at), class_name="x-row x-small"),
        rx.cond((state.status == "running") | (state.status == "verifying"), bar, rx.fragment()),
        rx.el.p(state.sentence, class_name="x-small x-num"),
    )
    return rx.el.div(
        rx.el.p(
            "To change the key, put a new one first in ENCRYPTION_KEY, as new,old, restart every process, and rotate: all that is sealed is "
            "re-encrypted in batches and opened once more. Hashes of keys and tokens move when each is next used.",
            class_name="x-small x-soft",
        ),
        rx.cond(state.problem != "", note(state.problem, tone="wait", icon_name="info"), rx.fragment()),
        rx.cond(state.status != "", last, rx.fragment()),
        class_name="x-card-pad x-stack",
        border_top="1px solid var(--x-line)",
    )
