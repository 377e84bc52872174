"""Owns the view of one webhook."""

from __future__ import annotations

import reflex as rx

from console.components import badge, table
from console.components.basic import button, length, menu, menu_item, note, text_link, told
from console.components.chart import chart
from console.components.copy import copy_id
from console.components.secret import secret_panel
from console.pages.deliveries.parts import listing
from console.pages.replays.dialog import replay_dialog
from console.pages.replays.new_state import NewReplayState
from console.pages.webhooks.configuration import configuration
from console.pages.webhooks.detail_state import WebhookState
from console.pages.webhooks.dialogs import dialogs
from console.pages.webhooks.enable_state import EnableState
from console.pages.webhooks.page import STATUSES
from console.pages.webhooks.state import PATH
from console.pages.webhooks.test_send import test_send
from console.pages.webhooks.tools import filter_tester, verify
from console.pages.webhooks.tools_state import TestSendState
from console.session import SessionState
from console.shell import bones, gone, shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=f"{PATH}/[webhook_id]",
        title="Webhook · Crossdock",
        on_load=[SessionState.load, NewReplayState.close, EnableState.close, WebhookState.load, TestSendState.load, WebhookState.follow],
    )


def view() -> rx.Component:
    """The page."""
    missing = gone(
        "There is no such webhook in this workspace. It may have been deleted, or belong to another workspace.", PATH, "All webhooks"
    )
    body = rx.el.div(
        rx.el.div(_content(), class_name="x-grow"),
        rx.cond(TestSendState.is_open, test_send(), rx.fragment()),
        class_name=rx.cond(TestSendState.is_open, "x-beside", ""),
    )
    return shell(
        rx.cond(WebhookState.webhook.name != "", WebhookState.webhook.name, "Webhook"),
        rx.cond(WebhookState.missing, missing, rx.cond(WebhookState.webhook.id == "", bones(), body)),
        dialogs(),
        replay_dialog(),
        current=PATH,
        parent=("Webhooks", PATH),
        action=rx.cond(WebhookState.webhook.id != "", _actions(), rx.fragment()),
    )


def _actions() -> rx.Component:
    status = WebhookState.webhook.status
    is_disabled = status == "disabled"
    unwritable = ~SessionState.can_write
    more = menu(
        "More actions",
        rx.cond(is_disabled, menu_item("Probe", "send", TestSendState.toggle), rx.fragment()),
        menu_item("Replay…", "repeat", NewReplayState.ask("webhook"), disabled=is_disabled),
        rx.cond(
            is_disabled,
            rx.fragment(),
            menu_item(rx.cond(status == "paused", "Resume", "Pause"), "circle-pause", WebhookState.pause, disabled=unwritable),
        ),
        rx.cond(is_disabled, rx.fragment(), menu_item("Disable", "power", WebhookState.open_dialog("disable"), disabled=unwritable)),
        menu_item("Rotate secret", "refresh-cw", WebhookState.open_dialog("rotate"), disabled=unwritable),
        menu_item("Delete", "trash-2", WebhookState.open_dialog("delete"), danger=True, disabled=unwritable),
        allowed=SessionState.can_operate,
    )
    return rx.el.div(
        rx.cond(is_disabled, rx.el.span(_try("plain"), class_name="x-wide-only"), _try("primary")),
        rx.cond(
            is_disabled,
            button("Enable…", icon_name="power", look="primary", on_click=EnableState.ask, allowed=SessionState.can_write),
            rx.fragment(),
        ),
        more,
        class_name="x-row",
    )


def _try(look: str) -> rx.Component:
    label = rx.cond(WebhookState.webhook.status == "active", "Send test", "Probe")
    return button(label, icon_name="send", look=look, on_click=TestSendState.toggle, allowed=SessionState.can_operate)


def _content() -> rx.Component:
    webhook = WebhookState.webhook
    here = PATH + "/" + webhook.id
    tabs = [
        table.tab("Deliveries", here, active=WebhookState.tab == "deliveries"),
        *[
            table.tab(word, here + f"?tab={word.lower()}", active=WebhookState.tab == word.lower())
            for word in ("Configuration", "Filter", "Verify")
        ],
    ]
    return rx.el.div(
        rx.el.div(badge.status(webhook.status, *STATUSES), copy_id(webhook.id), copy_id(webhook.url), class_name="x-row-wrap"),
        rx.cond(
            webhook.sentence.before != "",
            rx.cond(
                webhook.tone == "bad",
                note(told(webhook.sentence), tone="bad", icon_name="circle-off"),
                note(told(webhook.sentence), tone="wait", icon_name="triangle-alert"),
            ),
            rx.fragment(),
        ),
        rx.cond(
            WebhookState.revealing != "",
            secret_panel(WebhookState.revealing, filename="crossdock-webhook-secret.txt", on_close=WebhookState.stored),
            rx.fragment(),
        ),
        table.tabs(*tabs, label="Parts of this webhook"),
        rx.match(
            WebhookState.tab,
            ("configuration", configuration()),
            ("filter", filter_tester()),
            ("verify", verify()),
            _deliveries(),
        ),
        class_name="x-stack",
    )


def _deliveries() -> rx.Component:
    webhook = WebhookState.webhook
    nothing = rx.el.div(
        rx.el.p("Nothing has been sent here yet. Send a test, or publish an event of a subscribed type."),
        button("Send test", icon_name="send", on_click=TestSendState.toggle, allowed=SessionState.can_operate),
        class_name="x-empty",
    )
    health = rx.el.div(
        rx.el.p(webhook.health, class_name="x-strong", data_testid="health"),
        rx.el.div(chart(webhook.line, "Attempts by hour, 24 h"), width="200px", class_name="x-wide-only"),
        class_name="x-between",
    )
    return rx.el.div(
        health,
        listing(WebhookState.rows, loading=WebhookState.loading, empty=nothing, of_one_webhook=True),
        rx.cond(length(WebhookState.rows) > 0, text_link("All deliveries of this webhook", WebhookState.all_deliveries), rx.fragment()),
        class_name="x-stack",
    )
