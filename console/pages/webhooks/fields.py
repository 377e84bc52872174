"""Owns the fields of a webhook's form, shared by making and changing one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from console.components.basic import Live, contains, icon
from console.components.form import area_field, check_field, select_field, text_field
from console.pages.webhooks.rows import AddressRow, TypeGroup

FILTER_EXAMPLE = '{"field": "data.total", "op": "gte", "value": 100}'


def event_picker(groups: Live, held: Live, other: Live, error: Live) -> rx.Component:
    """Every type by group as boxes, all at once, and patterns."""

    def box(item: Live) -> rx.Component:
        checked = contains(held, item["name"])
        return rx.el.label(
            rx.el.input(type="checkbox", name="event:" + item["name"], default_checked=checked),
            rx.el.span(item["name"], class_name="x-mono"),
            title=item["about"],
            key=item["name"],
            class_name="x-check",
        )

    def group(item: TypeGroup) -> rx.Component:
        return rx.el.details(
            rx.el.summary(icon("chevron-right", 14), item.name),
            rx.el.div(rx.foreach(item.types, box), class_name="x-boxes"),
            key=item.name,
            class_name="x-more",
        )

    everything = contains(held, "*")
    return rx.el.fieldset(
        rx.el.legend("Events", class_name="x-label"),
        rx.el.label(
            rx.el.input(type="checkbox", name="event:*", default_checked=everything),
            "All events",
            rx.el.span(" now and later", class_name="x-soft"),
            class_name="x-check",
        ),
        rx.foreach(groups, group),
        text_field(
            "By pattern",
            name="other_events",
            mono=True,
            placeholder="order.*",
            default_value=other,
            help_="Names or groups such as order.*, separated by spaces.",
        ),
        rx.cond(error, rx.el.p(icon("circle-alert", 13), error, class_name="x-error", role="alert"), rx.fragment()),
        class_name="x-field x-card x-card-pad",
    )


def url_verdict(addresses: Live, problem: Live, checking: Live) -> rx.Component:
    """What the URL leads to, and the rule that allows or blocks each address."""

    def row(item: AddressRow) -> rx.Component:
        mark = rx.cond(item.is_allowed, icon("check", 14, color="var(--green-11)"), icon("ban", 14, color="var(--red-11)"))
        return rx.el.div(
            mark,
            rx.el.span(item.address, class_name="x-mono"),
            rx.el.span(rx.cond(item.is_allowed, "allowed: ", "blocked: "), item.rule, class_name="x-soft"),
            key=item.address,
            class_name="x-row x-tiny",
        )

    return rx.el.div(
        rx.cond(
            checking,
            rx.el.p("Looking up its addresses…", class_name="x-help"),
            rx.cond(problem != "", rx.el.p(icon("circle-alert", 13), problem, class_name="x-error"), rx.foreach(addresses, row)),
        ),
        class_name="x-stack-tight",
        aria_live="polite",
    )


def further_fields(errors: Live, *, with_secret: bool, **values: Any) -> list[rx.Component]:
    """What most people leave alone."""
    fields = [*_sending(errors, values), *_signing(errors, values, with_secret=with_secret), *_failing(errors, values)]
    metadata = area_field(
        "Metadata",
        name="metadata",
        mono=True,
        error=errors["metadata"],
        placeholder='{"team": "sales"}',
        default_value=values.get("metadata", ""),
    )
    return [*fields, metadata]


def _sending(errors: Live, values: dict[str, Any]) -> list[rx.Component]:
    return [
        area_field(
            "Filter",
            name="filter",
            mono=True,
            error=errors["filter"],
            placeholder=FILTER_EXAMPLE,
            default_value=values.get("filter", ""),
            help_="Only events that match are sent. Combine with all, any and not; the Filter tab tries it on recent events.",
        ),
        area_field(
            "Headers",
            name="headers",
            mono=True,
            error=errors["headers"],
            placeholder="X-Tenant: acme",
            default_value=values.get("headers", ""),
            help_="One a line, as Name: value. Values are stored encrypted and shown as dots.",
        ),
        text_field(
            "Retry after",
            name="schedule",
            mono=True,
            error=errors["retry_policy"],
            default_value=values.get("schedule", ""),
            placeholder="5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h",
            help_="Delays between attempts, each ±10 %. Empty: as shown.",
        ),
        text_field(
            "At most a second",
            name="rate_limit",
            input_mode="decimal",
            error=errors["rate_limit"],
            default_value=values.get("rate_limit", ""),
            help_="Deliveries per second. Empty: no limit.",
        ),
    ]


def _signing(errors: Live, values: dict[str, Any], *, with_secret: bool) -> list[rx.Component]:
    style = select_field(
        "Older signature header",
        [("hex", "Hex digits"), ("sha256", "sha256= and hex digits")],
        name="style",
        default_value=values.get("style", "hex"),
        help_="How X-Webhook-Signature is written, for receivers that know it. webhook-signature is always sent.",
    )
    if not with_secret:
        return [style]
    bring = text_field(
        "Bring a secret",
        name="secret",
        type="password",
        mono=True,
        error=errors["secret"],
        auto_complete="off",
        help_="For a move from another system: at least 24 bytes. Empty: one is generated.",
    )
    return [bring, style]


def _failing(errors: Live, values: dict[str, Any]) -> list[rx.Component]:
    return [
        text_field(
            "Timeout",
            name="timeout",
            input_mode="decimal",
            error=errors["timeout"],
            default_value=values.get("timeout", "15"),
            help_="Seconds for one attempt, 1 to 30.",
        ),
        check_field(
            "Verify TLS certificates",
            name="verify_ssl",
            default_checked=values.get("verify_ssl", True),
            help_="Turn it off only for a receiver you know, while you repair its certificate.",
        ),
        check_field(
            "Disable after failing",
            name="auto_disable",
            default_checked=values.get("auto_disable", True),
            help_="When every attempt failed for the days below, and at least 20 did.",
        ),
        text_field(
            "Days of failing",
            name="disable_after",
            input_mode="numeric",
            error=errors["disable_after_days"],
            default_value=values.get("disable_after", "5"),
        ),
    ]
