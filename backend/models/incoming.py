"""Tables of incoming webhooks: their settings and tokens, every request as it arrived, and what is counted of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from backend.models.base import Count, IdText, JsonDoc, KeptJson, LongText, Table, TenantRow

_RECEIVED = text("status = 'received'")


class IncomingWebhook(TenantRow, table=True):
    """A secret address, and what becomes of that which is posted to it.

    `target` is module or orders; `verification` has no secret in it, those are sealed; `mapping` counts its versions up.
    """

    __table_args__ = (Index("ix_incoming_webhook_list", "workspace_id", "id"),)
    name: str = Field(max_length=120)
    state: str = Field(default="active", max_length=12)  # active | disabled
    source: str = Field(default="", max_length=40)  # the preset that it was made from
    target: str = Field(max_length=12)
    module: str = Field(default="", max_length=60)
    action: str = Field(max_length=10)  # create | update | upsert
    upsert_field: str | None = Field(default=None, max_length=60)
    items: str = Field(default="", max_length=400)  # where the list is, of whose items each becomes a record
    mapping: list[dict[str, Any]] = Field(default_factory=list, sa_type=KeptJson)
    mapping_version: int = 1
    verification: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    secrets_encrypted: str | None = Field(default=None, sa_type=LongText)
    rate_limit: int | None = None  # requests per minute
    created_by: str = Field(sa_type=IdText)
    updated_at: datetime
    told_at: datetime | None = None  # when `incoming.rejected` was last published
    deleted_at: datetime | None = None


class IncomingToken(TenantRow, table=True):
    """A token of an address, as a keyed hash; the one before the last regeneration ends at `expires_at`."""

    __table_args__ = (Index("ix_incoming_token_webhook", "workspace_id", "incoming_id"),)
    incoming_id: str = Field(sa_type=IdText)
    mac: str = Field(unique=True, max_length=64)
    mac_key_id: str = Field(max_length=32)
    last4: str = Field(max_length=4)
    expires_at: datetime | None = None


class IncomingRequest(TenantRow, table=True):
    """One request as it arrived, stored before anything is made of it. Headers and body are in `sealed`, encrypted.

    `status` is received (to be processed from `due_at` on), accepted, captured (nothing is mapped yet), duplicate or rejected.
    """

    __table_args__ = (
        Index("ix_incoming_request_list", "workspace_id", "id"),
        Index("ix_incoming_request_webhook", "workspace_id", "incoming_id", "id"),
        Index("ix_incoming_request_status", "workspace_id", "incoming_id", "status", "id"),
        Index("ix_incoming_request_due", "due_at", "id", sqlite_where=_RECEIVED, postgresql_where=_RECEIVED),
    )
    incoming_id: str = Field(sa_type=IdText)
    token_id: str = Field(sa_type=IdText)
    status: str = Field(max_length=12)
    reason: str | None = Field(default=None, max_length=20)
    sentence: str | None = Field(default=None, max_length=1000)
    errors: list[dict[str, str]] = Field(default_factory=list, sa_type=KeptJson)
    steps: list[dict[str, Any]] = Field(default_factory=list, sa_type=KeptJson)
    verified: bool = False
    source_id: str | None = Field(default=None, max_length=400)
    event: str = Field(default="", max_length=80)
    media: str = Field(default="", max_length=80)
    size: int = 0
    ip: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=400)
    sealed: str = Field(sa_type=LongText)
    outcome: str | None = Field(default=None, max_length=12)  # created | updated | unchanged | handshake
    record_id: str | None = Field(default=None, sa_type=IdText)
    record_ids: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    mapping_version: int = 0
    duration_ms: float | None = None
    trace_id: str = Field(default="", max_length=64)
    due_at: datetime | None = None
    processed_at: datetime | None = None
    replays: int = 0
    replayed_by: str | None = Field(default=None, max_length=200)


class IncomingSeen(Table, table=True):
    """The requests that were accepted, by the source's own id of them, hashed: one for each."""

    __table_args__ = (UniqueConstraint("incoming_id", "hash"),)
    request_id: str = Field(sa_type=IdText, primary_key=True)
    workspace_id: str = Field(sa_type=IdText, nullable=False)
    incoming_id: str = Field(sa_type=IdText)
    hash: str = Field(max_length=64)


class IncomingRollup(Table, table=True):
    """Requests of an incoming webhook in one minute or hour by what became of them: accepted, duplicate, or why they were rejected."""

    workspace_id: str = Field(sa_type=IdText, primary_key=True)
    width: int = Field(primary_key=True)  # seconds: 60 or 3600
    starts_at: datetime = Field(primary_key=True)
    incoming_id: str = Field(sa_type=IdText, primary_key=True)
    outcome: str = Field(max_length=20, primary_key=True)
    count: int = Field(default=0, sa_type=Count)


class IncomingShape(Table, table=True):
    """Which places the payloads of one kind of event have: when each was first and last there, by the number of the request."""

    incoming_id: str = Field(sa_type=IdText, primary_key=True)
    event: str = Field(max_length=80, primary_key=True)
    workspace_id: str = Field(sa_type=IdText, nullable=False)
    total: int = Field(default=0, sa_type=Count)
    fields: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    updated_at: datetime
