"""Owns the view of one API key."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components import badge, table
from console.components.basic import button, card, facts, length, menu, menu_item, note, text_link, time
from console.components.chart import figure, meter, ranges
from console.components.copy import copy_id
from console.components.dialog import ask, confirm_by_name
from console.components.form import guarded_form, select_field, text_field
from console.components.secret import secret_panel
from console.pages.api_keys.check import check
from console.pages.api_keys.detail_state import KeyState
from console.pages.api_keys.page import STATUSES, further_fields, limit_fields, scope_picker
from console.pages.api_keys.rows import LimitRow, SecretRow, UseRow
from console.pages.api_keys.state import PATH
from console.pages.logs.parts import requests
from console.pages.logs.states import PATH as LOGS
from console.session import SessionState
from console.shell import bones, gone, shell

OVERLAPS: Final = [("0", "None: the old one stops at once"), ("1", "1 hour"), ("24", "24 hours"), ("72", "3 days"), ("168", "7 days")]


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=f"{PATH}/[key_id]", title="API key · Crossdock", on_load=[SessionState.load, KeyState.load, KeyState.follow])


def view() -> rx.Component:
    """The page."""
    missing = gone(
        "There is no such API key in this workspace. It may belong to another one; switch at the top left.", PATH, "All API keys"
    )
    return shell(
        rx.cond(KeyState.key.name != "", KeyState.key.name, "API key"),
        rx.cond(KeyState.missing, missing, rx.cond(KeyState.key.id == "", bones(), _content())),
        _dialogs(),
        current=PATH,
        parent=("API keys", PATH),
        action=rx.cond(KeyState.key.id != "", _actions(), rx.fragment()),
    )


def _actions() -> rx.Component:
    is_revoked = KeyState.key.status == "revoked"
    disabled = KeyState.key.status == "disabled"
    return rx.cond(
        is_revoked,
        rx.fragment(),
        rx.el.div(
            button("Rotate", icon_name="refresh-cw", on_click=KeyState.open_dialog("rotate"), allowed=SessionState.can_write),
            menu(
                "More actions",
                menu_item(rx.cond(disabled, "Enable", "Disable"), "power", KeyState.switch),
                menu_item("Regenerate", "rotate-ccw-key", KeyState.open_dialog("regenerate"), danger=True),
                menu_item("Revoke", "ban", KeyState.open_dialog("revoke"), danger=True),
                allowed=SessionState.can_write,
            ),
            class_name="x-row",
        ),
    )


def _content() -> rx.Component:
    here = PATH + "/" + KeyState.key.id
    return rx.el.div(
        rx.el.div(badge.status(KeyState.key.status, *STATUSES), copy_id(KeyState.key.id), class_name="x-row-wrap"),
        rx.cond(KeyState.key.sentence != "", rx.el.p(KeyState.key.sentence, class_name="x-soft"), rx.fragment()),
        rx.foreach(KeyState.reasons, lambda sentence: rx.fragment(note(sentence, tone="wait", icon_name="clock"), key=sentence)),
        rx.cond(
            KeyState.revealing != "",
            secret_panel(KeyState.revealing, filename="crossdock-api-key.txt", on_close=KeyState.stored),
            rx.fragment(),
        ),
        table.tabs(
            table.tab("Activity", here, active=KeyState.tab != "settings"),
            table.tab("Settings", here + "?tab=settings", active=KeyState.tab == "settings"),
            label="Parts of this key",
        ),
        rx.cond(KeyState.tab == "settings", _settings(), _activity()),
        class_name="x-stack",
    )


def _activity() -> rx.Component:
    nothing = rx.Var.create("")
    here = PATH + "/" + KeyState.key.id
    return rx.el.div(
        rx.el.div(
            rx.el.div(ranges(here, KeyState.range), class_name="x-row"),
            rx.el.div(
                figure("Requests", KeyState.total, KeyState.line, "all, refused and failed ones too"),
                figure("Refused or wrong", KeyState.wrong, nothing, KeyState.wrong_hint),
                figure("Failed", KeyState.failed, nothing, KeyState.failed_hint),
                figure("p95", KeyState.p95, nothing, KeyState.p95_hint),
                class_name="x-figures",
            ),
            _limits(),
            _secrets(),
            rx.cond(length(KeyState.routes) > 0, _uses(), rx.fragment()),
            check(),
            _requests(),
            class_name="x-stack-wide",
        ),
        _facts(),
        class_name="x-two",
    )


def _limits() -> rx.Component:
    def bar(item: LimitRow) -> rx.Component:
        resets = rx.cond(item.resets != "", rx.fragment(", free again ", time(item.resets)), "")
        return rx.el.div(
            rx.el.div(
                rx.el.span("This ", item.window.lower()),
                rx.el.span(item.used, resets, class_name="x-num x-soft"),
                class_name="x-between x-small",
            ),
            meter(item.percent, item.used, item.tone),
            key=item.window,
            class_name="x-stack-tight",
        )

    return rx.cond(
        length(KeyState.limits) > 0,
        card("Limits now", rx.el.div(rx.foreach(KeyState.limits, bar), class_name="x-limits x-card-pad")),
        rx.fragment(),
    )


def _uses() -> rx.Component:
    def row(item: UseRow, hint: rx.Component) -> rx.Component:
        return rx.el.div(
            rx.el.span(item.name, class_name="x-mono x-cut x-grow"),
            rx.el.span(item.total, class_name="x-num"),
            hint,
            key=item.name,
            class_name="x-item",
        )

    routes = rx.foreach(KeyState.routes, lambda item: row(item, rx.el.span(item.hint, class_name="x-soft")))
    addresses = rx.foreach(KeyState.addresses, lambda item: row(item, rx.el.span(time(item.hint), class_name="x-soft")))
    return rx.el.div(
        card("Endpoints", rx.el.div(routes, class_name="x-list")),
        card("Addresses", rx.el.div(addresses, class_name="x-list")),
        class_name="x-halves",
    )


def _secrets() -> rx.Component:
    def row(item: SecretRow) -> rx.Component:
        used = rx.cond(
            item.last_used != "",
            rx.el.span(
                "Used ",
                time(item.last_used),
                " from ",
                rx.el.span(item.last_ip, class_name="x-mono"),
                class_name="x-soft",
                title=item.last_agent,
            ),
            rx.el.span("Not used", class_name="x-soft"),
        )
        return rx.el.div(
            rx.el.span(item.masked, class_name="x-mono"),
            rx.cond(item.is_newest, rx.el.span("Current", class_name="x-badge x-good"), rx.el.span("Old", class_name="x-badge x-wait")),
            rx.el.span(used, class_name="x-grow"),
            rx.cond(item.ends != "", rx.el.span("ends ", time(item.ends), class_name="x-soft"), rx.fragment()),
            rx.el.span(item.requests, " requests", class_name="x-num x-soft x-wide-only", title="Lately from " + item.places),
            key=item.id,
            class_name="x-item",
            flex_wrap="wrap",
        )

    return card("Secrets in use", rx.el.div(rx.foreach(KeyState.secrets, row), class_name="x-list"))


def _requests() -> rx.Component:
    nothing = rx.el.p("No request with this key yet.", class_name="x-soft x-small")
    listing = requests(KeyState.requests, loading=KeyState.loading, empty=nothing, of="key")
    return rx.el.section(
        rx.el.div(
            rx.el.h2("Latest requests", class_name="x-h3"),
            rx.cond(
                length(KeyState.requests) > 0, text_link("All requests of this key", LOGS + "?caller=" + KeyState.key.id), rx.fragment()
            ),
            class_name="x-between",
        ),
        listing,
        class_name="x-stack",
    )


def _facts() -> rx.Component:
    key = KeyState.key
    chips = rx.el.div(rx.foreach(key.scopes, badge.tag), class_name="x-row-wrap")
    addresses = rx.cond(
        length(key.allowed_ips) > 0,
        rx.el.div(rx.foreach(key.allowed_ips, badge.tag), class_name="x-row-wrap"),
        "Any address",
    )
    return rx.el.aside(
        facts(
            ("Scopes", chips),
            ("Limit", key.limits),
            ("From", addresses),
            ("Expires", rx.cond(key.expires != "", time(key.expires), "Never")),
            ("Accepted", rx.el.span(key.requests, class_name="x-num")),
            ("Last used", rx.cond(key.last_used != "", rx.fragment(time(key.last_used), " from ", key.last_ip), "Never")),
            ("Owner", rx.cond(key.owner != "", key.owner, "Nobody")),
            ("Created", time(key.created)),
            ("Changed", time(key.updated)),
        ),
        rx.cond(key.description != "", rx.el.p(key.description, class_name="x-small x-soft"), rx.fragment()),
        class_name="x-card x-card-pad x-stack",
    )


def _settings() -> rx.Component:
    key, errors = KeyState.key, KeyState.errors
    form = guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        text_field("Name", name="name", error=errors["name"], default_value=key.name, max_length=120),
        scope_picker(key.scopes, errors["scopes"]),
        limit_fields(
            {"limit_per_minute": key.per_minute, "limit_per_hour": key.per_hour, "limit_per_day": key.per_day}, errors["rate_limit"]
        ),
        rx.cond(
            SessionState.can_write,
            select_field(
                "Owner",
                KeyState.members,
                name="owner_id",
                error=errors["owner_id"],
                default_value=key.owner_id,
                help_="Whom to ask about this key. Its rights are its own.",
            ),
            rx.fragment(),
        ),
        *further_fields(
            errors,
            description=key.description,
            allowed_ips=key.allowed_ips_text,
            expires_at=key.expires_date,
            rotate_every=key.rotate_every,
            metadata=key.metadata,
        ),
        button("Save changes", look="primary", type="submit", busy=KeyState.busy, allowed=SessionState.can_write, align_self="flex-start"),
        on_submit=KeyState.save,
        class_name="x-form",
        max_width="640px",
        key=key.id + key.updated,
        saved=KeyState.saved,
    )
    return rx.cond(key.status == "revoked", note("A revoked key cannot be changed. Create a new one.", icon_name="ban", tone=""), form)


def _dialogs() -> rx.Component:
    shared = {"name": KeyState.key.name, "on_close": KeyState.close_dialog, "busy": KeyState.busy, "error": KeyState.ask_error}
    rotate = ask(
        KeyState,
        "rotate",
        "Rotate the secret",
        "Makes a new secret for this key. Its id, scopes and limits stay.",
        "Rotate",
        KeyState.rotate,
        select_field(
            "Keep the old secret for",
            OVERLAPS,
            name="overlap",
            default_value="24",
            help_="Both work until then; this page shows which is still used, and from where.",
        ),
    )
    return rx.fragment(
        rotate,
        confirm_by_name(
            "Regenerate the secret",
            ["The secret in use stops working at once.", "Whoever uses the key must get the new one."],
            verb="Regenerate",
            opened=KeyState.ask == "regenerate",
            on_confirm=KeyState.regenerate,
            **shared,
        ),
        confirm_by_name(
            "Revoke this key",
            ["Every request with it is refused within a second.", "It cannot be undone. The key stays listed under Revoked."],
            verb="Revoke",
            opened=KeyState.ask == "revoke",
            on_confirm=KeyState.revoke,
            **shared,
        ),
    )
