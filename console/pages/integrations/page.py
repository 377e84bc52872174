"""Owns the view of the list of integrations."""

from __future__ import annotations

from typing import Final

import reflex as rx

from backend.integrations.entry import CATEGORIES
from console import examples
from console.components import badge, table
from console.components.basic import button, gated_link_button, link_button, note, time
from console.components.empty import empty, nothing_found
from console.components.table import Column
from console.pages.integrations.gallery_state import GalleryState
from console.pages.integrations.offers import category_name
from console.pages.integrations.parts import provider_mark
from console.pages.integrations.paths import CATALOGUE, PATH
from console.pages.integrations.rows import STATUSES, IntegrationRow
from console.pages.integrations.state import IntegrationsState
from console.session import SessionState
from console.shell import live_mark, permitted, shell

COLUMNS: Final = [
    Column("Name", 140),
    Column("Status", 90),
    Column("Account", 150),
    Column("What now", 220, full=True),
    Column("Synced", 50, right=True, wide_only=True),
    Column("Added", 50, right=True, wide_only=True),
]
EXAMPLE: Final = """curl BASE/api/v1/integrations \\
  -H "Authorization: Bearer $CROSSDOCK_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"provider": "sandbox"}'"""


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=PATH,
        title="Integrations · Crossdock",
        on_load=[SessionState.load, GalleryState.rest, IntegrationsState.load, IntegrationsState.follow],
    )


def view() -> rx.Component:
    """The list."""
    state = IntegrationsState
    words = [(status.replace("_", " ").capitalize(), status) for status in STATUSES]
    kinds = [rx.el.option("Any", value=""), *(rx.el.option(category_name(each), value=each) for each in CATEGORIES)]
    chip = table.chip("Category", state.type, rx.fragment(*kinds), lambda value: state.pick("type", value))
    listing = table.table(COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=_empty(), label="Integrations")
    label = rx.fragment("Connect", rx.el.span(" a provider", class_name="x-wide-only", white_space="pre"))
    connect = link_button(label, CATALOGUE, icon_name="plus", look="primary")
    return shell(
        "Integrations",
        permitted(
            state,
            rx.el.div(
                rx.cond(state.told != "", note(state.told, tone="bad", icon_name="circle-alert"), rx.fragment()),
                table.status_tabs(state, words),
                rx.el.div(
                    table.search_box(state.q, state.search, "Search name, account or id"),
                    chip,
                    table.clear_filters(state, PATH),
                    class_name="x-toolbar",
                ),
                listing,
                table.pager(state),
                class_name="x-stack",
            ),
        ),
        current=PATH,
        action=rx.el.div(live_mark(), connect, class_name="x-row", gap="16px"),
    )


def _cells(row: IntegrationRow) -> list[object]:
    name = rx.el.span(provider_mark(row.mark), rx.el.span(row.name, class_name="x-cut"), class_name="x-row")
    return [
        table.opens(name, f"{PATH}/{row.id}"),
        badge.status(row.status, *STATUSES),
        rx.cond(row.account != "", row.account, rx.el.span("None", class_name="x-soft")),
        rx.el.span(row.told, class_name="x-sentence x-soft"),
        rx.cond(row.synced != "", time(row.synced), rx.el.span("Never", class_name="x-soft")),
        time(row.created),
    ]


def _empty() -> rx.Component:
    fresh = empty(
        "An integration is a connection to a service such as Slack, Google or Stripe: signed in to once, kept alive, synced into records. "
        "To see all of it work with no account anywhere, connect the sandbox, which is built in.",
        rx.el.div(
            gated_link_button("Browse the catalogue", CATALOGUE, icon_name="layout-grid", look="primary", allowed=SessionState.can_write),
            button(
                "Connect the sandbox",
                icon_name="flask-conical",
                on_click=GalleryState.connect("sandbox"),
                busy=GalleryState.connecting == "sandbox",
                allowed=SessionState.can_write,
            ),
            class_name="x-row-wrap",
        ),
        curl=examples.here(EXAMPLE),
    )
    return rx.cond(IntegrationsState.is_filtered, nothing_found(link_button("Clear filters", PATH)), fresh)
