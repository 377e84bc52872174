"""Owns the views of the list of webhooks and of the making of one."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console import examples
from console.components import badge, table
from console.components.basic import button, gated_link_button, icon, link_button, note, text_link, time
from console.components.copy import copy_id
from console.components.empty import empty, nothing_found
from console.components.form import field, guarded_form, more, text_field
from console.components.secret import secret_panel
from console.components.table import Column
from console.pages.webhooks.fields import event_picker, further_fields, url_verdict
from console.pages.webhooks.rows import WebhookRow
from console.pages.webhooks.state import PATH, NewWebhookState, WebhooksState
from console.session import SessionState
from console.shell import shell

STATUSES: Final = WebhooksState.STATUSES
COLUMNS: Final = [
    Column("Name", 130),
    Column("Status", 80),
    Column("URL", 200, full=True),
    Column("Events", 120, wide_only=True),
    Column("Attempts OK, 24 h", 50, right=True),
    Column("p95", 50, right=True, wide_only=True),
    Column("Undelivered", 30, right=True, wide_only=True),
    Column("Last attempt", 50, right=True),
]
EXAMPLE: Final = """curl BASE/api/v1/webhooks \\
  -H "Authorization: Bearer $CROSSDOCK_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"url": "https://example.com/hooks", "events": ["order.*"]}'"""


def add(app: rx.App) -> None:
    """Add the list and the making of a webhook."""
    app.add_page(view, route=PATH, title="Webhooks · Crossdock", on_load=[SessionState.load, WebhooksState.load, WebhooksState.follow])
    app.add_page(new, route=f"{PATH}/new", title="Create webhook · Crossdock", on_load=[SessionState.load, NewWebhookState.load])


def view() -> rx.Component:
    """The list."""
    create = gated_link_button("Create webhook", f"{PATH}/new", icon_name="plus", look="primary", allowed=SessionState.can_write)
    listing = table.table(
        COLUMNS, WebhooksState.rows, _cells, key=lambda row: row.id, loading=WebhooksState.loading, empty=_empty(), label="Webhooks"
    )
    return shell(
        "Webhooks",
        rx.el.div(
            table.status_tabs(WebhooksState, ((status.capitalize(), status) for status in STATUSES)),
            rx.el.div(table.search_box(WebhooksState.q, WebhooksState.search, "Search name, URL or id"), class_name="x-toolbar"),
            listing,
            table.pager(WebhooksState),
            class_name="x-stack",
        ),
        current=PATH,
        action=create,
    )


def _cells(row: WebhookRow) -> list[object]:
    return [
        table.opens(row.name, f"{PATH}/{row.id}"),
        badge.status(row.status, *STATUSES),
        rx.el.span(row.url, class_name="x-mono x-soft", title=row.url),
        rx.el.span(row.events, class_name="x-mono x-soft"),
        row.success,
        row.p95,
        row.waiting,
        rx.cond(row.last != "", time(row.last), rx.el.span("Never", class_name="x-soft")),
    ]


def _empty() -> rx.Component:
    fresh = empty(
        "A webhook sends events to a URL of a customer or partner, signed, and again until they arrive. To try it, use the built-in receiver.",
        rx.el.div(
            gated_link_button("Create webhook", f"{PATH}/new", icon_name="plus", look="primary", allowed=SessionState.can_write),
            link_button("Open the receiver", "/settings/receiver", icon_name="inbox"),
            class_name="x-row-wrap",
        ),
        curl=examples.here(EXAMPLE),
    )
    return rx.cond(WebhooksState.is_filtered, nothing_found(link_button("Clear filters", PATH)), fresh)


def new() -> rx.Component:
    """The making of a webhook, then its secret."""
    return shell("Create webhook", rx.cond(NewWebhookState.created_id != "", _made(), _form()), current=PATH, parent=("Webhooks", PATH))


def _made() -> rx.Component:
    return rx.el.div(
        secret_panel(
            rx.Var.create(f"The signing secret of {NewWebhookState.created_name}"),
            filename="crossdock-webhook-secret.txt",
            on_close=NewWebhookState.done,
            next_step=rx.el.p(
                "Give it to whoever receives: it proves that a delivery is from here. Closing leads to the code that verifies it.",
                class_name="x-small",
            ),
        ),
        rx.el.div(rx.el.span("Webhook id", class_name="x-small x-soft"), copy_id(NewWebhookState.created_id), class_name="x-row"),
        class_name="x-stack",
        max_width="720px",
    )


def _form() -> rx.Component:
    state, errors = NewWebhookState, NewWebhookState.errors
    address = rx.el.input(
        id="url",
        name="url",
        type="url",
        default_value=state.url,
        key=state.url,
        placeholder="https://example.com/hooks",
        class_name="x-input x-code-input",
        auto_focus=True,
        on_blur=state.check_url,
        aria_invalid=rx.cond(errors["url"], "true", "false"),
    )
    use = rx.el.button(
        icon("inbox", 14),
        "Use the built-in receiver",
        type="button",
        on_click=state.use_receiver,
        class_name="x-button x-quiet x-small-button",
        align_self="flex-start",
    )
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.el.div(
            field("URL", address, name="url", error=errors["url"]),
            url_verdict(state.addresses, state.url_problem, state.checking),
            use,
            class_name="x-field",
        ),
        text_field("Name", name="name", error=errors["name"], placeholder="Acme ERP", help_="Empty: the host of the URL.", max_length=120),
        event_picker(state.groups, [], "", errors["events"]),
        more(*further_fields(errors, with_secret=True)),
        rx.el.div(
            button("Create webhook", look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write),
            link_button("Cancel", PATH, look="quiet"),
            class_name="x-row",
        ),
        rx.el.p(
            "Where it comes from is proved by a signature; ",
            text_link("the receiver", "/settings/receiver"),
            " shows one arriving.",
            class_name="x-help",
        ),
        on_submit=state.create,
        class_name="x-form",
        saved=state.saved,
        max_width="640px",
    )
