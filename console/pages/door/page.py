"""Owns the view of the set-up and sign-in pages, which post plain forms, and of the page that is none."""

from __future__ import annotations

import reflex as rx

from console.components.basic import note
from console.components.form import post_form, text_field
from console.pages.door.state import DoorState
from console.shell import bare


def add(app: rx.App) -> None:
    """Add the pages before sign-in, and what stands where there is no page."""
    app.add_page(nowhere, route="404", title="No such page · Crossdock")
    app.add_page(invitation, route="/invitation", title="Join · Crossdock", on_load=DoorState.load)
    app.add_page(sign_in, route="/login", title="Sign in · Crossdock", on_load=DoorState.load)
    app.add_page(set_up, route="/setup", title="Set up · Crossdock", on_load=DoorState.load)


def nowhere() -> rx.Component:
    """What stands where there is no page."""
    return bare(
        rx.el.h1("There is no such page"),
        rx.el.p("The address may be mistyped, or from another version of Crossdock.", class_name="x-soft"),
        rx.el.a("To the overview", href="/", class_name="x-button x-primary", align_self="flex-start"),
    )


def sign_in() -> rx.Component:
    """The sign-in page."""
    form = post_form(
        "/auth/login",
        rx.el.input(type="hidden", name="next", value=DoorState.next),
        text_field("E-mail", name="email", type="email", auto_complete="username", required=True, auto_focus=True),
        text_field("Password", name="password", type="password", auto_complete="current-password", required=True),
        rx.el.button("Sign in", type="submit", class_name="x-button x-primary"),
        class_name="x-form",
    )
    return bare(rx.el.h1("Sign in"), _error(), form)


def set_up() -> rx.Component:
    """The page that makes the first administrator."""
    form = post_form(
        "/auth/setup",
        rx.el.input(type="hidden", name="token", value=DoorState.token),
        text_field(
            "Workspace",
            name="workspace",
            placeholder="Acme",
            required=True,
            max_length=120,
            help_="Your company, usually. More can follow.",
            error=DoorState.errors["workspace"],
        ),
        *_person(),
        rx.el.button("Create administrator", type="submit", class_name="x-button x-primary", disabled=DoorState.token == ""),
        class_name="x-form",
    )
    missing = note("Open the set-up link that Crossdock printed when it started. It carries a one-time token.", icon_name="link")
    # It is only hidden, since what is typed while the address is still read is to stay.
    shown = rx.el.div(form, display=rx.cond(DoorState.is_spent, "none", "block"))
    return bare(
        rx.el.div(
            rx.el.h1("Set up Crossdock"),
            rx.el.p("You become the first administrator.", class_name="x-small x-soft"),
            class_name="x-stack-tight",
        ),
        _error(),
        rx.cond(rx.State.is_hydrated & (DoorState.token == ""), missing, shown),
    )


def invitation() -> rx.Component:
    """The page behind an invitation's link: join as who is signed in, or as a new user."""
    state = DoorState
    token = rx.el.input(type="hidden", name="token", value=state.token)
    known = post_form(
        "/auth/join",
        token,
        rx.el.p("You are signed in as ", rx.el.span(state.signed_in_as, class_name="x-strong"), ".", class_name="x-small"),
        rx.el.button("Join the workspace", type="submit", class_name="x-button x-primary", disabled=state.token == ""),
        class_name="x-form",
    )
    fresh = post_form(
        "/auth/accept-invitation",
        token,
        *_person(),
        rx.el.button("Join the workspace", type="submit", class_name="x-button x-primary", disabled=state.token == ""),
        rx.el.p(
            "You have an account? ", rx.el.a("Sign in first", href="/login?next=/invitation?token=" + state.token), ".", class_name="x-help"
        ),
        class_name="x-form",
    )
    return bare(rx.el.h1("Join a workspace"), _error(), rx.cond(state.signed_in_as != "", known, fresh))


def _person() -> list[rx.Component]:
    errors = DoorState.errors
    return [
        text_field("Your name", name="name", auto_complete="name", required=True, max_length=200),
        text_field("E-mail", name="email", type="email", auto_complete="username", required=True, error=errors["email"]),
        text_field(
            "Password",
            name="password",
            type="password",
            auto_complete="new-password",
            required=True,
            min_length=12,
            error=errors["password"],
            help_="At least 12 characters; a phrase is best.",
        ),
    ]


def _error() -> rx.Component:
    return rx.cond(DoorState.error != "", note(DoorState.error, tone="bad", icon_name="circle-alert"), rx.fragment())
