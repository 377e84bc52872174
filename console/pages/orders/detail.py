"""Owns the view of one order: what it holds and what was done to it left, whose it is right."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import button, card, facts, icon, text_link, time
from console.components.copy import copy_id
from console.components.dialog import ask
from console.components.form import area_field, text_field
from console.components.table import Column
from console.pages.orders.detail_state import OrderState
from console.pages.orders.rows import ChangeRow, ItemRow
from console.pages.orders.state import PATH, OrdersState
from console.session import SessionState
from console.shell import bones, gone, shell

COLUMNS: Final = [
    Column("Item", 180, full=True),
    Column("Quantity", 40, right=True),
    Column("Price", 50, right=True),
    Column("Amount", 60, right=True),
]


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view, route=f"{PATH}/[order_id]", title="Order · Crossdock", on_load=[SessionState.load, OrderState.load, OrderState.follow]
    )


def view() -> rx.Component:
    """The page."""
    order = OrderState.order
    missing = gone("There is no such order in this workspace. It may belong to another one; switch at the top left.", PATH, "All orders")
    return shell(
        rx.cond(order.id != "", "Order " + order.name, "Order"),
        rx.cond(OrderState.missing, missing, rx.cond(order.id == "", bones(), _content())),
        _dialogs(),
        current=PATH,
        parent=("Orders", PATH),
        action=rx.cond(order.id != "", _actions(), rx.fragment()),
    )


def _actions() -> rx.Component:
    state, order = OrderState, OrderState.order
    can = SessionState.can_write
    onward = button(order.verb, icon_name="arrow-right", look="primary", on_click=state.move, busy=state.busy, allowed=can)
    return rx.el.div(
        rx.el.span(_cancel(), class_name="x-wide-only"), rx.cond(order.onward != "", onward, rx.fragment()), class_name="x-row"
    )


def _cancel() -> rx.Component:
    cancel = button("Cancel…", look="danger", on_click=OrderState.open_dialog("cancel"), allowed=SessionState.can_write)
    return rx.cond(OrderState.order.can_cancel, cancel, rx.fragment())


def _content() -> rx.Component:
    order = OrderState.order
    return rx.el.div(
        rx.el.div(
            rx.el.div(badge.status(order.status, *OrdersState.STATUSES), copy_id(order.id), class_name="x-row-wrap"),
            rx.el.p(order.sentence, class_name="x-h2", data_testid="sentence"),
            rx.el.span(_cancel(), class_name="x-narrow-only"),  # no room for two buttons beside the title
            _items(),
            _history(),
            class_name="x-stack-wide",
        ),
        _facts(),
        class_name="x-two",
    )


def _items() -> rx.Component:
    state, order = OrderState, OrderState.order

    def cells(row: ItemRow) -> list[Any]:
        named = rx.cond(row.name != "", rx.fragment(row.name, " ", rx.el.span(row.product, class_name="x-mono x-tiny x-soft")), row.product)
        extra = rx.fragment(
            rx.foreach(row.modifiers, lambda word: rx.el.span("+ ", word, class_name="x-tiny x-soft", key=word)),
            rx.cond(row.notes != "", rx.el.span("“", row.notes, "”", class_name="x-tiny x-soft x-wrap"), rx.fragment()),
        )
        return [
            rx.el.span(rx.el.span(rx.el.span(named, class_name="x-strong"), extra, class_name="x-stack-tight"), class_name="x-sentence"),
            rx.el.span("× ", row.quantity),
            row.price,
            row.amount,
        ]

    def line(pair: Any) -> rx.Component:
        return rx.el.div(
            rx.el.span(pair[0], class_name="x-soft"), rx.el.span(pair[1], class_name="x-num"), class_name="x-between", key=pair[0]
        )

    nothing = rx.el.p("No items.", class_name="x-soft x-small")
    listing = table.table(COLUMNS, state.items, cells, key=lambda row: row.id, loading=state.loading, empty=nothing, label="Items")
    total = rx.el.div(
        rx.el.span("Total", class_name="x-strong"), rx.el.span(order.total, class_name="x-num x-strong"), class_name="x-between"
    )
    sums = rx.el.div(
        rx.foreach(order.totals, line),
        total,
        rx.cond(order.total_note != "", rx.el.p(order.total_note, class_name="x-tiny x-soft"), rx.fragment()),
        class_name="x-stack-tight x-small x-sums",
        data_testid="totals",
    )
    return rx.el.section(rx.el.h2("Items", class_name="x-h3"), listing, sums, class_name="x-stack")


def _history() -> rx.Component:
    state = OrderState
    more = rx.cond(state.has_more, rx.el.p("The latest 100 changes; the API gives all.", class_name="x-tiny x-soft"), rx.fragment())
    return rx.el.section(
        rx.el.h2("History", class_name="x-h3"),
        rx.el.ol(rx.foreach(state.changes, _change), class_name="x-story"),
        more,
        class_name="x-stack",
    )


def _change(row: ChangeRow) -> rx.Component:
    plain = rx.el.span(icon("pencil", 12), class_name="x-dot")
    placed = rx.el.span(icon("inbox", 12), class_name="x-dot")
    dot = rx.match(row.kind, ("order.created", placed), ("order.updated", plain), badge.dot(row.status, *OrdersState.STATUSES))
    by = rx.cond(row.who_path != "", text_link(row.who, row.who_path), rx.el.span(row.who))
    changed = rx.foreach(
        row.changes,
        lambda part: rx.el.div(
            rx.el.span(part[0], ": ", class_name="x-soft"),
            part[1],
            rx.el.span(" → ", class_name="x-soft"),
            part[2],
            class_name="x-wrap",
            key=part[0],
        ),
    )
    events = rx.foreach(row.events, lambda pair: rx.el.span(text_link(pair[0], "/settings/events/" + pair[1]), key=pair[1]))
    return rx.el.li(
        dot,
        rx.el.div(
            rx.el.div(
                rx.el.span(row.title, class_name="x-strong"),
                rx.el.span(" by ", by, ", ", time(row.at), class_name="x-soft"),
                class_name="x-wrap",
            ),
            rx.cond(row.reason != "", rx.el.div("“", row.reason, "”", class_name="x-wrap"), rx.fragment()),
            changed,
            rx.el.div(events, class_name="x-row-wrap x-tiny x-mono"),
            class_name="x-small x-stack-tight",
        ),
        class_name="x-step",
        key=row.id,
    )


def _facts() -> rx.Component:
    order = OrderState.order
    none = rx.el.span("None", class_name="x-soft")

    def shown(value: Any) -> rx.Component:
        return rx.cond(value != "", value, none)

    whose = card(
        "Customer",
        rx.el.div(
            facts(
                ("Name", shown(order.customer)),
                ("Phone", shown(order.phone)),
                ("Address", shown(order.address)),
                ("Notes", shown(order.notes)),
            ),
            class_name="x-card-pad",
        ),
        action=button("Edit", icon_name="pencil", small=True, on_click=OrderState.open_dialog("edit"), allowed=SessionState.can_write),
    )
    rest = rx.el.div(
        facts(
            ("Type", order.kind),
            ("Provider", order.provider),
            ("Their id", rx.cond(order.external_id != "", copy_id(order.external_id), none)),
            ("Branch", text_link(order.branch, PATH + "?branch=" + order.branch)),
            ("Placed", time(order.created)),
            ("Changed", time(order.updated)),
        ),
        text_link("Events about it", "/settings/events?q=" + order.id),
        text_link("Its deliveries", "/settings/deliveries?q=" + order.id),
        class_name="x-card x-card-pad x-stack",
    )
    return rx.el.aside(whose, rest, class_name="x-stack")


def _dialogs() -> rx.Component:
    state, order = OrderState, OrderState.order
    why = text_field("Reason", name="reason", max_length=400, help_="Optional. Kept in its history and told in its events.")
    fields = [
        text_field("Name", name="customer_name", default_value=order.customer, error=state.errors["customer_name"]),
        text_field("Phone", name="customer_phone", default_value=order.phone, error=state.errors["customer_phone"]),
        text_field(
            "Address",
            name="delivery_address",
            default_value=order.address,
            error=state.errors["delivery_address"],
            help_="May change until it is being prepared.",
        ),
        area_field("Notes", name="notes", default_value=order.notes, error=state.errors["notes"]),
    ]
    return rx.fragment(
        ask(
            state,
            "cancel",
            "Cancel this order",
            "It ends for good, and webhooks are told with order.cancelled.",
            "Cancel order",
            state.cancel,
            why,
        ),
        ask(state, "edit", "Change the customer's details", "An order.updated event tells of it.", "Save", state.edit, *fields, why),
    )
