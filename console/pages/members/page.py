"""Owns the view of the members."""

from __future__ import annotations

import reflex as rx

from backend.core.actor import Role
from console.components import table
from console.components.basic import button, length, negated, note, time
from console.components.dialog import confirm_by_name, dialog, foot
from console.components.form import select_field, text_field
from console.components.secret import secret_panel
from console.pages.members.state import PATH, ROLES, InvitationRow, MemberRow, MembersState
from console.session import SessionState
from console.shell import shell

COLUMNS = [
    table.Column("Member", 160),
    table.Column("E-mail", 180, wide_only=True),
    table.Column("Role", 90),
    table.Column("", 60, right=True),
]


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route=PATH, title="Members · Crossdock", on_load=[SessionState.load, MembersState.load])


def view() -> rx.Component:
    """The page."""
    state = MembersState
    listing = table.table(
        COLUMNS, state.rows, _cells, key=lambda row: row.id, loading=state.loading, empty=rx.fragment(), label="Members", skeleton_rows=3
    )
    listing = rx.cond(state.denied != "", note(state.denied, icon_name="lock"), listing)
    return shell(
        "Members",
        rx.el.div(
            listing, rx.cond(length(state.invitations) > 0, _invitations(), rx.fragment()), _invite(), _removal(), class_name="x-stack-wide"
        ),
        current=PATH,
        action=button("Invite member", icon_name="user-plus", look="primary", on_click=state.open_invite, allowed=state.may_change),
    )


def _cells(row: MemberRow) -> list[object]:
    options = [rx.el.option(str(role).capitalize(), value=str(role)) for role, _ in ROLES]
    role = rx.el.select(
        *options,
        value=row.role,
        on_change=lambda value: MembersState.change_role(row.id, value),
        disabled=negated(MembersState.may_change),
        class_name="x-select",
        aria_label="Role of " + row.name,
        width="auto",
    )
    you = rx.el.span(" (you)", class_name="x-soft")
    remove = button(
        "Remove", look="quiet", small=True, on_click=MembersState.ask_removal(row.id, row.email), allowed=MembersState.may_change
    )
    return [
        rx.el.span(rx.el.span(row.name, class_name="x-strong"), rx.cond(row.is_self, you, rx.fragment())),
        rx.el.span(row.email, class_name="x-soft"),
        role,
        rx.cond(row.is_self, rx.fragment(), remove),
    ]


def _invitations() -> rx.Component:
    def one(row: InvitationRow) -> rx.Component:
        return rx.el.div(
            rx.el.span(row.email, class_name="x-strong"),
            rx.el.span(row.role, class_name="x-soft"),
            rx.el.span("until ", time(row.ends), class_name="x-soft x-grow"),
            button("Withdraw", look="quiet", small=True, on_click=MembersState.withdraw(row.id), allowed=MembersState.may_change),
            class_name="x-row-wrap",
            key=row.id,
        )

    return rx.el.section(
        rx.el.h2("Invited", class_name="x-h3"),
        rx.el.div(rx.foreach(MembersState.invitations, one), class_name="x-card x-card-pad x-stack"),
        class_name="x-stack",
    )


def _invite() -> rx.Component:
    state = MembersState
    form = rx.el.form(
        rx.cond(state.errors[""], note(state.errors[""], tone="bad", icon_name="circle-alert"), rx.fragment()),
        text_field("E-mail", name="email", type="email", help_="Only this address can accept. Empty: whoever has the link."),
        select_field(
            "Role", [(str(role), words) for role, words in ROLES], name="role", default_value=str(Role.VIEWER), error=state.errors["role"]
        ),
        foot(button("Cancel", on_click=state.close_invite), button("Create invitation", look="primary", type="submit", busy=state.busy)),
        on_submit=state.invite,
        class_name="x-stack",
    )
    made = secret_panel(
        "The invitation's link",
        filename="crossdock-invitation.txt",
        on_close=state.close_invite,
        once="Send it to the person; it is shown this once. The link works once, for 7 days.",
    )
    return dialog("Invite a member", rx.cond(state.invited, made, form), opened=state.is_inviting, on_close=state.close_invite)


def _removal() -> rx.Component:
    state = MembersState
    return confirm_by_name(
        "Remove a member",
        ["Every session of theirs ends at once.", "The keys and webhooks they made stay and go on working."],
        name=state.removing_name,
        verb="Remove member",
        opened=state.removing_id != "",
        on_close=state.keep,
        on_confirm=state.remove,
        busy=False,
        error=state.errors["typed_name"],
    )
