"""Tables of event types of a workspace, events, idempotency keys and searchable terms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from backend.models.base import IdText, JsonDoc, KeptJson, LongText, Table, TenantRow


class EventType(TenantRow, table=True):
    """A workspace's own event type; the built-in ones are in code."""

    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    name: str = Field(max_length=100)
    description: str = Field(default="", max_length=1000)
    group: str = Field(default="", max_length=60)
    json_schema: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)
    version: int = 1
    sample: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    updated_at: datetime
    deprecated_at: datetime | None = None
    archived_at: datetime | None = None


class Event(TenantRow, table=True):
    """One thing that happened. `body` is the exact text that every delivery of it sends, fixed when it was accepted.

    `skips` says for each webhook that was not sent to why: `[{"webhook_id", "reason", "detail"}]`; "not subscribed" follows
    from `webhooks_revision`. Partitionable by id.
    """

    __table_args__ = (Index("ix_event_list", "workspace_id", "id"), Index("ix_event_type", "workspace_id", "type", "id"))
    type: str = Field(max_length=100)
    occurred_at: datetime
    body: str = Field(sa_type=LongText)
    kind: str = Field(default="event", max_length=12)  # event | test
    actor_kind: str = Field(max_length=12)
    actor_id: str = Field(sa_type=IdText)
    idempotency_key: str | None = Field(default=None, max_length=255)
    webhooks_revision: int = 0
    deliveries: int = 0
    skips: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonDoc)
    trace_id: str = Field(max_length=64)


class IdempotencyRecord(TenantRow, table=True):
    """The answer to a request with an idempotency key, kept 24 hours. Unique by workspace, caller, route and key."""

    __table_args__ = (UniqueConstraint("workspace_id", "caller", "route", "key"), Index("ix_idempotency_expires", "expires_at"))
    caller: str = Field(max_length=64)
    route: str = Field(max_length=120)
    key: str = Field(max_length=255)
    body_hash: str = Field(max_length=64)
    state: str = Field(max_length=12)  # running | done
    status_code: int = 0
    answer: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    expires_at: datetime


class SearchTerm(Table, table=True):
    """A value found in an event's payload, hashed, so that support finds the event by it. Filled after commit."""

    workspace_id: str = Field(sa_type=IdText, primary_key=True)
    hash: str = Field(max_length=32, primary_key=True)
    event_id: str = Field(sa_type=IdText, primary_key=True)
