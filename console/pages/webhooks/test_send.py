"""Owns the view of a test send, beside the webhook's page."""

from __future__ import annotations

import reflex as rx

from console.components.basic import Live, button, icon, icon_button, note
from console.components.form import area_field, field
from console.pages.deliveries.parts import exchange
from console.pages.webhooks.detail_state import WebhookState
from console.pages.webhooks.enable_state import EnableState
from console.pages.webhooks.tools_state import TestSendState
from console.session import SessionState


def test_send() -> rx.Component:
    """The panel: type, editable sample, Send, the whole exchange."""
    state = TestSendState
    close = icon_button("x", "Close", small=True, on_click=state.toggle, custom_attrs={"data-close": "true"})
    return rx.el.aside(
        rx.el.div(rx.el.h2(_title(), class_name="x-h3"), close, class_name="x-card-head"),
        rx.el.div(
            rx.el.p(_about(), class_name="x-small x-soft"),
            _form(),
            rx.cond(state.problem != "", note(state.problem, tone="bad", icon_name="circle-alert"), rx.fragment()),
            rx.cond(state.result.id != "", _outcome(), rx.fragment()),
            class_name="x-stack x-card-pad",
        ),
        class_name="x-card",
        custom_attrs={"data-panel": "true"},
    )


def _title() -> Live:
    return rx.cond(WebhookState.webhook.status == "active", "Send test", "Probe")


def _about() -> Live:
    test = "Goes out signed like any delivery, and is never counted as a failure."
    return rx.match(
        WebhookState.webhook.status,
        ("disabled", f"Finds out whether the receiver works again, while the webhook stays disabled. {test}"),
        ("paused", f"Finds out whether the receiver works, while the webhook stays paused. {test}"),
        ("failing", f"Finds out whether the receiver works again. {test}"),
        test,
    )


def _after() -> rx.Component:
    """What to do once the receiver has answered a probe."""
    enable = button("Enable…", icon_name="power", small=True, on_click=EnableState.ask, allowed=SessionState.can_write)
    resume = button("Resume", icon_name="play", small=True, on_click=WebhookState.pause, allowed=SessionState.can_write)

    def works(words: str, *what: rx.Component) -> rx.Component:
        return note(
            rx.el.div(rx.el.span(words), *what, class_name="x-stack", align_items="flex-start"), tone="good", icon_name="circle-check"
        )

    return rx.fragment(
        rx.match(
            WebhookState.webhook.status,
            ("disabled", works("The receiver works. The webhook is still disabled.", enable)),
            ("paused", works("The receiver works. The webhook is still paused.", resume)),
            ("failing", works("The receiver works. What waits is tried again by its retry policy, or now by hand.")),
            rx.fragment(),
        )
    )


def _form() -> rx.Component:
    state = TestSendState
    options = rx.foreach(state.types, lambda name: rx.el.option(name, value=name, key=name))
    return rx.el.form(
        field(
            "Event type",
            rx.el.select(options, id="event", name="event", value=state.chosen, on_change=state.choose, class_name="x-select"),
            name="event",
        ),
        rx.el.div(
            area_field(
                "Data",
                name="data",
                mono=True,
                default_value=state.sample,
                rows=10,
                spell_check=False,
                help_="The sample of this type; change it as you like.",
            ),
            key=state.chosen,
        ),
        button(_title(), icon_name="send", look="primary", type="submit", busy=state.busy, align_self="flex-start"),
        on_submit=state.send,
        class_name="x-stack",
    )


def _outcome() -> rx.Component:
    state = TestSendState
    failed = state.result.outcome == "failed"
    return rx.el.div(
        rx.el.div(
            rx.cond(
                failed,
                rx.el.span(icon("circle-x", 13), "Failed", class_name="x-badge x-bad"),
                rx.el.span(icon("circle-check", 13), "Delivered", class_name="x-badge x-good"),
            ),
            rx.el.span(state.result.summary, class_name="x-strong"),
            class_name="x-row",
        ),
        rx.cond(failed, rx.fragment(), _after()),
        exchange(state.result),
        class_name="x-stack x-narrow-exchange",
        aria_live="polite",
        data_testid="test-result",
    )
