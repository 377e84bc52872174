"""Owns what every page knows of who is signed in: names, role, workspaces."""

from __future__ import annotations

from dataclasses import dataclass

import reflex as rx

from backend.accounts import service as accounts
from backend.core import permissions
from backend.settings import settings
from console import auth, bridge
from console.auth import needs


@dataclass
class WorkspaceRow:
    """A workspace in the switcher."""

    id: str
    name: str
    role: str


class SessionState(rx.State):
    """Who is signed in, as the frame of every page shows it."""

    user_name: str = ""
    role: str = ""
    workspace: str = ""
    workspace_id: str = ""
    initial: str = ""
    base_url: str = ""
    can_write: bool = False
    can_operate: bool = False
    can_own: bool = False
    workspaces: list[WorkspaceRow] = []  # noqa: RUF012 - the framework copies it

    @rx.event
    @needs(permissions.SIGNED_IN)
    async def load(self) -> None:
        """Fill the frame; the first event of every page."""
        info = await auth.lookup(auth.token_of(self))
        if info is None:
            return
        role = str(info.role or "").replace("_", " ")
        if (self.workspace_id, self.role) == (info.workspace_id, role):
            return
        actor = await auth.actor_of(self)
        self.user_name = info.user_name or info.user_email
        self.role = role
        self.workspace, self.workspace_id = info.workspace_name, info.workspace_id
        self.base_url = settings().public_url
        self.initial = info.workspace_name[:1].upper()
        self.can_write = permissions.allows(actor, permissions.WEBHOOKS_WRITE)
        self.can_operate = permissions.allows(actor, permissions.WEBHOOKS_OPERATE)
        self.can_own = permissions.allows(actor, permissions.ENCRYPTION_WRITE)
        choices = await bridge.call(self, accounts.list_workspaces)
        self.workspaces = [WorkspaceRow(choice.id, choice.name, str(choice.role).replace("_", " ")) for choice in choices]
