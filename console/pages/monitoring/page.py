"""Owns the view of monitoring."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components import badge, table
from console.components.basic import Live, card, length, note, text_link, time
from console.components.chart import figure, meter, ranges
from console.components.table import Column, opens
from console.pages.monitoring.state import PATH, AilingRow, LimitRow, MonitoringState, PartRow, WorkerRow
from console.session import SessionState
from console.shell import bones, shell

COLUMNS: Final = [
    Column("Worker", 80),
    Column("State", 60),
    Column("Host and process", 140, full=True),
    Column("Started", 40, right=True, wide_only=True),
    Column("Last heartbeat", 40, right=True),
    Column("Claimed", 40, right=True, wide_only=True),
    Column("Delivered", 40, right=True, wide_only=True),
    Column("Failed", 40, right=True, wide_only=True),
    Column("Recovered", 40, right=True, wide_only=True),
]


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view, route=PATH, title="Monitoring · Crossdock", on_load=[SessionState.load, MonitoringState.load, MonitoringState.follow]
    )


def view() -> rx.Component:
    """The page."""
    state = MonitoringState
    content = rx.el.div(
        rx.foreach(state.problems, _problem),
        _parts(),
        _figures(),
        rx.el.div(_ailing(), _limits(), class_name="x-halves"),
        _workers(),
        class_name="x-stack-wide",
    )
    return shell(
        "Monitoring",
        rx.cond(state.loading & (length(state.parts) == 0), bones(), content),
        current=PATH,
        action=ranges(PATH, state.range),
    )


def _problem(sentence: Live) -> rx.Component:
    return rx.fragment(note(sentence, tone="bad", icon_name="circle-alert"), key=sentence)


def _parts() -> rx.Component:
    def part(row: PartRow) -> rx.Component:
        return rx.el.div(
            rx.el.span(row.name, class_name="x-strong x-grow"),
            rx.el.span(row.took, class_name="x-tiny x-soft x-num", title="How long it took to tell"),
            badge.status(row.status, "ok", "degraded", "down"),
            key=row.name,
            class_name="x-card x-row x-part",
        )

    return rx.el.div(rx.foreach(MonitoringState.parts, part), class_name="x-parts")


def _figures() -> rx.Component:
    state = MonitoringState
    nothing = rx.Var.create("")
    return rx.el.div(
        figure("Attempts a minute", state.attempts, state.attempts_line, state.attempts_hint),
        figure("Due now", state.due, nothing, state.due_hint),
        figure("Unfinished", state.unfinished, nothing, state.unfinished_hint),
        figure("Recovered from lost workers", state.recovered, nothing, state.recovered_hint),
        class_name="x-figures",
    )


def _ailing() -> rx.Component:
    def row(item: AilingRow) -> rx.Component:
        return rx.el.div(
            badge.status(item.status, "failing", "disabled"),
            rx.el.div(
                opens(item.name, "/settings/webhooks/" + item.id),
                rx.el.span(item.sentence, class_name="x-soft x-wrap"),
                class_name="x-stack-tight x-grow",
                gap="0",
            ),
            rx.cond(item.at != "", rx.el.span(time(item.at), class_name="x-soft"), rx.fragment()),
            key=item.id,
            class_name="x-item",
        )

    calm = rx.el.p("No webhook is failing, and no rule has disabled one.", class_name="x-small x-soft x-card-pad")
    return card(
        "Failing webhooks",
        rx.cond(length(MonitoringState.ailing) > 0, rx.el.div(rx.foreach(MonitoringState.ailing, row), class_name="x-list"), calm),
        action=text_link("Failed deliveries", "/settings/deliveries?status=dead"),
    )


def _limits() -> rx.Component:
    def row(item: LimitRow) -> rx.Component:
        told = rx.el.div(
            opens(item.name, "/settings/api-keys/" + item.id),
            rx.el.span(
                item.used, rx.cond(item.resets != "", rx.fragment(", free again ", time(item.resets)), ""), class_name="x-num x-soft"
            ),
            class_name="x-between",
        )
        return rx.el.div(
            rx.el.div(told, meter(item.percent, item.used, item.tone), class_name="x-stack-tight x-grow"), key=item.id, class_name="x-item"
        )

    calm = rx.el.p(MonitoringState.limits_hint, class_name="x-small x-soft x-card-pad")
    return card(
        "Rate limits now",
        rx.cond(length(MonitoringState.limits) > 0, rx.el.div(rx.foreach(MonitoringState.limits, row), class_name="x-list"), calm),
        action=text_link("API keys", "/settings/api-keys"),
    )


def _workers() -> rx.Component:
    state = MonitoringState

    def cells(row: WorkerRow) -> list[object]:
        hidden = rx.el.span("–", title="Shown to super administrators", class_name="x-soft")
        return [
            rx.el.span(row.kind, class_name="x-strong", title=row.id),
            badge.status(row.status, "alive", "silent", "lost", "ended"),
            rx.cond(row.place != "", rx.el.span(row.place, class_name="x-mono x-soft"), hidden),
            time(row.started),
            rx.el.span(rx.el.span("heard ", class_name="x-narrow-only x-soft"), time(row.heartbeat)),
            row.claimed,
            row.delivered,
            row.failed,
            row.recovered,
        ]

    nothing = rx.el.div(rx.el.p("No worker has run in the last 24 h. Start them: crossdock up"), class_name="x-empty")
    about = "Processes of the last 24 h; they serve every workspace. What one held that is silent for 15 s is sent by others."
    listing = table.table(
        COLUMNS, state.workers, cells, key=lambda row: row.id, loading=state.loading, empty=nothing, label="Workers", skeleton_rows=3
    )
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h2("Workers", class_name="x-h2"), rx.el.span(state.alive, class_name="x-small x-soft"), class_name="x-row", gap="12px"
            ),
            rx.el.p(about, class_name="x-small x-soft"),
            class_name="x-stack-tight",
        ),
        listing,
        class_name="x-stack",
    )
