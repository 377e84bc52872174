"""Owns the view of one delivery: read top to bottom as a story, facts at the right."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components import badge
from console.components.basic import button, facts, icon, link_button, text_link, time, told
from console.components.copy import copy_id
from console.pages.deliveries.detail_state import DeliveryState
from console.pages.deliveries.parts import PATH, STATUSES, attempt
from console.pages.deliveries.rows import AttemptRow
from console.pages.replays.dialog import replay_dialog
from console.pages.replays.new_state import NewReplayState
from console.session import SessionState
from console.shell import bones, gone, shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=f"{PATH}/[delivery_id]",
        title="Delivery · Crossdock",
        on_load=[SessionState.load, NewReplayState.close, DeliveryState.load, DeliveryState.follow],
    )


def view() -> rx.Component:
    """The page."""
    sentence = "There is no such delivery in this workspace. It may be older than deliveries are kept, or belong to another workspace."
    missing = gone(sentence, PATH, "All deliveries")
    return shell(
        rx.cond(DeliveryState.delivery.event != "", DeliveryState.delivery.event, "Delivery"),
        rx.cond(DeliveryState.missing, missing, rx.cond(DeliveryState.delivery.id == "", bones(), _content())),
        replay_dialog(),
        current=PATH,
        parent=("Deliveries", PATH),
        action=rx.cond(DeliveryState.delivery.id != "", _actions(), rx.fragment()),
    )


def _actions() -> rx.Component:
    delivery = DeliveryState.delivery
    return rx.el.div(
        rx.cond(
            delivery.can_cancel,
            button("Cancel", look="quiet", on_click=DeliveryState.cancel, allowed=SessionState.can_operate),
            rx.fragment(),
        ),
        rx.cond(
            delivery.can_replay,
            rx.el.span(_replay(), class_name=rx.cond(delivery.status == "delivered", "", "x-wide-only")),
            rx.fragment(),
        ),
        rx.cond(
            delivery.hold.before.startswith("the webhook is "),
            link_button("Open the webhook", "/settings/webhooks/" + delivery.webhook_id, look="primary"),
            rx.fragment(),
        ),
        rx.cond(
            delivery.can_retry & (delivery.status != "delivered"),
            button(
                "Retry now",
                icon_name="rotate-cw",
                look="primary",
                on_click=DeliveryState.retry,
                busy=DeliveryState.busy == "retry",
                allowed=SessionState.can_operate,
            ),
            rx.fragment(),
        ),
        class_name="x-row",
    )


def _replay() -> rx.Component:
    return button("Replay…", icon_name="repeat", on_click=NewReplayState.ask("delivery"), allowed=SessionState.can_operate)


def _content() -> rx.Component:
    delivery = DeliveryState.delivery
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                badge.status(delivery.status, *STATUSES),
                copy_id(delivery.id),
                rx.cond(delivery.is_test, badge.status("test"), rx.fragment()),
                rx.cond(delivery.is_replay, badge.status("replay"), rx.fragment()),
                class_name="x-row-wrap",
            ),
            rx.el.p(told(delivery.sentence), class_name="x-h2", data_testid="sentence"),
            _story(),
            class_name="x-stack",
        ),
        _facts(),
        class_name="x-two",
    )


def _story() -> rx.Component:
    delivery = DeliveryState.delivery
    return rx.el.ol(
        _step(_dot("inbox", ""), "Accepted ", time(delivery.accepted), rx.cond(delivery.is_replay, " as a replay", "")),
        rx.foreach(DeliveryState.attempts, _attempt),
        rx.cond(
            delivery.next_at != "",
            _step(
                _dot("clock", "x-wait"),
                "Next try ",
                time(delivery.next_at),
                rx.el.span(" at ", time(delivery.next_at, clock=True), class_name="x-soft"),
            ),
            rx.fragment(),
        ),
        rx.cond(
            delivery.hold.before != "",
            _step(_dot("pause", "x-wait"), "On hold: ", told(delivery.hold)),
            rx.fragment(),
        ),
        rx.match(
            delivery.status,
            ("delivered", _step(_dot("check", "x-good"), "Delivered ", time(delivery.finished))),
            (
                "dead",
                _step(
                    _dot("x", "x-bad"),
                    "Given up ",
                    time(delivery.finished),
                    rx.el.span(". It stays here and can be retried.", class_name="x-soft"),
                ),
            ),
            ("cancelled", _step(_dot("slash", ""), "Cancelled ", time(delivery.finished))),
            ("sending", _step(_dot("arrow-up-right", "x-info"), "Being sent now")),
            rx.fragment(),
        ),
        class_name="x-story",
    )


def _dot(name: str, tone: str) -> rx.Component:
    return rx.el.span(icon(name, 12), class_name=f"x-dot {tone}")


def _step(dot: rx.Component, *words: Any) -> rx.Component:
    return rx.el.li(dot, rx.el.div(*words, class_name="x-small"), class_name="x-step")


def _attempt(row: AttemptRow) -> rx.Component:
    # Only the latest attempt is open, and only where it says something that needs doing.
    return rx.el.li(
        badge.dot(row.outcome, "delivered", "failed", "interrupted"),
        attempt(row, opened=(row.id == DeliveryState.latest) & (row.outcome == "failed")),
        key=row.id,
        class_name="x-step",
    )


def _facts() -> rx.Component:
    delivery = DeliveryState.delivery
    return rx.el.aside(
        facts(
            ("Webhook", text_link(delivery.webhook, "/settings/webhooks/" + delivery.webhook_id)),
            ("Event", text_link(rx.el.span(delivery.event, class_name="x-mono"), "/settings/events/" + delivery.event_id)),
            ("Event id", copy_id(delivery.event_id)),
            ("Attempts", rx.el.span(delivery.attempts, class_name="x-num")),
            ("Accepted", time(delivery.accepted)),
            ("Finished", rx.cond(delivery.finished != "", time(delivery.finished), "Not yet")),
            ("Trace", copy_id(delivery.trace)),
        ),
        rx.cond(delivery.is_replay, _replayed(), rx.fragment()),
        text_link("What became of this event elsewhere", "/settings/events/" + delivery.event_id),
        text_link("Other deliveries of this event", PATH + "?q=" + delivery.event_id),
        rx.cond(delivery.can_replay & SessionState.can_operate, _choices(), rx.fragment()),
        class_name="x-card x-card-pad x-stack",
    )


def _replayed() -> rx.Component:
    delivery = DeliveryState.delivery
    return rx.el.section(
        rx.el.h2("A replay", class_name="x-h3"),
        facts(
            (
                "Of",
                rx.cond(
                    delivery.replay_of != "",
                    text_link("An earlier delivery", PATH + "/" + delivery.replay_of),
                    "An event that was never sent here",
                ),
            ),
            ("By", rx.cond(delivery.replay_by != "", delivery.replay_by, "Not kept any more")),
            ("Reason", rx.cond(delivery.replay_reason != "", delivery.replay_reason, rx.el.span("None given", class_name="x-soft"))),
        ),
        rx.cond(delivery.replay_id != "", text_link("The whole replay", "/settings/replays/" + delivery.replay_id), rx.fragment()),
        class_name="x-stack",
    )


def _choices() -> rx.Component:
    is_delivered = DeliveryState.delivery.status == "delivered"
    retry = rx.el.li(rx.el.span("Retry now", class_name="x-strong"), " tries this delivery again, at the start of its retry policy.")
    words = rx.el.ul(
        rx.cond(is_delivered | ~DeliveryState.delivery.can_retry, rx.fragment(), retry),
        rx.el.li(
            rx.el.span("Replay", class_name="x-strong"),
            " makes a new delivery of the same event, marked as a replay. This one stays as it is.",
        ),
        class_name="x-small x-soft x-stack-tight",
    )
    # On a narrow screen there is no room for two buttons beside the title.
    return rx.fragment(words, rx.cond(is_delivered, rx.fragment(), rx.el.span(_replay(), class_name="x-narrow-only")))
