"""Owns the members of a workspace: roles, invitations, removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import reflex as rx
from sqlmodel import Session

from backend.accounts import members
from backend.core import clock, permissions
from backend.core.actor import Actor, Role
from backend.core.errors import CrossdockError, Forbidden
from backend.settings import settings
from console import auth, bridge
from console.auth import needs
from console.components import secret
from console.states import Form

PATH: Final = "/settings/members"


@dataclass
class MemberRow:
    """A member."""

    id: str
    name: str
    email: str
    role: str
    is_self: bool


@dataclass
class InvitationRow:
    """An invitation that waits."""

    id: str
    email: str
    role: str
    ends: str


class MembersState(Form, rx.State):
    """Who belongs to the workspace."""

    rows: list[MemberRow] = []  # noqa: RUF012 - the framework copies it
    invitations: list[InvitationRow] = []  # noqa: RUF012
    loading: bool = True
    denied: str = ""
    may_change: bool = False
    is_inviting: bool = False
    invited: bool = False
    removing_id: str = ""
    removing_name: str = ""

    @rx.event
    @needs(permissions.SIGNED_IN)
    async def load(self) -> None:
        """Read members and invitations, or say why not."""
        self.is_inviting, self.invited, self.errors, self.removing_id = False, False, {}, ""
        try:
            await self._fetch()
        except Forbidden as error:
            self.rows, self.invitations, self.may_change, self.denied = [], [], False, error.detail
        else:
            self.denied = ""

    @rx.event
    @needs(permissions.MEMBERS_WRITE)
    def open_invite(self) -> None:
        """Show the form of an invitation."""
        self.is_inviting, self.invited, self.errors = True, False, {}

    @rx.event
    @needs(permissions.MEMBERS_READ)
    async def close_invite(self) -> None:
        """Put the form away."""
        self.is_inviting, self.invited = False, False
        await self._fetch()

    @rx.event
    @needs(permissions.MEMBERS_WRITE)
    async def invite(self, form: dict[str, Any]) -> Any:
        """Make an invitation; its link goes to the browser once."""
        self._begin()
        yield
        with self._saving():
            role = members.parse_role(str(form.get("role", "")))
            _, token = await bridge.call(self, members.invite, write=True, role=role, email=str(form.get("email") or ""))
            self.invited = True
            yield secret.reveal(f"{settings().public_url}/invitation?token={token}")

    @rx.event
    @needs(permissions.MEMBERS_WRITE)
    async def withdraw(self, invitation_id: str) -> Any:
        """Make an invitation's link invalid."""
        await bridge.call(self, members.withdraw, write=True, invitation_id=invitation_id)
        await self._fetch()
        return rx.toast("The invitation is withdrawn; its link works no more.")

    @rx.event
    @needs(permissions.MEMBERS_WRITE)
    async def change_role(self, user_id: str, role: str) -> Any:
        """Give a member another role."""
        try:
            await bridge.call(self, members.set_role, write=True, user_id=user_id, role=members.parse_role(role))
        finally:
            await self._fetch()
        auth.forget(user_id)
        return rx.toast(f"The role is {role} now.")

    @rx.event
    @needs(permissions.MEMBERS_WRITE)
    def ask_removal(self, user_id: str, name: str) -> None:
        """Ask before a member is removed."""
        self.removing_id, self.removing_name, self.errors = user_id, name, {}

    @rx.event
    @needs(permissions.MEMBERS_READ)
    def keep(self) -> None:
        """Do not remove anybody."""
        self.removing_id = ""

    @rx.event
    @needs(permissions.MEMBERS_WRITE)
    async def remove(self, form: dict[str, Any]) -> Any:
        """Remove a member whose address was typed; their sessions end."""
        if str(form.get("typed_name", "")).strip().lower() != self.removing_name:
            self.errors = {"typed_name": f"Type {self.removing_name} exactly."}
            return None
        try:
            await bridge.call(self, members.remove, write=True, user_id=self.removing_id)
        except CrossdockError as error:
            self.errors = {"typed_name": error.detail}
            return None
        auth.forget(self.removing_id)
        name, self.removing_id = self.removing_name, ""
        await self._fetch()
        return rx.toast(f"{name} is no member any more.")

    async def _fetch(self) -> None:
        def work(session: Session, actor: Actor) -> tuple[Any, Any, Actor]:
            return members.list_members(session, actor=actor), members.list_invitations(session, actor=actor), actor

        try:
            found, waiting, actor = await bridge.read(self, work)
        finally:
            self.loading = False
        self.may_change = permissions.allows(actor, permissions.MEMBERS_WRITE)
        self.rows = [MemberRow(one.user_id, one.name or one.email, one.email, one.role, one.user_id == actor.id) for one in found]
        self.invitations = [
            InvitationRow(one.id, one.email or "Anyone with the link", one.role, clock.rfc3339(one.expires_at)) for one in waiting
        ]


ROLES: Final = (
    (Role.VIEWER, "Viewer: reads everything but members and audit"),
    (Role.SUPPORT, "Support: also tests, retries, cancels"),
    (Role.ADMIN, "Admin: also writes everything but members"),
    (Role.OWNER, "Owner: also members and roles"),
)
