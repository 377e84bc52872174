"""Owns the view of the workspace's settings."""

from __future__ import annotations

import reflex as rx

from console.components.basic import button, card, facts, length, link_button, note
from console.components.copy import copy_id
from console.components.form import guarded_form, text_field
from console.pages.settings.redirects import redirects_card
from console.pages.settings.redirects_state import RedirectsState
from console.pages.settings.workspace_state import PATH, DaysRow, WorkspaceState
from console.session import SessionState
from console.shell import bones, shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=PATH, title="Workspace · Crossdock", on_load=[SessionState.load, WorkspaceState.load, RedirectsState.load])


def view() -> rx.Component:
    """The page."""
    state = WorkspaceState
    about = card(
        "This workspace",
        rx.el.div(
            facts(
                ("Name", SessionState.workspace),
                ("Id", copy_id(SessionState.workspace_id)),
                ("Your role", SessionState.role),
                ("Address", copy_id(SessionState.base_url)),
            ),
            class_name="x-card-pad",
        ),
        action=link_button("New workspace", "/settings/workspaces/new", icon_name="plus", small=True),
    )
    kept = rx.cond(length(state.days) > 0, _retention(), bones())
    content = rx.el.div(about, kept, redirects_card(), class_name="x-stack-wide", max_width="760px")
    return shell("Workspace", content, current=PATH)


def _retention() -> rx.Component:
    state = WorkspaceState

    def days(row: DaysRow) -> rx.Component:
        control = text_field(
            row.label,
            name=row.name,
            help_=row.about,
            error=state.errors[row.name],
            default_value=row.days,
            input_mode="numeric",
            disabled=~state.can_keep,
        )
        return rx.fragment(control, key=row.name)

    of_instance = rx.fragment(
        rx.el.h3("The installation, for every workspace", class_name="x-h3"),
        rx.el.div(rx.foreach(state.instance, days), class_name="x-days"),
    )
    form = guarded_form(
        rx.cond(state.errors[""], note(state.errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        rx.el.p(
            "Days, 1 to 3,650. What is older goes within an hour and cannot be brought back. The audit stays.",
            class_name="x-help",
        ),
        rx.el.div(rx.foreach(state.days, days), class_name="x-days"),
        rx.cond(length(state.instance) > 0, of_instance, rx.fragment()),
        button("Save changes", look="primary", type="submit", busy=state.busy, allowed=state.can_keep, align_self="flex-start"),
        on_submit=state.save,
        class_name="x-card-pad x-stack",
        key=state.revision,
        saved=state.revision,
    )
    return card("How long logs are kept", form)
