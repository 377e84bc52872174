"""Owns the view of one incoming webhook."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import Live, button, card, length, link_button, menu, menu_item, note, text_link, time
from console.components.chart import chart
from console.components.copy import copy_id
from console.components.dialog import ask, ask_to_delete
from console.components.form import area_field, guarded_form, more, select_field, text_field
from console.components.secret import secret_panel
from console.components.table import Column
from console.pages.incoming.detail_state import DAY, ArrivalsState, IncomingWebhookState
from console.pages.incoming.mapping import mapping, waiting
from console.pages.incoming.mapping_state import MappingState
from console.pages.incoming.page import ACTIONS
from console.pages.incoming.rows import SCHEMES, ArrivalRow
from console.pages.incoming.state import PATH, IncomingState
from console.pages.webhooks.dialogs import OVERLAPS
from console.session import SessionState
from console.shell import one
from console.urls import SPANS

COLUMNS: Final = [
    Column("Status", 90),
    Column("What came of it", 220, full=True),
    Column("Event", 90, wide_only=True),
    Column("Source's id", 110, wide_only=True),
    Column("Record", 80),
    Column("Took", 40, right=True, wide_only=True),
    Column("When", 44, right=True),
]
_SCHEMES: Final = tuple(sorted({*SCHEMES, "stripe", "shopify", "slack", "twilio", "xero", "deliveroo"}))


def add(app: rx.App) -> None:
    """Add the page."""
    loads = [SessionState.load, IncomingWebhookState.load, ArrivalsState.load, MappingState.load]
    follows = [IncomingWebhookState.follow, ArrivalsState.follow, MappingState.follow]
    app.add_page(view, route=f"{PATH}/[incoming_id]", title="Incoming webhook · Crossdock", on_load=[*loads, *follows])


def view() -> rx.Component:
    """The page."""
    state = IncomingWebhookState
    return one(state, state.webhook, "incoming webhook", ("Incoming", PATH), _content(), _dialogs(), _actions())


def _actions() -> rx.Component:
    state = IncomingWebhookState
    unwritable = ~SessionState.can_write
    is_active = state.webhook.status == "active"
    return rx.el.div(
        button("Replay failed…", icon_name="repeat", on_click=state.ask_replay, allowed=SessionState.can_operate),
        menu(
            "More actions",
            menu_item("Regenerate address", "refresh-cw", state.open_dialog("regenerate"), disabled=unwritable),
            menu_item(rx.cond(is_active, "Disable", "Enable"), "power", state.toggle, disabled=unwritable),
            menu_item("Delete", "trash-2", state.open_dialog("delete"), danger=True, disabled=unwritable),
            allowed=SessionState.can_write,
        ),
        class_name="x-row",
    )


def _content() -> rx.Component:
    state, webhook = IncomingWebhookState, IncomingWebhookState.webhook
    here = PATH + "/" + webhook.id
    tabs = [
        table.tab("Requests", here, active=state.tab == "requests"),
        *[
            table.tab(word, here + f"?tab={word.lower()}", active=state.tab == word.lower())
            for word in ("Mapping", "Configuration", "Health")
        ],
    ]
    until = note("The old address works too; it ends ", time(webhook.old_token_until), ".", tone="wait", icon_name="clock")
    panel = secret_panel(
        state.revealing,
        filename="crossdock-incoming-address.txt",
        on_close=state.stored,
        once="The token in it is shown this once. If it is lost, regenerate it to get another address.",
    )
    return rx.el.div(
        rx.el.div(
            badge.status(webhook.status, *IncomingState.STATUSES),
            badge.tag(webhook.target),
            rx.el.span("Verified by: ", webhook.scheme_word, class_name="x-small x-soft"),
            copy_id(webhook.id),
            class_name="x-row-wrap",
        ),
        rx.cond(
            webhook.status == "disabled",
            note("It is disabled: requests are refused, and kept.", tone="bad", icon_name="circle-off"),
            rx.fragment(),
        ),
        rx.cond((webhook.scheme != "none") & ~webhook.has_secret, _no_secret(here), rx.fragment()),
        rx.cond(webhook.old_token_until != "", until, rx.fragment()),
        rx.cond(state.revealing != "", panel, rx.fragment()),
        table.tabs(*tabs, label="Parts of this incoming webhook"),
        rx.match(state.tab, ("mapping", mapping()), ("configuration", _configuration()), ("health", _health()), _requests()),
        class_name="x-stack",
    )


def _no_secret(here: Any) -> rx.Component:
    told = "The source's secret is not stored yet, so requests are refused, and kept: once it is, replay them. "
    return note(told, link_button("Add it", here + "?tab=configuration", small=True), tone="wait", icon_name="key-round")


def _requests() -> rx.Component:
    state, webhook = ArrivalsState, IncomingWebhookState.webhook
    words = {"accepted": "Accepted", "rejected": "Rejected", "captured": "Captured", "duplicate": "Duplicates", "received": "Waiting"}
    toolbar = rx.el.div(
        table.search_box(state.q, state.search, "Search id, record or address"),
        table.time_chip(state),
        table.clear_filters(state, PATH + "/" + webhook.id),
        class_name="x-toolbar",
    )
    nothing = rx.cond(state.is_filtered, rx.el.div(rx.el.p("Nothing matches these filters."), class_name="x-empty"), waiting())
    listing = table.table(COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=nothing, label="Requests")
    return rx.el.div(
        rx.el.p(webhook.health, class_name="x-strong", data_testid="health"),
        table.status_tabs(state, ((words[status], status) for status in state.STATUSES)),
        toolbar,
        listing,
        table.pager(state),
        class_name="x-stack",
    )


def _cells(row: ArrivalRow) -> list[Any]:
    opened = PATH + "/" + IncomingWebhookState.webhook.id + "/" + row.id
    return [
        table.opens(badge.status(row.status, *ArrivalsState.STATUSES), opened),
        rx.el.span(row.told, class_name="x-cut"),
        rx.el.span(row.event, class_name="x-mono"),
        rx.el.span(row.source_id, class_name="x-mono x-cut"),
        rx.el.span(row.record, class_name="x-mono"),
        row.took,
        time(row.at),
    ]


def _configuration() -> rx.Component:
    state, webhook = IncomingWebhookState, IncomingWebhookState.webhook
    errors = state.errors
    secret_help = rx.cond(webhook.has_secret, "One is stored. Type another to replace it.", "None is stored yet.")
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        text_field("Name", name="name", default_value=webhook.name, error=errors["name"], max_length=120),
        select_field("Each request", list(ACTIONS), name="action", default_value=webhook.action, error=errors["action"]),
        text_field(
            "Found by",
            name="upsert_field",
            default_value=webhook.key,
            error=errors["upsert_field"],
            mono=True,
            help_="Where records are updated: the unique field by which one is found. Leave it empty where each request creates one.",
        ),
        select_field(
            "Verified by",
            [(name, SCHEMES.get(name, name.replace("_", " ").capitalize())) for name in _SCHEMES],
            name="scheme",
            default_value=webhook.scheme,
            error=errors["verification"],
        ),
        text_field("Secret", name="secret", type="password", auto_complete="off", help_=secret_help),
        text_field(
            "Requests per minute", name="rate_limit", default_value=webhook.rate_limit, error=errors["rate_limit"], help_="Empty: no limit."
        ),
        _further(webhook, errors),
        button("Save", look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write, align_self="flex-start"),
        on_submit=state.save,
        key=webhook.id + webhook.scheme,
        class_name="x-form",
        saved=state.saved,
        max_width="640px",
    )


def _further(webhook: Live, errors: Live) -> rx.Component:
    return more(
        area_field(
            "Settings of the verification",
            name="settings",
            mono=True,
            rows=5,
            error=errors["settings"],
            default_value=webhook.verification,
            spell_check=False,
            placeholder='{"header": "X-Signature", "encoding": "hex", "signed": "{timestamp}.{body}", "timestamp_header": "X-Time"}',
            help_="JSON, for HMAC, basic authentication and a header. In every scheme dedupe says where the source's own id is.",
        ),
        text_field(
            "Items at",
            name="items",
            default_value=webhook.items_at,
            error=errors["items"],
            mono=True,
            help_="Where the payload is a list of things: the path of the list, @ for the whole payload. Each becomes a record of its own.",
        ),
    )


def _health() -> rx.Component:
    webhook = IncomingWebhookState.webhook

    def places(title: str, rows: Any, none: str, when: str) -> rx.Component:
        def place(row: Any) -> rx.Component:
            told = rx.el.span(row[1], " ", when, " ", time(row[2]), class_name="x-small x-soft")
            return rx.el.li(rx.el.span(row[0], class_name="x-mono x-wrap"), told, class_name="x-sample x-between", key=row[1] + row[0])

        body = rx.cond(length(rows) > 0, rx.el.ul(rx.foreach(rows, place)), rx.el.p(none, class_name="x-card-pad x-small x-soft"))
        return card(title, body)

    def reason(row: Any) -> rx.Component:
        those = PATH + "/" + webhook.id + "?status=rejected&reason=" + row[0]
        number = rx.el.span(row[2], class_name="x-num")
        word = rx.cond(row[0] == "rate_limit", rx.el.span(row[1]), text_link(row[1], those))  # what is over the limit is not kept
        return rx.el.li(word, number, class_name="x-sample x-between", key=row[0])

    none = rx.el.p("Nothing was rejected in the last 24 hours.", class_name="x-card-pad x-small x-soft")
    reasons = rx.cond(length(webhook.reasons) > 0, rx.el.ul(rx.foreach(webhook.reasons, reason)), none)
    return rx.el.div(
        rx.el.p(webhook.health, class_name="x-strong"),
        chart(webhook.line, "Requests by hour, 24 h"),
        rx.el.div(
            card("Rejected by reason", reasons),
            places("Appeared in the payload", webhook.appeared, "No new fields.", "since"),
            places("Vanished from the payload", webhook.vanished, "No field has gone.", "last"),
            class_name="x-cards",
        ),
        class_name="x-stack",
    )


def _dialogs() -> rx.Component:
    state = IncomingWebhookState
    spans = [("", "Ever"), *((name, words) for name, (words, _) in SPANS.items())]
    return rx.fragment(
        ask(
            state,
            "regenerate",
            "Regenerate the address",
            "Enter the new one at the source while the old one still works.",
            "Regenerate",
            state.regenerate,
            select_field("Keep the old address for", OVERLAPS, name="overlap"),
        ),
        ask(
            state,
            "replay",
            "Replay what failed",
            "Requests that were rejected, or kept without a mapping, are processed again by the settings of now, in their order.",
            "Replay",
            state.replay,
            select_field("Since", spans, name="since", default_value=DAY, on_change=state.count_failed),
            rx.el.p(state.failed, class_name="x-small x-strong", role="status", data_testid="failed"),
        ),
        ask_to_delete(
            state,
            "Delete this incoming webhook",
            ["Its address ends at once: the source is told 404.", "Its secrets are wiped. Its log stays for as long as logs are kept."],
            name=state.webhook.name,
        ),
    )
