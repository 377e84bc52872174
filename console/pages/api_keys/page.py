"""Owns the views of the list of API keys and of the making of one."""

from __future__ import annotations

from typing import Final

import reflex as rx

from backend.api_keys.scopes import ACTIONS, RECORD_NAMES, RESOURCES, label
from console import examples
from console.components import badge, table
from console.components.basic import Live, button, card, contains, gated_link_button, icon, length, link_button, note, time
from console.components.copy import code_block, copy_id
from console.components.empty import empty, nothing_found
from console.components.form import area_field, guarded_form, more, text_field
from console.components.secret import secret_panel
from console.components.table import Column
from console.pages.api_keys.rows import DueRow, KeyRow
from console.pages.api_keys.state import PATH, KeysState, NewKeyState
from console.session import SessionState
from console.shell import shell

STATUSES: Final = KeysState.STATUSES
PRESETS: Final = (
    ("Publish events", "events:write"),
    ("Read everything", "*:read"),
    ("Manage webhooks", "webhooks:manage events:read"),
    ("None", ""),
)
COLUMNS: Final = [
    Column("Name", 140),
    Column("Key", 130, full=True),
    Column("Status", 80),
    Column("Scopes", 150, wide_only=True),
    Column("Limit", 100, wide_only=True),
    Column("Requests", 60, right=True),
    Column("Last used", 60, right=True),
]
EXAMPLE: Final = """# First: export TOKEN= with the access token that POST /api/v1/auth/token answers
curl BASE/api/v1/api-keys \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"name": "Shop", "scopes": ["events:write"]}'"""


def add(app: rx.App) -> None:
    """Add the list and the making of a key."""
    app.add_page(view, route=PATH, title="API keys · Crossdock", on_load=[SessionState.load, KeysState.load, KeysState.follow])
    app.add_page(new, route=f"{PATH}/new", title="Create API key · Crossdock", on_load=[SessionState.load, NewKeyState.load])


def view() -> rx.Component:
    """The list."""
    create = gated_link_button("Create key", f"{PATH}/new", icon_name="plus", look="primary", allowed=SessionState.can_write)
    listing = table.table(
        COLUMNS, KeysState.rows, _cells, key=lambda row: row.id, loading=KeysState.loading, empty=_empty(), label="API keys"
    )
    return shell(
        "API keys",
        rx.el.div(
            table.status_tabs(KeysState, ((status.capitalize(), status) for status in STATUSES)),
            rx.el.div(table.search_box(KeysState.q, KeysState.search, "Search name, id or key prefix"), class_name="x-toolbar"),
            rx.cond((length(KeysState.due) > 0) & KeysState.is_first, _due(), rx.fragment()),
            listing,
            table.pager(KeysState),
            class_name="x-stack",
        ),
        current=PATH,
        action=create,
    )


def _due() -> rx.Component:
    def row(item: DueRow) -> rx.Component:
        return rx.el.div(
            badge.status(item.kind, "expiring", "rotation", "old_secret", "unused"),
            rx.el.div(
                table.opens(item.name, PATH + "/" + item.id),
                rx.el.span(item.sentence, class_name="x-soft x-wrap"),
                class_name="x-stack-tight x-grow",
                gap="0",
            ),
            key=item.id,
            class_name="x-item",
        )

    return card("Look at these", rx.el.div(rx.foreach(KeysState.due, row), class_name="x-list"))


def _cells(row: KeyRow) -> list[object]:
    return [
        table.opens(row.name, f"{PATH}/{row.id}"),
        rx.el.span(row.masked, class_name="x-mono x-soft"),
        badge.status(row.status, *STATUSES),
        rx.el.span(row.scopes, class_name="x-mono x-soft"),
        row.limits,
        row.requests,
        rx.cond(row.last_used != "", time(row.last_used), rx.el.span("Never", class_name="x-soft")),
    ]


def _empty() -> rx.Component:
    fresh = empty(
        "An API key lets a partner's system call Crossdock. Give each system its own key with the least rights it needs.",
        gated_link_button("Create key", f"{PATH}/new", icon_name="plus", look="primary", allowed=SessionState.can_write),
        curl=examples.here(EXAMPLE),
    )
    return rx.cond(KeysState.is_filtered, nothing_found(link_button("Clear filters", PATH)), fresh)


def new() -> rx.Component:
    """The making of a key, then its secret."""
    return shell(
        "Create API key",
        rx.cond(NewKeyState.created_id != "", _made(), _form()),
        current=PATH,
        parent=("API keys", PATH),
    )


def _made() -> rx.Component:
    return rx.el.div(
        secret_panel(
            rx.Var.create(f"The secret of {NewKeyState.created_name}"),
            filename="crossdock-api-key.txt",
            on_close=NewKeyState.done,
            next_step=rx.cond(
                NewKeyState.may_publish,
                code_block(examples.publish(), "shell", title="Use it: publish an event"),
                code_block(examples.whose(), "shell", title="Use it: ask whose key it is"),
            ),
        ),
        rx.el.div(rx.el.span("Key id", class_name="x-small x-soft"), copy_id(NewKeyState.created_id), class_name="x-row"),
        class_name="x-stack",
        max_width="720px",
    )


def _form() -> rx.Component:
    errors = NewKeyState.errors
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        text_field(
            "Name",
            name="name",
            error=errors["name"],
            placeholder="Shop, production",
            help_="Who will use it, and where.",
            auto_focus=True,
            max_length=120,
        ),
        scope_picker([], errors["scopes"]),
        limit_fields({"limit_per_minute": "100"}, errors["rate_limit"]),
        more(*further_fields(errors)),
        rx.el.div(
            button("Create key", look="primary", type="submit", busy=NewKeyState.busy, allowed=SessionState.can_write),
            link_button("Cancel", PATH, look="quiet"),
            class_name="x-row",
        ),
        on_submit=NewKeyState.create,
        class_name="x-form",
        saved=NewKeyState.saved,
        max_width="640px",
    )


def further_fields(errors: Live, **values: Live) -> list[rx.Component]:
    """The fields that most people leave alone."""
    return [
        text_field(
            "Description", name="description", error=errors["description"], default_value=values.get("description", ""), max_length=1000
        ),
        area_field(
            "Allowed addresses",
            name="allowed_ips",
            error=errors["allowed_ips"],
            mono=True,
            placeholder="203.0.113.7\n2001:db8::/32",
            help_="One IP address or CIDR range a line. Empty: from anywhere.",
            default_value=values.get("allowed_ips", ""),
        ),
        text_field(
            "Last day",
            name="expires_at",
            type="date",
            error=errors["expires_at"],
            default_value=values.get("expires_at", ""),
            help_="Valid to the end of this day, UTC. Empty: until it is revoked.",
        ),
        text_field(
            "Remind to rotate every",
            name="rotate_every",
            input_mode="numeric",
            error=errors["rotate_every"],
            default_value=values.get("rotate_every", ""),
            help_="Days. Empty: no reminder.",
        ),
        area_field(
            "Metadata",
            name="metadata",
            error=errors["metadata"],
            mono=True,
            placeholder='{"team": "sales"}',
            default_value=values.get("metadata", ""),
            help_="A JSON object of your own; it comes back with the key.",
        ),
    ]


def limit_fields(values: dict[str, Live], error: Live) -> rx.Component:
    """The three limits side by side."""
    inputs = [
        rx.el.label(
            rx.el.input(
                name=name,
                input_mode="numeric",
                default_value=values.get(name, ""),
                class_name="x-input x-num",
                placeholder="No limit",
                aria_label=f"Requests {words}",
            ),
            rx.el.span(words, class_name="x-help"),
            class_name="x-stack-tight x-grow",
        )
        for name, words in (("limit_per_minute", "per minute"), ("limit_per_hour", "per hour"), ("limit_per_day", "per day"))
    ]
    return rx.el.div(
        rx.el.span("Requests at most", class_name="x-label"),
        rx.el.div(*inputs, class_name="x-row", align_items="flex-start"),
        rx.cond(error, rx.el.p(icon("circle-alert", 13), error, class_name="x-error", role="alert"), rx.fragment()),
        class_name="x-field",
    )


def scope_picker(held: Live, error: Live) -> rx.Component:
    """Every resource with its actions as boxes; `held` are checked. Presets above give the least for a common task."""

    def box(resource: str, action: str) -> rx.Component:
        scope = f"{resource}:{action}"
        checked = contains(held, scope)
        return rx.el.label(
            rx.el.input(
                type="checkbox", name=f"scope:{scope}", default_checked=checked, aria_label=f"{scope}: {label(scope)}", title=label(scope)
            )
        )

    head = [rx.el.span(word, class_name="x-scope-head") for word in ("Resource", *(action.capitalize() for action in ACTIONS))]
    grid = [piece for name in RESOURCES for piece in (rx.el.span(name, class_name="x-mono"), *(box(name, action) for action in ACTIONS))]
    modules = [name for name in RECORD_NAMES if name not in RESOURCES]
    records = [piece for name in modules for piece in (rx.el.span(name, class_name="x-mono"), *(box(name, action) for action in ACTIONS))]
    presets = [
        rx.el.button(word, type="button", class_name="x-button x-plain x-small-button", custom_attrs={"data-check": scopes})
        for word, scopes in PRESETS
    ]
    return rx.el.fieldset(
        rx.el.div(rx.el.legend("Scopes", class_name="x-label"), rx.el.div(*presets, class_name="x-row-wrap"), class_name="x-between"),
        rx.el.div(*head, *grid, class_name="x-scopes"),
        more(rx.el.div(*head, *records, class_name="x-scopes"), label="Records of one module"),
        rx.el.p("Manage includes the rest. Give only what the system needs.", class_name="x-help"),
        rx.cond(error, rx.el.p(icon("circle-alert", 13), error, class_name="x-error", role="alert"), rx.fragment()),
        class_name="x-field",
        border="0",
        padding="0",
        margin="0",
    )
