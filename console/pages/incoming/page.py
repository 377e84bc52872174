"""Owns the views of the list of incoming webhooks and of the making of one."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from console.components import badge, table
from console.components.basic import button, gated_link_button, link_button, note, time
from console.components.copy import code_block, copy_id
from console.components.empty import empty, nothing_found
from console.components.form import field, guarded_form, text_field
from console.components.secret import secret_panel
from console.components.table import Column
from console.pages.incoming.rows import IncomingRow
from console.pages.incoming.state import PATH, IncomingState, NewIncomingState
from console.session import SessionState
from console.shell import shell

COLUMNS: Final = [
    Column("Name", 130),
    Column("Status", 80),
    Column("Into", 90),
    Column("Source", 80, wide_only=True),
    Column("Verified by", 110, wide_only=True),
    Column("Received, 24 h", 50, right=True),
    Column("Rejected", 40, right=True),
    Column("Last", 44, right=True),
]
_ANYTHING: Final = (
    "A known source brings its verification and a mapping to start from. Anything else is trusted by the token in its address."
)
BY_HAND: Final = """ADDRESS=<the address>
curl "$ADDRESS" \\
  -H "Content-Type: application/json" \\
  -d '{"email": "ada@example.com", "name": "Ada Byron"}'"""
ACTIONS: Final = (("create", "Create a record"), ("update", "Update the record that is there"), ("upsert", "Create or update"))


def add(app: rx.App) -> None:
    """Add the list and the making of an incoming webhook."""
    loads = [SessionState.load, IncomingState.load, IncomingState.follow]
    app.add_page(view, route=PATH, title="Incoming · Crossdock", on_load=loads)
    app.add_page(new, route=f"{PATH}/new", title="Create incoming webhook · Crossdock", on_load=[SessionState.load, NewIncomingState.load])


def view() -> rx.Component:
    """The list."""
    state = IncomingState
    listing = table.table(
        COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=_empty(), label="Incoming webhooks"
    )
    return shell(
        "Incoming",
        rx.el.div(
            table.status_tabs(state, ((status.capitalize(), status) for status in state.STATUSES)),
            rx.el.div(table.search_box(state.q, state.search, "Search name, module or id"), class_name="x-toolbar"),
            listing,
            table.pager(state),
            class_name="x-stack",
        ),
        current=PATH,
        action=_create(),
    )


def _create() -> rx.Component:
    return gated_link_button("Create incoming webhook", f"{PATH}/new", icon_name="plus", look="primary", allowed=SessionState.can_write)


def _cells(row: IncomingRow) -> list[Any]:
    return [
        table.opens(row.name, f"{PATH}/{row.id}"),
        badge.status(row.status, *IncomingState.STATUSES),
        rx.el.span(row.target, class_name="x-mono"),
        rx.el.span(row.source, class_name="x-soft"),
        rx.el.span(row.scheme, class_name="x-soft"),
        row.received,
        row.rejected,
        rx.cond(row.last != "", time(row.last), rx.el.span("Never", class_name="x-soft")),
    ]


def _empty() -> rx.Component:
    fresh = empty(
        "An incoming webhook is a secret address: what GitHub, Stripe or your own form posts there becomes a record or an order.", _create()
    )
    return rx.cond(IncomingState.is_filtered, nothing_found(link_button("Clear filters", PATH)), fresh)


def new() -> rx.Component:
    """The making of one, then its address."""
    state = NewIncomingState
    return shell("Create incoming webhook", rx.cond(state.created_id != "", _made(), _form()), current=PATH, parent=("Incoming", PATH))


def _made() -> rx.Component:
    state = NewIncomingState
    return rx.el.div(
        secret_panel(
            rx.Var.create(f"The address of {state.created_name}"),
            filename="crossdock-incoming-address.txt",
            on_close=state.done,
            once="The token in it is shown this once. If it is lost, regenerate it to get another address.",
            next_step=rx.el.div(
                rx.el.p(
                    rx.cond(state.hint != "", rx.Var.create(f"Enter it at {state.place}, "), "Enter it at the source, or try it by hand, "),
                    "then close: the next page waits for the first request.",
                    class_name="x-small",
                ),
                rx.cond(state.hint != "", rx.fragment(), code_block(BY_HAND, "bash", title="By hand")),
                class_name="x-stack-tight",
            ),
        ),
        rx.el.div(rx.el.span("Incoming webhook id", class_name="x-small x-soft"), copy_id(state.created_id), class_name="x-row"),
        class_name="x-stack",
        max_width="720px",
    )


def _form() -> rx.Component:
    state, errors = NewIncomingState, NewIncomingState.errors
    sources = rx.fragment(
        rx.el.option("Anything else", value=""),
        rx.foreach(state.sources, lambda each: rx.el.option(each["label"], value=each["name"], key=each["name"])),
    )
    source = rx.el.select(sources, id="source", name="source", value=state.source, on_change=state.choose, class_name="x-select")
    targets = rx.foreach(state.targets, lambda name: rx.el.option(name, value=name, key=name))
    module = rx.el.select(
        targets, id="module", name="module", default_value=state.module, key=state.source + state.module, class_name="x-select"
    )
    actions = [rx.el.option(word, value=name) for name, word in ACTIONS]
    action = rx.el.select(
        *actions, id="action", name="action", default_value=state.action, key=state.source + "action", class_name="x-select"
    )
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        field("Source", source, name="source", help_=rx.cond(state.about != "", state.about, _ANYTHING)),
        text_field(
            "Name",
            name="name",
            error=errors["name"],
            placeholder=rx.cond(state.label != "", state.label, "Form submissions"),
            max_length=120,
        ),
        rx.cond(state.missing_module != "", _elsewhere(), rx.fragment()),
        field("Into", module, name="module", error=errors["module"], help_="The module that takes the records, or orders."),
        field("Each request", action, name="action", error=errors["action"]),
        text_field(
            "Found by",
            name="upsert_field",
            default_value=state.key,
            key=state.source + "key",
            error=errors["upsert_field"],
            mono=True,
            help_="Where records are updated: the unique field by which one is found, such as email. "
            "Leave it empty where each request creates one, and for orders, which are found by external_id.",
        ),
        rx.cond(state.hint != "", _secret(), rx.fragment()),
        rx.el.div(
            button("Create incoming webhook", look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write),
            link_button("Cancel", PATH, look="quiet"),
            class_name="x-row",
        ),
        on_submit=state.create,
        class_name="x-form",
        saved=state.saved,
        max_width="640px",
    )


def _elsewhere() -> rx.Component:
    state = NewIncomingState
    told = rx.el.p(
        "The mapping that comes with it is for the module ", rx.el.span(state.missing_module, class_name="x-mono"),
        ", which this workspace does not have yet. Install the starter set with it, or choose below where else requests go and map them yourself.",
    )  # fmt: skip
    install = button(
        rx.Var.create(f"Install {state.starter_label}"),
        icon_name="download",
        small=True,
        type="button",
        on_click=state.install,
        busy=state.installing,
        allowed=SessionState.can_write,
        align_self="flex-start",
    )
    return note(
        rx.el.div(told, rx.cond(state.starter != "", install, rx.fragment()), class_name="x-stack-tight"), tone="wait", icon_name="table-2"
    )


def _secret() -> rx.Component:
    state, errors = NewIncomingState, NewIncomingState.errors
    return text_field(
        "Secret",
        name="secret",
        type="password",
        auto_complete="off",
        error=errors["verification"],
        help_=rx.fragment(
            rx.Var.create(f"What requests are signed with. Where it is: {state.hint}. "),
            "Where the source shows it only once it has the address, leave this empty and add it under Configuration.",
        ),
    )
