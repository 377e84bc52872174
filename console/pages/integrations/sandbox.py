"""Owns the view of the sandbox's switches."""

from __future__ import annotations

from typing import Any, Final

import reflex as rx

from backend.sandbox import server
from console.components import badge
from console.components.basic import Live, button, card, length, link, note
from console.components.form import check_field, select_field, text_field
from console.pages.integrations.gallery_state import GalleryState
from console.pages.integrations.paths import CATALOGUE, PATH, SANDBOX
from console.pages.integrations.rows import STATUSES, IntegrationRow
from console.pages.integrations.sandbox_state import SandboxState
from console.session import SessionState
from console.shell import bones, permitted, shell

API: Final = [("", "Answers"), ("429", "429, try again later"), ("500", "500"), ("slow", "Answers after 8 s")]
TOKENS: Final = [*API, ("invalid_client", "invalid_client")]


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=SANDBOX,
        title="Sandbox · Crossdock",
        on_load=[SessionState.load, GalleryState.rest, SandboxState.load, SandboxState.follow],
    )


def view() -> rx.Component:
    """The page."""
    state = SandboxState
    content = rx.el.div(
        rx.el.p(
            "A provider inside Crossdock, with a person's account and contacts that are not real. Make it fail as real ones do, and see what "
            "Crossdock says and does about it.",
            class_name="x-soft",
        ),
        _connections(),
        _events(),
        _switches(),
        class_name="x-stack-wide",
        max_width="760px",
    )
    return shell(
        "Sandbox", permitted(state, rx.cond(state.access_ttl == "", bones(), content)), current=PATH, parent=("Catalogue", CATALOGUE)
    )


def _connections() -> rx.Component:
    state = SandboxState
    connect = button(
        "Connect",
        icon_name="plug",
        small=True,
        look="primary",
        on_click=GalleryState.connect("sandbox"),
        busy=GalleryState.connecting == "sandbox",
        allowed=SessionState.can_write,
    )

    def line(row: IntegrationRow) -> rx.Component:
        return link(
            rx.el.span(row.name, class_name="x-strong x-cut"),
            rx.el.span(row.account, class_name="x-soft x-cut x-grow"),
            badge.status(row.status, *STATUSES),
            to=f"{PATH}/{row.id}",
            class_name="x-item",
            key=row.id,
        )

    nothing = rx.el.p("Nothing is connected to it yet.", class_name="x-card-pad x-small x-soft")
    return card(
        "Connected to it",
        rx.cond(length(state.rows) > 0, rx.el.div(rx.foreach(state.rows, line), class_name="x-list"), nothing),
        action=connect,
    )


def _events() -> rx.Component:
    state, can = SandboxState, SessionState.can_write

    def line(what: Any, about: str, press: rx.Component) -> rx.Component:
        words = rx.el.div(
            rx.el.span(what, class_name="x-strong"), rx.el.span(about, class_name="x-soft"), class_name="x-stack-tight x-grow"
        )
        return rx.el.div(words, press, class_name="x-item x-item-told")

    def some(name: str, label: str, press: Any, error: Live) -> rx.Component:
        number = rx.el.input(
            id=name,
            name=name,
            default_value="10",
            input_mode="numeric",
            aria_label="How many contacts",
            class_name="x-input",
            width="88px",
        )
        return rx.el.form(
            rx.el.div(number, button(label, type="submit", small=True, allowed=can), class_name="x-row"),
            rx.cond(error, rx.el.p(error, class_name="x-error", role="alert"), rx.fragment()),
            on_submit=press,
            no_validate=True,
        )

    change = some("number", "Change contacts", state.change, state.errors["number"])
    remove = some("removed", "Delete contacts", state.remove, state.errors["removed"])
    return card(
        "Let something happen",
        rx.el.div(
            line(
                "Access tokens end",
                "As they do in time. The next call is refused; a new token is fetched and the call repeated, which nobody sees.",
                button("Expire tokens", small=True, on_click=state.expire, allowed=can),
            ),
            line(
                rx.fragment("The person withdraws (", state.grants, " open grants)"),
                "As in the settings of a real account. The next call ends the connection: it needs to be reconnected.",
                button("Withdraw grants", small=True, look="danger", on_click=state.revoke, allowed=can),
            ),
            line("Contacts change", "So that the next sync has something to bring.", change),
            line("Contacts are deleted", "So that the next sync does with their records what the integration's settings say.", remove),
            class_name="x-list",
        ),
    )


def _switches() -> rx.Component:
    state, errors = SandboxState, SandboxState.errors

    def select(label: str, name: str, options: list[tuple[str, str]], chosen: Live, about: str) -> rx.Component:
        return select_field(label, options, name=name, default_value=chosen, help_=about, error=errors[name])

    def number(label: str, name: str, value: Live, about: str) -> rx.Component:
        return text_field(label, name=name, default_value=value, input_mode="numeric", help_=about, error=errors[name])

    scopes = [("", "None"), *((scope, scope) for scope in server.SCOPES)]
    form = rx.el.form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        check_field(
            "Deny consent", name="deny_consent", default_checked=state.denies, help_="Whoever presses Allow is denied all the same."
        ),
        select("Leave out a scope", "drop_scope", scopes, state.drops, "Of new tokens: granted is less than requested."),
        select("Token endpoint", "token_error", TOKENS, state.token_error, "Met when connecting and refreshing."),
        select("API", "api_error", API, state.api_error, "Met by tests and syncs."),
        rx.el.div(
            number("Access tokens live, in seconds", "access_ttl", state.access_ttl, "Of new ones; 5 to 86,400."),
            number("Contacts", "contacts", state.contacts, "Up to 20,000."),
            class_name="x-halves",
        ),
        button("Set switches", look="primary", type="submit", busy=state.busy, allowed=SessionState.can_write, align_self="flex-start"),
        on_submit=state.save,
        class_name="x-card-pad x-stack",
        no_validate=True,
        key=state.revision,
    )
    return card("Switches", form)
