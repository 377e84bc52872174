"""Owns small charts: lines over time with their values on hover and focus, the meter, the bar of an attempt's times."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import reflex as rx

from backend.core import clock
from console.components.basic import Live, Text, _Element, link

# How far back charts go, as the address says it, and the hours of it.
RANGES: Final = {"1h": ("1 h", 1), "24h": ("24 h", 24), "7d": ("7 d", 168), "30d": ("30 d", 720)}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its `tone` (accent, green, amber or red), a value for each moment (None: nothing happened), and how one is told."""

    tone: str
    values: Sequence[float | None]
    told: Callable[[float], str]


def lines(at: Sequence[datetime], *drawn: Line) -> str:
    """What `chart` draws: the moments and at most two lines over them; empty for fewer than two moments."""
    if len(at) < 2:
        return ""
    document: dict[str, Any] = {
        "at": [clock.rfc3339(moment) for moment in at],
        "lines": [
            {
                "tone": line.tone,
                "values": list(line.values),
                "words": ["nothing" if each is None else line.told(each) for each in line.values],
            }
            for line in drawn
        ],
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


class _Chart(_Element):
    """Lines that assets/console.js draws, with the values of a moment on hover, and by arrow keys on focus."""

    tag = "XChart"
    alias = "x-chart"
    points: Live
    label: Live


def chosen(text: str, usual: str) -> str:
    """The range that an address names, the usual one for anything else."""
    return text if text in RANGES else usual


def chart(points: Live, label: Text) -> rx.Component:
    """The lines of `lines`; `label` says of what they are."""
    return _Chart.create(points=points, label=label)


def figure(label: Text, value: Live, points: Live, hint: Text, *, drawn: Text = "") -> rx.Component:
    """A number in large above its lines; `drawn` says of what those are where it is not the number's own."""
    return rx.el.div(
        rx.el.span(label, class_name="x-small x-soft"),
        rx.el.span(value, class_name="x-figure-value"),
        chart(points, drawn or label),
        rx.el.span(hint, class_name="x-tiny x-soft"),
        class_name="x-card x-figure",
    )


def ranges(path: Text, chosen: Live) -> rx.Component:
    """The switch between the ranges of a page's charts; the address holds the `chosen` one."""
    items = [
        link(word, to=path + f"?range={name}", class_name="x-range", aria_current=rx.cond(chosen == name, "true", "false"))
        for name, (word, _) in RANGES.items()
    ]
    return rx.el.nav(*items, class_name="x-ranges", aria_label="Time range of the charts")


def meter(percent: Live, label: Text, tone: Live = "accent") -> rx.Component:
    """How much of something is used; `tone` is accent, amber or red."""
    return rx.el.div(rx.el.i(width=f"{percent}%", background=f"var(--{tone}-9)"), class_name="x-meter", role="img", aria_label=label)


PHASES = (("dns", "DNS"), ("connect", "Connect"), ("tls", "TLS"), ("wait", "Waiting"), ("body", "Body"))


def times_bar(times: Live) -> rx.Component:
    """Where an attempt's time went: (`phase`, width such as `12.5%`, `4 ms`) for each phase that took any."""
    names = dict(PHASES)

    def bar(item: Live) -> rx.Component:
        return rx.el.span(class_name=f"x-t-{item[0]}", width=item[1], title=item[2], key=item[0])

    def legend(item: Live) -> rx.Component:
        name = rx.match(item[0], *list(names.items()), item[0])
        return rx.el.span(rx.el.i(class_name=f"x-t-{item[0]}"), name, " ", item[2], key=item[0])

    return rx.el.div(
        rx.el.div(rx.foreach(times, bar), class_name="x-times", aria_hidden="true"),
        rx.el.div(rx.foreach(times, legend), class_name="x-legend"),
        class_name="x-stack-tight",
    )
