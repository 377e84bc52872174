"""Owns the views of what is tried on a webhook's page: test send, filter, verification."""

from __future__ import annotations

import reflex as rx

from console.components import table
from console.components.basic import Live, button, card, icon, note, time
from console.components.copy import code_block
from console.components.form import area_field, text_field
from console.components.table import Column
from console.pages.webhooks.detail_state import WebhookState
from console.pages.webhooks.fields import FILTER_EXAMPLE
from console.pages.webhooks.snippets import LANGUAGES
from console.pages.webhooks.tools_state import FilterState, SignatureState


def filter_tester() -> rx.Component:
    """A filter tried on the last events."""
    state = FilterState
    columns = [Column("Result", 70), Column("Event", 120), Column("Stopped by", 160, full=True), Column("When", 40, right=True)]

    def cells(row: Live) -> list[object]:
        passes = rx.el.span(icon("check", 13), "Passes", class_name="x-badge x-good")
        return [
            rx.cond(row["passes"] != "", passes, rx.el.span(icon("minus", 13), "Filtered", class_name="x-badge")),
            rx.el.span(row["type"], class_name="x-mono"),
            rx.el.span(row["why"], class_name="x-mono x-soft"),
            time(row["at"]),
        ]

    form = rx.el.form(
        area_field(
            "Filter",
            name="filter",
            mono=True,
            default_value=WebhookState.webhook.filter,
            rows=6,
            spell_check=False,
            placeholder=FILTER_EXAMPLE,
            help_="Tried here only. Save it under Configuration.",
        ),
        button("Try on recent events", icon_name="flask-conical", type="submit", align_self="flex-start"),
        on_submit=state.run,
        class_name="x-form",
    )
    listing = table.table(
        columns, state.rows, cells, key=lambda row: row["id"], loading=rx.Var.create(False), empty=rx.fragment(), label="Recent events"
    )
    return rx.el.div(
        form,
        rx.cond(state.problem != "", note(state.problem, tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.cond(state.summary != "", rx.el.p(state.summary, class_name="x-strong", aria_live="polite"), rx.fragment()),
        listing,
        class_name="x-stack",
        on_mount=state.clear,
    )


def verify() -> rx.Component:
    """The code that verifies, and a box that says which step of a signature is wrong."""
    return rx.el.div(
        rx.el.div(
            rx.el.p(
                "Every delivery carries webhook-id, webhook-timestamp and webhook-signature by Standard Webhooks 1.0; its libraries verify it too. "
                "Verify the raw body, before anything parses it.",
                class_name="x-soft",
            ),
            rx.tabs.root(
                rx.tabs.list(*[rx.tabs.trigger(name, value=key) for key, name, _ in LANGUAGES]),
                *[rx.tabs.content(code_block(code, key), value=key, padding_top="12px") for key, _, code in LANGUAGES],
                default_value="python",
            ),
            class_name="x-stack",
        ),
        _signature_box(),
        class_name="x-stack-wide",
        max_width="860px",
    )


def _signature_box() -> rx.Component:
    state = SignatureState
    form = rx.el.form(
        text_field(
            "Secret",
            name="secret",
            type="password",
            mono=True,
            auto_complete="off",
            placeholder="whsec_…",
            help_="Used for this check and forgotten.",
        ),
        area_field(
            "Headers received",
            name="headers",
            mono=True,
            rows=4,
            spell_check=False,
            placeholder="webhook-id: evt_…\nwebhook-timestamp: 1767225600\nwebhook-signature: v1,…",
        ),
        area_field(
            "Body received",
            name="body",
            mono=True,
            rows=4,
            spell_check=False,
            help_="Byte for byte; a changed space changes the signature.",
        ),
        button("Check", icon_name="shield-check", type="submit", align_self="flex-start"),
        on_submit=state.check,
        class_name="x-stack",
    )
    return card(
        "Check a signature",
        rx.el.div(
            form,
            _verdict(),
            rx.el.ol(rx.foreach(state.steps, _step), class_name="x-stack-tight"),
            class_name="x-stack x-card-pad",
        ),
    )


def _verdict() -> rx.Component:
    good = note("A careful receiver accepts this request.", tone="good", icon_name="shield-check")
    old = note(
        "The signature is right, but the timestamp is more than 5 minutes off: a careful receiver refuses it as a possible repetition. "
        "For a request from a while ago that is as it should be; for one that has just arrived, set the receiver's clock.",
        tone="wait",
        icon_name="clock-alert",
    )
    bad = note("A careful receiver refuses this request. The step marked below is wrong.", tone="bad", icon_name="shield-x")
    return rx.fragment(rx.match(SignatureState.verdict, ("good", good), ("old", old), ("bad", bad), rx.fragment()))


def _step(item: Live) -> rx.Component:
    wrong = rx.cond(
        SignatureState.verdict == "old", icon("triangle-alert", 15, color="var(--amber-11)"), icon("circle-x", 15, color="var(--red-11)")
    )
    mark = rx.cond(item["ok"] != "", icon("circle-check", 15, color="var(--green-11)"), wrong)
    return rx.el.li(mark, rx.el.span(item["text"]), key=item["name"], class_name="x-row x-small", align_items="flex-start")
