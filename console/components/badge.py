"""Owns badges: a state as a word, an icon and a colour of meaning."""

from __future__ import annotations

import reflex as rx

from console.components.basic import Live, icon
from console.theme import LOOKS, Look


def _look(look: Look, *, bare: bool, word: Live = None) -> rx.Component:
    return rx.el.span(
        icon(look.icon, 13),
        look.word if word is None else word,
        class_name=f"x-badge {f'x-{look.tone}' if look.tone else ''}{' x-bare' if bare else ''}",
    )


def status(state: Live, *states: str) -> rx.Component:
    """The badge of a state; `states` are those that can occur here (all, when none are given)."""
    if isinstance(state, str):
        return _look(LOOKS[state], bare=False)
    return rx.fragment(
        rx.match(state, *[(name, _look(LOOKS[name], bare=False)) for name in states or LOOKS], rx.el.span(state, class_name="x-badge"))
    )


def tally(state: Live, text: Live, *states: str) -> rx.Component:
    """`text` (such as `3 delivered`) with the icon and colour of a state, one of `states`."""
    shown = [(name, _look(LOOKS[name], bare=True, word=text)) for name in states]
    return rx.fragment(rx.match(state, *shown, rx.el.span(text, class_name="x-badge x-bare")))


def dot(state: Live, *states: str) -> rx.Component:
    """Only the icon of a state, for timelines; the word stands beside it."""
    return rx.fragment(
        rx.match(
            state,
            *[
                (name, rx.el.span(icon(LOOKS[name].icon, 13), class_name=f"x-dot x-{LOOKS[name].tone or 'plain'}"))
                for name in states or LOOKS
            ],
            rx.el.span(icon("circle", 13), class_name="x-dot"),
        )
    )


def tag(text: Live) -> rx.Component:
    """A name such as a scope or an event type."""
    return rx.el.span(text, class_name="x-tag")


def count(text: Live) -> rx.Component:
    """A number beside a word."""
    return rx.el.span(text, class_name="x-count")
