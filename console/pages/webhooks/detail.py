"""Owns the view of one webhook."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import button, facts, length, link_button, menu, menu_item, note, text_link, time
from console.components.chart import sparkline
from console.components.copy import copy_id
from console.components.dialog import confirm_by_name, dialog, foot
from console.components.form import field, select_field, text_field
from console.components.secret import secret_panel
from console.pages.deliveries.parts import listing
from console.pages.webhooks.detail_state import WebhookState
from console.pages.webhooks.fields import event_picker, further_fields, url_verdict
from console.pages.webhooks.page import STATUSES
from console.pages.webhooks.state import PATH
from console.pages.webhooks.tools import filter_tester, test_send, verify
from console.pages.webhooks.tools_state import TestSendState
from console.session import SessionState
from console.shell import shell

OVERLAPS: Final = [("24", "24 hours"), ("0", "None: the old one stops at once"), ("1", "1 hour"), ("72", "3 days"), ("168", "7 days")]


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=f"{PATH}/[webhook_id]",
        title="Webhook · Crossdock",
        on_load=[SessionState.load, WebhookState.load, TestSendState.load, WebhookState.follow],
    )


def view() -> rx.Component:
    """The page."""
    gone = rx.el.div(
        rx.el.p("There is no such webhook in this workspace. It may have been deleted, or belong to another workspace."),
        link_button("All webhooks", PATH),
        class_name="x-empty",
    )
    bones = rx.el.div(*[rx.el.span(class_name="x-bone", width=width) for width in ("220px", "60%", "80%", "70%")], class_name="x-stack")
    body = rx.el.div(
        rx.el.div(_content(), class_name="x-grow"),
        rx.cond(TestSendState.is_open, test_send(), rx.fragment()),
        class_name=rx.cond(TestSendState.is_open, "x-beside", ""),
    )
    return shell(
        rx.cond(WebhookState.webhook.name != "", WebhookState.webhook.name, "Webhook"),
        rx.cond(WebhookState.missing, gone, rx.cond(WebhookState.webhook.id == "", bones, body)),
        _dialogs(),
        current=PATH,
        parent=("Webhooks", PATH),
        action=rx.cond(WebhookState.webhook.id != "", _actions(), rx.fragment()),
    )


def _actions() -> rx.Component:
    status = WebhookState.webhook.status
    is_disabled = status == "disabled"
    more = menu(
        "More actions",
        rx.cond(is_disabled, rx.fragment(), menu_item(rx.cond(status == "paused", "Resume", "Pause"), "circle-pause", WebhookState.pause)),
        rx.cond(is_disabled, rx.fragment(), menu_item("Disable", "power", WebhookState.open_dialog("disable"))),
        menu_item("Rotate secret", "refresh-cw", WebhookState.open_dialog("rotate")),
        menu_item("Delete", "trash-2", WebhookState.open_dialog("delete"), danger=True),
    )
    return rx.el.div(
        rx.cond(
            is_disabled & SessionState.can_write,
            button("Enable", icon_name="power", on_click=WebhookState.open_dialog("enable")),
            rx.fragment(),
        ),
        button("Send test", icon_name="send", look="primary", on_click=TestSendState.toggle, allowed=SessionState.can_operate),
        rx.cond(SessionState.can_write, more, rx.fragment()),
        class_name="x-row",
    )


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
            webhook.sentence != "",
            rx.cond(
                webhook.tone == "bad",
                note(webhook.sentence, tone="bad", icon_name="circle-off"),
                note(webhook.sentence, tone="wait", icon_name="triangle-alert"),
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
            ("configuration", _configuration()),
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
        rx.el.div(sparkline(webhook.line), width="160px", class_name="x-wide-only"),
        class_name="x-between",
    )
    return rx.el.div(
        health,
        listing(WebhookState.rows, loading=WebhookState.loading, empty=nothing),
        rx.cond(length(WebhookState.rows) > 0, text_link("All deliveries of this webhook", WebhookState.all_deliveries), rx.fragment()),
        class_name="x-stack",
    )


def _configuration() -> rx.Component:
    webhook, errors, state = WebhookState.webhook, WebhookState.errors, WebhookState
    address = rx.el.input(
        id="url",
        name="url",
        type="url",
        default_value=webhook.url,
        class_name="x-input x-code-input",
        on_blur=state.check_url,
        aria_invalid=rx.cond(errors["url"], "true", "false"),
    )
    form = rx.el.form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.el.div(
            field("URL", address, name="url", error=errors["url"]),
            url_verdict(state.addresses, state.url_problem, state.checking),
            class_name="x-field",
        ),
        text_field("Name", name="name", error=errors["name"], default_value=webhook.name, max_length=120),
        rx.cond(
            length(state.groups) > 0, event_picker(state.groups, webhook.events, webhook.other_events, errors["events"]), rx.fragment()
        ),
        *further_fields(
            errors,
            with_secret=False,
            filter=webhook.filter,
            headers=webhook.headers_text,
            timeout=webhook.timeout,
            schedule=webhook.schedule,
            rate_limit=webhook.rate_limit,
            style=webhook.style,
            verify_ssl=webhook.verify_ssl,
            auto_disable=webhook.auto_disable,
            disable_after=webhook.disable_after,
            metadata=webhook.metadata,
        ),
        button("Save changes", look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write, align_self="flex-start"),
        on_submit=state.save,
        class_name="x-form",
        max_width="640px",
        key=webhook.id + webhook.updated,
        custom_attrs={"data-guard": "true"},
    )
    known = rx.el.aside(
        facts(
            ("Attempts", rx.el.span("up to ", webhook.attempts)),
            ("Last success", rx.cond(webhook.last_success != "", time(webhook.last_success), "None")),
            ("Last failure", rx.cond(webhook.last_failure != "", time(webhook.last_failure), "None")),
            ("Old secret", rx.cond(webhook.overlap_ends != "", rx.fragment("signs until ", time(webhook.overlap_ends)), "Not in use")),
            ("Created", time(webhook.created)),
            ("Changed", time(webhook.updated)),
        ),
        class_name="x-card x-card-pad",
    )
    return rx.el.div(form, known, class_name="x-two")


def _dialogs() -> rx.Component:
    state = WebhookState
    problem = rx.cond(state.ask_error != "", note(state.ask_error, tone="bad", icon_name="circle-alert"), rx.fragment())

    def ask(kind: str, title: str, about: str, verb: str, on_submit: Any, *fields: rx.Component) -> rx.Component:
        form = rx.el.form(
            *fields,
            problem,
            foot(button("Cancel", on_click=state.close_dialog), button(verb, look="primary", type="submit", busy=state.busy)),
            on_submit=on_submit,
            class_name="x-stack",
        )
        return dialog(title, form, opened=state.ask == kind, on_close=state.close_dialog, about=about)

    missed = [("skip", "Skip what it missed"), ("send", "Send what it missed, oldest first")]
    return rx.fragment(
        ask(
            "rotate",
            "Rotate the signing secret",
            "Deliveries carry a signature of each secret until the overlap ends.",
            "Rotate",
            state.rotate,
            select_field(
                "Keep signing with the old secret for",
                OVERLAPS,
                name="overlap",
                help_="X-Webhook-Signature holds one value: it keeps the old secret until then.",
            ),
        ),
        ask(
            "enable",
            "Enable this webhook",
            "Events that came while it was disabled were recorded.",
            "Enable",
            state.enable,
            select_field("What it missed", missed, name="missed"),
        ),
        ask(
            "disable",
            "Disable this webhook",
            "New events are recorded as skipped, and what waits is held. It can be enabled again.",
            "Disable",
            state.disable,
            text_field(
                "Reason",
                name="reason",
                placeholder="Receiver is being moved",
                help_="Shown on this page and in the audit log.",
                max_length=300,
            ),
        ),
        confirm_by_name(
            "Delete this webhook",
            ["What waits for it is cancelled.", "Its secrets are wiped. Its past deliveries stay listed."],
            name=state.webhook.name,
            verb="Delete",
            opened=state.ask == "delete",
            on_close=state.close_dialog,
            on_confirm=state.delete,
            busy=state.busy,
            error=state.ask_error,
        ),
    )
