"""Owns the view of the dialog that asks for a replay: count and sample first, then rate and reason."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from backend.replays.policy import DEFAULT_RATE, GREATEST_RATE, LEAST_RATE
from backend.replays.service import MAX_REASON
from console.components import badge
from console.components.basic import Live, button, icon, length, note, time
from console.components.dialog import dialog, foot
from console.components.form import field, text_field
from console.pages.deliveries.parts import STATUSES
from console.pages.replays.new_state import NewReplayState
from console.urls import SPANS

ABOUT: Final = (
    "New deliveries of the same events go out, with the same event ids and bodies, marked as a replay. "
    "Each goes to each webhook once; what an earlier replay has mended already is left out. "
    "The deliveries that you replay stay as they are."
)
_WEBHOOK_STATUSES: Final = (("dead", "Failed"), ("delivered", "Delivered"), ("cancelled", "Cancelled"), ("", "Any status"))
_WEBHOOK_TIMES: Final = (*((name, words) for name, (words, _) in SPANS.items()), ("", "Any time"))


def replay_dialog() -> rx.Component:
    """The dialog; open while its state has something to ask for."""
    state = NewReplayState
    form = rx.el.form(
        rx.cond(state.scope == "webhook", _narrowing(), rx.fragment()),
        _counted(),
        rx.cond(state.scope == "delivery", rx.el.input(type="hidden", name="rate", value=f"{DEFAULT_RATE:g}"), _rate()),
        text_field(
            "Reason",
            name="reason",
            placeholder="Receiver was down this morning",
            help_="Optional. Shown with each delivery and in the audit log.",
            error=state.errors["reason"],
            max_length=MAX_REASON,
        ),
        rx.cond(state.errors[""], note(state.errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        foot(
            button("Cancel", on_click=state.close),
            button(
                rx.cond(state.can_start, "Replay " + state.count, "Replay"),
                icon_name="repeat",
                look="primary",
                type="submit",
                busy=state.busy,
                disabled=~state.can_start,
            ),
        ),
        on_submit=state.start,
        class_name="x-stack",
    )
    return dialog("Replay deliveries", form, opened=state.scope != "", on_close=state.close, about=ABOUT, width="560px")


def _narrowing() -> rx.Component:
    state = NewReplayState

    def select(label: str, name: str, value: Live, options: Any) -> rx.Component:
        control = rx.el.select(
            *[rx.el.option(shown, value=key) for key, shown in options],
            id=f"replay-{name}",
            value=value,
            on_change=lambda chosen: state.narrow(name, chosen),
            class_name="x-select",
        )
        return field(label, control, name=f"replay-{name}")

    return rx.el.div(
        select("Status", "status", state.status, _WEBHOOK_STATUSES),
        select("Time", "time", state.time, _WEBHOOK_TIMES),
        class_name="x-halves x-halves-close",
    )


def _counted() -> rx.Component:
    state = NewReplayState
    number = rx.cond(
        state.counting,
        rx.el.span(icon("loader-circle", 15, class_name="x-spin"), "Counting", class_name="x-row x-soft"),
        rx.cond(
            state.count != "",
            rx.el.span(
                rx.el.span(state.count, class_name="x-figure-value", data_testid="replay-count"),
                rx.el.span(" ", state.noun, class_name="x-soft"),
            ),
            rx.fragment(),
        ),
    )
    return rx.el.div(
        rx.el.div(number, min_height="36px", display="flex", align_items="center"),
        rx.cond(state.what != "", rx.el.p(state.what, class_name="x-small x-strong x-wrap"), rx.fragment()),
        rx.cond(
            (state.count != "") & ~state.can_start,
            rx.el.p("There is nothing to replay. Test sends are never replayed.", class_name="x-small x-soft"),
            rx.fragment(),
        ),
        rx.cond(length(state.goes_to) > 1, _goes_to(), rx.fragment()),
        rx.cond((length(state.sample) > 0) & (state.scope != "delivery"), _sample(), rx.fragment()),
        class_name="x-stack-tight",
        aria_live="polite",
    )


def _goes_to() -> rx.Component:
    state = NewReplayState
    line = rx.el.li(
        rx.foreach(state.goes_to, lambda row: rx.el.span("to ", row[0], " ", rx.el.span(row[1], class_name="x-count"), key=row[0]))
    )
    return rx.el.ul(line, rx.cond(state.others != "", rx.el.li(state.others), rx.fragment()), class_name="x-goes-to x-small x-soft")


def _sample() -> rx.Component:
    def line(row: Live) -> rx.Component:
        return rx.el.li(
            badge.status(row.status, *STATUSES),
            rx.el.span(row.event, class_name="x-mono x-cut"),
            rx.el.span(row.webhook, class_name="x-cut x-grow x-soft"),
            rx.el.span(time(row.at), class_name="x-soft"),
            key=row.id,
            class_name="x-sample",
        )

    return rx.el.div(
        rx.el.span("The newest of them", class_name="x-tiny x-soft"),
        rx.el.ul(rx.foreach(NewReplayState.sample, line), class_name="x-card x-list"),
        class_name="x-stack-tight",
        margin_top="8px",
    )


def _rate() -> rx.Component:
    state = NewReplayState
    control = rx.el.input(
        id="rate",
        name="rate",
        type="text",
        input_mode="decimal",
        auto_complete="off",
        default_value=f"{DEFAULT_RATE:g}",
        on_change=state.set_rate.debounce(200),
        class_name="x-input x-num",
        max_width="140px",
        aria_invalid=rx.cond(state.errors["rate"], "true", "false"),
    )
    about = rx.cond(
        state.lasts != "",
        state.lasts + ".",
        f"{LEAST_RATE:g} to {GREATEST_RATE:,.0f}. It spares the receivers; new events are not slowed down.",
    )
    return field("Deliveries per second", control, name="rate", help_=about, error=state.errors["rate"])
