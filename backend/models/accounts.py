"""Tables of people and workspaces: users, sessions, sign-in failures, instance settings, workspaces, memberships, invitations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from backend.models.base import IdText, JsonDoc, Row, TenantRow


class User(Row, table=True):
    """A person; `email` is lower-case and unique. An instance table."""

    __tablename__ = "user_account"  # pyright: ignore[reportAssignmentType]  # "user" is a reserved word
    email: str = Field(unique=True, max_length=254)
    name: str = Field(default="", max_length=200)
    password_hash: str
    is_super_admin: bool = False
    disabled_at: datetime | None = None
    password_changed_at: datetime | None = None


class UserSession(Row, table=True):
    """A signed-in browser or API client. The token is stored as a MAC with the id of its key. An instance table."""

    __table_args__ = (Index("ix_user_session_user", "user_id", "id"),)
    user_id: str = Field(sa_type=IdText, foreign_key="user_account.id")
    kind: str = Field(default="console", max_length=16)  # console | api
    token_mac: str = Field(unique=True, max_length=64)
    mac_key_id: str = Field(max_length=32)
    previous_mac: str | None = Field(default=None, max_length=64, index=True)  # of how its refresh tokens begin: the reuse of one revokes
    workspace_id: str | None = Field(default=None, sa_type=IdText)
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    ip: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=400)


class SignInFailure(Row, table=True):
    """One failed sign-in, for the lockout and the record. An instance table."""

    __table_args__ = (Index("ix_sign_in_failure_email", "email", "id"), Index("ix_sign_in_failure_ip", "ip", "id"))
    email: str = Field(max_length=254)
    ip: str = Field(default="", max_length=64)
    reason: str = Field(max_length=40)


class InstanceSetting(Row, table=True):
    """A value of the whole installation by its name. An instance table."""

    name: str = Field(unique=True, max_length=80)
    value: dict[str, Any] = Field(default_factory=dict, sa_type=JsonDoc)


class Workspace(Row, table=True):
    """The tenant. `webhooks_revision` counts changes to its webhooks' settings."""

    name: str = Field(max_length=120)
    webhooks_revision: int = 0
    settings: dict[str, Any] = Field(default_factory=dict, sa_type=JsonDoc)


class Membership(TenantRow, table=True):
    """A user's role in a workspace."""

    __table_args__ = (UniqueConstraint("workspace_id", "user_id"), Index("ix_membership_user", "user_id"))
    user_id: str = Field(sa_type=IdText, foreign_key="user_account.id")
    role: str = Field(max_length=16)


class Invitation(TenantRow, table=True):
    """An invitation link to a workspace; the token is stored as a MAC."""

    __table_args__ = (Index("ix_invitation_workspace", "workspace_id", "id"),)
    role: str = Field(max_length=16)
    email: str = Field(default="", max_length=254)
    token_mac: str = Field(unique=True, max_length=64)
    mac_key_id: str = Field(max_length=32)
    created_by: str = Field(sa_type=IdText)
    expires_at: datetime
    accepted_at: datetime | None = None
    revoked_at: datetime | None = None
