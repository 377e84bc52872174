"""Tables of API keys: the key, its secrets (two while a rotation overlaps), and what was published about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from backend.models.base import Count, IdText, JsonDoc, TenantRow


class ApiKey(TenantRow, table=True):
    """A partner's key. `state` is active, disabled or revoked; expired follows from `expires_at`."""

    __table_args__ = (Index("ix_api_key_list", "workspace_id", "id"),)
    name: str = Field(max_length=120)
    description: str = Field(default="", max_length=1000)
    scopes: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    limit_per_minute: int | None = None
    limit_per_hour: int | None = None
    limit_per_day: int | None = None
    allowed_ips: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    state: str = Field(default="active", max_length=16)
    expires_at: datetime | None = None
    owner_id: str | None = Field(default=None, sa_type=IdText)
    created_by: str = Field(sa_type=IdText)
    meta: dict[str, Any] = Field(default_factory=dict, sa_type=JsonDoc)
    rotate_every_days: int | None = None
    external_ref: str | None = Field(default=None, max_length=200)
    updated_at: datetime
    disabled_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used_ip: str | None = Field(default=None, max_length=64)
    last_used_user_agent: str | None = Field(default=None, max_length=400)
    request_count: int = Field(default=0, sa_type=Count)


class ApiKeySecret(TenantRow, table=True):
    """One secret of a key: an HMAC under a versioned pepper, what is shown of it, and who uses it."""

    __table_args__ = (Index("ix_api_key_secret_key", "api_key_id", "id"),)
    api_key_id: str = Field(sa_type=IdText, foreign_key="api_key.id")
    mac: str = Field(unique=True, max_length=64)
    mac_key_id: str = Field(max_length=32)
    prefix: str = Field(max_length=16)
    last4: str = Field(max_length=4)
    expires_at: datetime | None = None  # set on the old one when a rotation overlaps
    last_used_at: datetime | None = None
    last_used_ip: str | None = Field(default=None, max_length=64)
    last_used_user_agent: str | None = Field(default=None, max_length=400)
    request_count: int = Field(default=0, sa_type=Count)


class ApiKeyNotice(TenantRow, table=True):
    """One operational event about a key, published once: `mark` tells one occasion of its kind from the next."""

    __table_args__ = (UniqueConstraint("api_key_id", "kind", "mark"), Index("ix_api_key_notice_created", "created_at"))
    api_key_id: str = Field(sa_type=IdText)
    kind: str = Field(max_length=40)
    mark: str = Field(max_length=80)
