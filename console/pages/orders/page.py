"""Owns the view of the list of orders."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console import examples
from console.components import badge, table
from console.components.basic import link_button, time
from console.components.empty import empty, nothing_found
from console.components.table import Column
from console.pages.orders.rows import PROVIDERS, OrderRow
from console.pages.orders.state import PATH, OrdersState
from console.session import SessionState
from console.shell import live_mark, shell
from console.theme import LOOKS

COLUMNS: Final = [
    Column("Status", 100),
    Column("Order", 90),
    Column("Customer", 120, full=True),
    Column("Provider", 80, wide_only=True),
    Column("Branch", 90, wide_only=True),
    Column("Items", 30, right=True, wide_only=True),
    Column("Total", 60, right=True),
    Column("When", 44, right=True),
]
EXAMPLE: Final = """curl BASE/api/v1/orders \\
  -H "Authorization: Bearer $CROSSDOCK_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"branch_id": "branch-1", "order_type": "pickup", "provider": "uber_eats", "external_id": "4711",
       "customer_name": "Ada Byron", "currency": "AED", "items": [{"product_id": "margherita", "quantity": 2, "unit_price": 8.5}]}'"""


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=PATH, title="Orders · Crossdock", on_load=[SessionState.load, OrdersState.load, OrdersState.follow])


def view() -> rx.Component:
    """The list."""
    state = OrdersState
    listing = table.table(
        COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=_empty(), label="Orders", skeleton_rows=12
    )
    return shell(
        "Orders",
        rx.el.div(
            table.status_tabs(state, [(LOOKS[name].word, name) for name in state.STATUSES]),
            _toolbar(),
            listing,
            table.pager(state),
            class_name="x-stack",
        ),
        current=PATH,
        action=live_mark(),
    )


def _toolbar() -> rx.Component:
    state = OrdersState
    providers = [rx.el.option("Any provider", value=""), *(rx.el.option(word, value=name) for name, word in PROVIDERS.items())]
    branches = rx.fragment(rx.el.option("Any branch", value=""), rx.el.option(state.branch, value=state.branch))
    return rx.el.div(
        table.search_box(state.q, state.search, "Search id, customer, address"),
        table.chip(
            "Provider",
            state.provider,
            rx.fragment(*providers),
            lambda value: state.pick("provider", value),
            shown=rx.match(state.provider, *PROVIDERS.items(), state.provider),
        ),
        rx.cond(state.branch != "", table.chip("Branch", state.branch, branches, lambda value: state.pick("branch", value)), rx.fragment()),
        table.time_chip(state),
        table.clear_filters(state, PATH),
        class_name="x-toolbar",
    )


def _cells(row: OrderRow) -> list[Any]:
    return [
        badge.status(row.status, *OrdersState.STATUSES),
        table.opens(row.name, f"{PATH}/{row.id}"),
        row.customer,
        row.provider,
        row.branch,
        row.quantity,
        row.total,
        time(row.at),
    ]


def _empty() -> rx.Component:
    fresh = empty(
        "Partners place orders over the API; each is listed here with where it stands, and every change of it is an event. Place one to see it.",
        link_button("API keys", "/settings/api-keys", icon_name="key-round", look="primary"),
        curl=examples.here(EXAMPLE),
    )
    return rx.cond(OrdersState.is_filtered, nothing_found(link_button("Clear filters", PATH)), fresh)
