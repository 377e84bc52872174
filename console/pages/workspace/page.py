"""Owns the page that makes another workspace."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components.basic import link_button, note
from console.components.form import post_form, text_field
from console.pages.door.state import DoorState
from console.session import SessionState
from console.shell import shell

PATH: Final = "/settings/workspaces/new"


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=PATH, title="New workspace · Crossdock", on_load=[SessionState.load, DoorState.load])


def view() -> rx.Component:
    """The page."""
    form = post_form(
        "/auth/workspace",
        rx.cond(DoorState.error != "", note(DoorState.error, tone="bad", icon_name="circle-alert"), rx.fragment()),
        text_field(
            "Name",
            name="name",
            required=True,
            max_length=120,
            auto_focus=True,
            help_="A company, a brand or a stage, such as Acme staging.",
        ),
        rx.el.p(
            "Keys, webhooks, events and members of one workspace are invisible to every other. You become its owner.", class_name="x-help"
        ),
        rx.el.div(
            rx.el.button("Create workspace", type="submit", class_name="x-button x-primary"),
            link_button("Cancel", "/", look="quiet"),
            class_name="x-row",
        ),
        class_name="x-form",
        max_width="640px",
    )
    return shell("New workspace", form, current=PATH)
