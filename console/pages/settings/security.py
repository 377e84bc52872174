"""Owns the view of security: the door to the API, encryption keys, what happens without Redis, sessions."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components.basic import button, card, note, text_link, time
from console.components.form import area_field, check_field, field, guarded_form, post_form, text_field
from console.pages.settings.encryption import keys_card
from console.pages.settings.encryption_state import EncryptionState
from console.pages.settings.security_state import PATH, SecurityState, VersionRow
from console.session import SessionState
from console.shell import bones, permitted, shell

# What each limit does while Redis, which counts for all processes, is away.
MODES: Final = (
    ("Sign-in and tokens", "counted by each process alone, more strictly"),
    ("API keys", "counted by each process alone"),
    ("Callers without a key", "refused"),
)


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(
        view,
        route=PATH,
        title="Security · Crossdock",
        on_load=[SessionState.load, SecurityState.load, EncryptionState.load, EncryptionState.follow],
    )


def view() -> rx.Component:
    """The page."""
    state = SecurityState
    content = rx.el.div(
        card("The door to the API", rx.el.div(permitted(state, rx.cond(state.anonymous != "", _door(), bones())), class_name="x-card-pad")),
        keys_card(),
        _without_redis(),
        _sessions(),
        class_name="x-stack-wide",
        max_width="760px",
    )
    return shell("Security", content, current=PATH)


def _door() -> rx.Component:
    state, errors = SecurityState, SecurityState.errors
    return guarded_form(
        rx.cond(errors[""], note(errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.el.p("For the whole installation, every workspace. Every process knows a change within a second.", class_name="x-help"),
        check_field(
            "Take keys in the query, too",
            name="query_keys",
            default_checked=state.query_keys,
            help_="As api_key=…, for clients that can send no header. Such a key is left out of every log of ours, not of those in between.",
        ),
        text_field(
            "Requests a minute without a key",
            name="anonymous_per_minute",
            input_mode="numeric",
            default_value=state.anonymous,
            error=errors["anonymous_per_minute"],
            help_="Of each address.",
        ),
        area_field(
            "Limits of endpoints",
            name="endpoint_limits",
            mono=True,
            rows="4",
            placeholder="POST /api/v1/events 600",
            default_value=state.limits,
            error=errors["endpoint_limits"],
            help_="One a line: the call as the documentation writes it, and the requests a minute of each caller.",
        ),
        rx.foreach(state.versions, _version),
        rx.cond(errors["sunsets"], rx.el.p(errors["sunsets"], class_name="x-error", role="alert"), rx.fragment()),
        button("Save changes", look="primary", type="submit", busy=state.busy, align_self="flex-start"),
        on_submit=state.save,
        class_name="x-stack",
        key=state.revision,
        saved=state.revision,
    )


def _version(row: VersionRow) -> rx.Component:
    since = rx.cond(
        row.state == "deprecated",
        rx.fragment("Deprecated ", time(row.since), ". Its answers say so, and when it ends if you set that."),
        "The current version.",
    )
    end = rx.el.input(id=row.field, name=row.field, type="date", default_value=row.sunset, class_name="x-input")
    label = rx.fragment("Last day of ", rx.el.span(row.prefix, class_name="x-mono"), " (", row.title, ")")
    return rx.fragment(rx.cond(row.state == "deprecated", field(label, end, name=row.field, help_=since), rx.fragment()), key=row.name)


def _without_redis() -> rx.Component:
    lines = [
        rx.el.div(rx.el.span(what, class_name="x-strong"), rx.el.span(how, class_name="x-soft"), class_name="x-between x-item")
        for what, how in MODES
    ]
    return card("Limits while Redis is away", rx.el.div(*lines, class_name="x-list"), action=text_link("Is it?", "/settings/monitoring"))


def _sessions() -> rx.Component:
    leave = post_form("/auth/logout-everywhere", rx.el.button("Sign out everywhere", type="submit", class_name="x-button x-danger"))
    return card(
        "Your sessions",
        rx.el.div(
            rx.el.p(
                "Ends every session of yours, in every browser and client, this one too. API keys go on working.",
                class_name="x-small x-soft",
            ),
            leave,
            class_name="x-card-pad x-stack",
        ),
    )
