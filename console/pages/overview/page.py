"""Owns the view of the overview."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console import examples
from console.components import badge
from console.components.basic import Live, card, gated_link_button, icon, length, link_button, text_link, time
from console.components.chart import figure, ranges
from console.components.copy import code_block
from console.components.table import opens
from console.pages.deliveries.parts import STATUSES
from console.pages.deliveries.rows import DeliveryRow
from console.pages.overview.state import NeedRow, OverviewState
from console.session import SessionState
from console.shell import shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route="/", title="Overview · Crossdock", on_load=[SessionState.load, OverviewState.load, OverviewState.follow])


def view() -> rx.Component:
    """The overview."""
    state = OverviewState
    lists = rx.el.div(_attention(), _failures(), class_name="x-halves")
    return shell(
        "Overview",
        rx.cond(
            state.loading & (length(state.steps) == 0),
            _bones(),
            rx.el.div(
                rx.cond(state.are_steps_done, rx.fragment(), _first_steps()),
                rx.cond(state.has_traffic, rx.el.div(_figures(), lists, class_name="x-stack-wide"), rx.fragment()),
                class_name="x-stack-wide",
            ),
        ),
        current="/",
        action=rx.cond(state.has_traffic, ranges("/", state.range), rx.fragment()),
    )


def _bones() -> rx.Component:
    box = rx.el.div(
        rx.el.span(class_name="x-bone", width="40%"),
        rx.el.span(class_name="x-bone", width="60%", height="28px", margin="8px 0"),
        rx.el.span(class_name="x-bone", width="90%", height="36px"),
        class_name="x-card x-figure",
    )
    return rx.el.div(box, box, box, box, class_name="x-figures")


def _figures() -> rx.Component:
    state = OverviewState
    return rx.el.div(
        figure("Attempts that succeeded", state.delivered, state.delivered_line, state.delivered_hint),
        figure("p95", state.p95, state.p95_line, "95 % of attempts took at most this; line: by " + state.step),
        figure(
            "Oldest undelivered",
            state.waiting,
            state.failed_line,
            "since accepted; line: failed attempts by " + state.step,
            drawn="Failed attempts",
        ),
        figure("Requests a minute", state.rate, state.rate_line, "now; line: calls to the API by " + state.step, drawn="Calls to the API"),
        class_name="x-figures",
    )


def _first_steps() -> rx.Component:
    steps = OverviewState.steps
    publish = rx.cond(
        steps["event"],
        rx.fragment(),
        rx.el.div(code_block(examples.publish(), "shell"), grid_column="2 / -1"),
    )
    return card(
        "From here to the first delivered webhook",
        rx.el.ol(
            _step(
                1,
                steps["key"],
                "Create an API key",
                "For the system that will publish events.",
                gated_link_button("Create key", "/settings/api-keys/new", small=True, allowed=SessionState.can_write),
            ),
            _step(
                2,
                steps["webhook"],
                "Create a webhook",
                "For whoever is told. To try it, use the built-in receiver.",
                gated_link_button("Create webhook", "/settings/webhooks/new", small=True, allowed=SessionState.can_write),
            ),
            _step(3, steps["event"], "Publish an event", "With the key, over HTTP.", rx.fragment(), publish),
            _step(
                4,
                steps["delivered"],
                "See it delivered",
                "Each attempt shows what went out and what came back.",
                link_button("Deliveries", "/settings/deliveries", small=True),
            ),
            class_name="x-steps",
        ),
    )


def _step(number: int, done: Live, title: str, about: str, action: rx.Component, *more: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(rx.cond(done, icon("check", 13), str(number)), class_name="x-tick", data_done=rx.cond(done, "true", "false")),
        rx.el.div(
            rx.el.span(title, class_name="x-strong"),
            rx.cond(done, rx.el.span("Done", class_name="x-visually-hidden"), rx.fragment()),
            rx.el.span(about, class_name="x-small x-soft"),
            class_name="x-stack-tight",
            gap="0",
        ),
        rx.cond(done, rx.fragment(), action),
        *more,
        data_done=rx.cond(done, "true", "false"),
    )


def _attention() -> rx.Component:
    def row(item: NeedRow) -> rx.Component:
        mark = rx.cond(
            item.tone == "bad", icon("circle-off", 16, color="var(--red-11)"), icon("triangle-alert", 16, color="var(--amber-11)")
        )
        return rx.el.div(
            mark,
            rx.el.div(
                opens(item.name, item.path), rx.el.span(item.sentence, class_name="x-soft"), class_name="x-stack-tight x-grow", gap="0"
            ),
            rx.cond(item.at != "", rx.el.span(time(item.at), class_name="x-soft"), rx.fragment()),
            key=item.id,
            class_name="x-item",
        )

    calm = rx.el.p("Nothing needs attention.", class_name="x-small x-soft x-card-pad")
    return card(
        "Needs attention",
        rx.cond(length(OverviewState.attention) > 0, rx.el.div(rx.foreach(OverviewState.attention, row), class_name="x-list"), calm),
    )


def _failures() -> rx.Component:
    def row(item: DeliveryRow) -> rx.Component:
        return rx.el.div(
            badge.status(item.status, *STATUSES),
            rx.el.div(
                opens(rx.el.span(item.event, class_name="x-mono"), "/settings/deliveries/" + item.id),
                rx.el.span(item.webhook, ", ", item.result, title=OverviewState.advice[item.id], class_name="x-soft x-cut"),
                class_name="x-stack-tight x-grow",
                gap="0",
            ),
            rx.el.span(time(item.at), class_name="x-soft"),
            key=item.id,
            class_name="x-item",
        )

    calm = rx.el.p("No delivery has failed.", class_name="x-small x-soft x-card-pad")
    listed = rx.el.div(rx.foreach(OverviewState.failures, row), class_name="x-list")
    return card(
        "Latest failures",
        rx.cond(length(OverviewState.failures) > 0, listed, calm),
        action=text_link("All failed", "/settings/deliveries?status=dead"),
    )
