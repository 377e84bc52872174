"""Tables of the sandbox provider: an OAuth 2.0 server with an API, one account for each workspace, nothing in it real."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from backend.models.base import IdText, JsonDoc, KeptJson, TenantRow


class SandboxAccount(TenantRow, table=True):
    """A workspace's account at the sandbox: its switches for failure, and how much its API has."""

    __table_args__ = (UniqueConstraint("workspace_id"),)
    switches: dict[str, Any] = Field(default_factory=dict, sa_type=JsonDoc)
    access_ttl: int = 900  # seconds
    contacts: int = 1000
    changed: int = 0  # so many contacts, from the first, were changed last at `changed_at`
    changed_at: datetime | None = None


class SandboxGrant(TenantRow, table=True):
    """What a person allowed: first as a code of one minute, then as the family of its tokens, which end together."""

    code_mac: str = Field(unique=True, max_length=64)
    client_id: str = Field(max_length=120)
    person: str = Field(max_length=40)
    scope: str = Field(max_length=400)
    redirect_uri: str = Field(max_length=2000)
    challenge: str = Field(default="", max_length=128)
    code_expires_at: datetime
    code_used_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_reason: str = Field(default="", max_length=80)


class SandboxToken(TenantRow, table=True):
    """An access or refresh token, known by its MAC. A refresh token that is used twice ends its grant."""

    __table_args__ = (Index("ix_sandbox_token_grant", "grant_id", "id"),)
    grant_id: str = Field(sa_type=IdText)
    kind: str = Field(max_length=8)
    mac: str = Field(unique=True, max_length=64)
    scope: str = Field(max_length=400)
    expires_at: datetime
    used_at: datetime | None = None


class SandboxItem(TenantRow, table=True):
    """A message that was sent, an event that was made, or a contact that was made or changed through the sandbox's API."""

    __table_args__ = (Index("ix_sandbox_item_list", "workspace_id", "kind", "id"),)
    kind: str = Field(max_length=8)  # message | event | contact
    body: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
