"""Owns the view of one replay: how far it is, what can be done about it, and what became of every item."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import button, facts, note, text_link, time
from console.components.copy import copy_id
from console.components.dialog import dialog, foot
from console.components.table import Column
from console.pages.replays.detail_state import ReplayState
from console.pages.replays.new_state import PATH
from console.pages.replays.page import STATUSES
from console.pages.replays.rows import OUTCOMES, ItemRow, Part
from console.session import SessionState
from console.shell import bones, gone, shell

WORDS: Final = {"delivered": "Delivered", "failed": "Failed", "waiting": "Waiting", "skipped": "Skipped", "cancelled": "Cancelled"}
COLUMNS: Final = [
    Column("Outcome", 90),
    Column("Event", 120),
    Column("Webhook", 110),
    Column("What came of it", 220, full=True),
    Column("Made", 44, right=True, wide_only=True),
]
_SHOWN_AS: Final = ("delivered", "dead", "retrying", "waiting", "sending", "skipped", "cancelled")


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=f"{PATH}/[replay_id]",
        title="Replay · Crossdock",
        on_load=[SessionState.load, ReplayState.load, ReplayState.follow],
    )


def view() -> rx.Component:
    """The page."""
    missing = gone(
        "There is no such replay in this workspace. It may be older than replays are kept, or belong to another workspace.",
        PATH,
        "All replays",
    )
    return shell(
        "Replay",
        rx.cond(ReplayState.missing, missing, rx.cond(ReplayState.replay.id == "", bones(), _content())),
        _cancel_dialog(),
        current=PATH,
        parent=("Replays", PATH),
        action=rx.cond(ReplayState.replay.id != "", _actions(), rx.fragment()),
    )


def _actions() -> rx.Component:
    state = ReplayState
    can = SessionState.can_operate
    pause = button("Pause", icon_name="circle-pause", on_click=state.pause, busy=state.busy, allowed=can)
    resume = button("Resume", icon_name="play", look="primary", on_click=state.resume, busy=state.busy, allowed=can)
    cancel = button("Cancel", look="danger", on_click=state.ask_cancel, allowed=can)
    return rx.fragment(
        rx.match(
            state.replay.status,
            ("running", rx.el.div(pause, cancel, class_name="x-row")),
            ("paused", rx.el.div(resume, cancel, class_name="x-row")),
            ("done", rx.cond(state.replay.waiting != "0", cancel, rx.fragment())),
            rx.fragment(),
        )
    )


def _content() -> rx.Component:
    replay = ReplayState.replay
    return rx.el.div(
        rx.el.div(
            rx.el.div(badge.status(replay.status, *STATUSES), copy_id(replay.id), class_name="x-row-wrap"),
            rx.el.p(replay.sentence, class_name="x-h2 x-num", data_testid="sentence"),
            _progress(),
            _items(),
            class_name="x-stack",
        ),
        _facts(),
        class_name="x-two",
    )


def _progress() -> rx.Component:
    replay = ReplayState.replay

    def part(item: Part) -> rx.Component:
        return rx.el.span(class_name=f"x-o-{item.outcome}", width=item.width, key=item.outcome)

    def legend(item: Part) -> rx.Component:
        name = rx.match(item.outcome, *list(WORDS.items()), item.outcome)
        return rx.el.span(rx.el.i(class_name=f"x-o-{item.outcome}"), name, " ", item.number, key=item.outcome)

    unsent = rx.cond(replay.status == "cancelled", "Never sent", "Not sent yet")
    return rx.el.div(
        rx.el.div(
            rx.foreach(replay.parts, part),
            class_name="x-bar",
            role="progressbar",
            aria_label="Progress",
            custom_attrs={"aria-valuetext": replay.done, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": replay.share},
        ),
        rx.el.div(
            rx.foreach(replay.parts, legend),
            rx.cond(replay.unsent != "0", rx.el.span(rx.el.i(class_name="x-o-unsent"), unsent, " ", replay.unsent), rx.fragment()),
            class_name="x-legend",
            data_testid="outcomes",
        ),
        class_name="x-stack-tight",
        margin_bottom="12px",
    )


def _items() -> rx.Component:
    state = ReplayState
    numbers = state.replay.numbers
    tabs = [
        table.tab(word, state.tabs[name], active=state.outcome == (name if name != "all" else ""), number=numbers[name])
        for name, word in (("all", "All"), *((name, WORDS[name]) for name in OUTCOMES))
    ]
    nothing = rx.el.div(
        rx.cond(state.outcome != "", rx.el.p("No item has this outcome."), rx.el.p("Its first deliveries are on their way.")),
        class_name="x-empty",
    )
    return rx.el.div(
        table.tabs(*tabs, label="Outcome"),
        table.table(COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=nothing, label="Items"),
        table.pager(state),
        class_name="x-stack",
    )


def _cells(row: ItemRow) -> list[Any]:
    outcome = rx.el.span(badge.status(row.outcome, *_SHOWN_AS), class_name="x-row")
    return [
        rx.el.span(rx.cond(row.path != "", table.opens(outcome, row.path), outcome), class_name="x-row"),
        rx.el.span(row.event, class_name="x-mono x-event x-cut", title=row.event),
        row.webhook,
        rx.el.span(row.sentence, class_name="x-sentence x-soft"),
        time(row.at),
    ]


def _facts() -> rx.Component:
    replay = ReplayState.replay
    return rx.el.aside(
        facts(
            ("Sends", replay.what),
            ("Rate", replay.rate),
            ("Reason", rx.cond(replay.reason != "", replay.reason, rx.el.span("None given", class_name="x-soft"))),
            ("By", replay.by),
            ("Started", time(replay.created)),
            ("Finished", rx.cond(replay.finished != "", time(replay.finished), "Not yet")),
        ),
        rx.el.p(
            "Each item is a new delivery of the same event, with the same event id, and the header X-Webhook-Replay: true. "
            "What was delivered before stays as it is.",
            class_name="x-small x-soft",
        ),
        text_link("All replays", PATH),
        class_name="x-card x-card-pad x-stack",
    )


def _cancel_dialog() -> rx.Component:
    state, replay = ReplayState, ReplayState.replay

    def line(*words: Any) -> rx.Component:
        return rx.el.li("– ", *words, class_name="x-small")

    waiting = line(rx.el.span(replay.waiting, class_name="x-strong x-num"), " that wait are cancelled, except those being sent now.")
    return dialog(
        "Cancel this replay",
        rx.el.ul(
            line(rx.el.span(replay.unsent, class_name="x-strong x-num"), " that were not sent yet never will be by this replay."),
            rx.cond(replay.waiting != "0", waiting, rx.fragment()),
            line("What has arrived cannot be called back, and stays listed."),
            class_name="x-stack-tight",
        ),
        rx.cond(state.problem != "", note(state.problem, tone="bad", icon_name="circle-alert"), rx.fragment()),
        foot(
            button("Keep it", on_click=state.keep),
            button("Cancel replay", look="danger-solid", on_click=state.cancel, busy=state.busy),
        ),
        opened=state.cancelling,
        on_close=state.keep,
        about="It ends for good; to send the rest later, pause it instead.",
    )
