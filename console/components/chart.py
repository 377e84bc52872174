"""Owns small charts drawn as SVG: the figure with its line, the meter, the bar of an attempt's times."""

from __future__ import annotations

from collections.abc import Sequence

import reflex as rx

from console.components.basic import Live, Text

WIDTH = 120
HEIGHT = 32


def spark_path(values: Sequence[float], ceiling: float | None = None) -> str:
    """The SVG path of a line over equally spaced `values` in a box of 120 by 32; empty for fewer than two."""
    if len(values) < 2:
        return ""
    top = max(ceiling or 0, *values) or 1
    step = WIDTH / (len(values) - 1)
    points = (f"{i * step:.1f},{HEIGHT - 2 - value / top * (HEIGHT - 4):.1f}" for i, value in enumerate(values))
    return "M" + "L".join(points)


def sparkline(path: Live, tone: str = "accent") -> rx.Component:
    """The line of `spark_path`; `tone` is accent, green, amber or red."""
    return rx.el.svg(
        rx.el.svg.path(d=path, fill="none", stroke=f"var(--{tone}-9)", stroke_width="1.5", stroke_linejoin="round", stroke_linecap="round"),
        view_box=f"0 0 {WIDTH} {HEIGHT}",
        custom_attrs={"preserveAspectRatio": "none", "aria-hidden": "true"},
        class_name="x-spark",
    )


def figure(label: Text, value: Live, path: Live, hint: Text, tone: str = "accent") -> rx.Component:
    """A number in large above its line."""
    return rx.el.div(
        rx.el.span(label, class_name="x-small x-soft"),
        rx.el.span(value, class_name="x-figure-value"),
        sparkline(path, tone),
        rx.el.span(hint, class_name="x-tiny x-soft"),
        class_name="x-card x-figure",
    )


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
