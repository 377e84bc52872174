"""Who is acting: a user, an API key or the system, in exactly one workspace."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SYSTEM_ID: Final = "system"


class Role(StrEnum):
    """A user's role in a workspace, weakest first; `super_admin` is owner of every workspace."""

    VIEWER = "viewer"
    SUPPORT = "support"
    ADMIN = "admin"
    OWNER = "owner"
    SUPER_ADMIN = "super_admin"

    @property
    def rank(self) -> int:
        """Position in the order of roles; a role includes all of lower rank."""
        return list(Role).index(self)


class ActorKind(StrEnum):
    """What kind of caller it is."""

    USER = "user"
    KEY = "key"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a service. `scopes` count for keys, `role` for users; the system may do anything in its workspace."""

    kind: ActorKind
    id: str
    workspace_id: str
    name: str = ""
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    session_id: str = ""
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


def system(workspace_id: str, name: str = "system") -> Actor:
    """The product itself, acting in a workspace (jobs, sweeps)."""
    return Actor(ActorKind.SYSTEM, SYSTEM_ID, workspace_id, name=name)
