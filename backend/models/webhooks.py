"""Tables of webhooks, the history of their settings, and their lanes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from backend.models.base import Count, IdText, JsonDoc, LongText, Row, Table, TenantRow


class Webhook(TenantRow, table=True):
    """An outgoing subscription. `state` is active, paused or disabled; failing follows from `consecutive_failures`.

    Secrets and header values are encrypted; the context of each is `<column>:<id>`.
    """

    __table_args__ = (Index("ix_webhook_list", "workspace_id", "id"),)
    name: str = Field(max_length=120)
    url: str = Field(max_length=2000)
    event_types: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    filter: dict[str, Any] | None = Field(default=None, sa_type=JsonDoc)
    header_names: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    headers_encrypted: str | None = Field(default=None, sa_type=LongText)
    verify_ssl: bool = True
    timeout_seconds: float = 15.0
    retry_policy: dict[str, Any] = Field(default_factory=dict, sa_type=JsonDoc)
    rate_limit: float | None = None  # deliveries per second
    signature_style: str = Field(default="hex", max_length=8)
    auto_disable: bool = True
    disable_after_days: int = 5
    meta: dict[str, Any] = Field(default_factory=dict, sa_type=JsonDoc)
    external_ref: str | None = Field(default=None, max_length=200)
    secret_encrypted: str = Field(sa_type=LongText)
    previous_secret_encrypted: str | None = Field(default=None, sa_type=LongText)
    previous_secret_expires_at: datetime | None = None
    state: str = Field(default="active", max_length=12)
    disabled_at: datetime | None = None
    disabled_reason: str | None = Field(default=None, max_length=400)
    disabled_rule: str | None = Field(default=None, max_length=40)
    consecutive_failures: int = 0
    failing_since: datetime | None = None
    failure_count: int = Field(default=0, sa_type=Count)
    success_count: int = Field(default=0, sa_type=Count)
    last_triggered_at: datetime | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    created_by: str = Field(sa_type=IdText)
    updated_at: datetime
    deleted_at: datetime | None = None


class WebhookChange(Row, table=True):
    """What decides delivery, as it stood from a revision of the workspace on: answers "why was it not sent" for any past event."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "revision", "webhook_id"),
        Index("ix_webhook_change_webhook", "webhook_id", "revision"),
    )
    workspace_id: str = Field(sa_type=IdText)
    revision: int
    webhook_id: str = Field(sa_type=IdText)
    event_types: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    filter: dict[str, Any] | None = Field(default=None, sa_type=JsonDoc)
    state: str = Field(max_length=12)  # active | paused | disabled | deleted
    reason: str | None = Field(default=None, max_length=400)
    actor_id: str = Field(sa_type=IdText)


class Lane(Table, table=True):
    """A webhook's place in the round of deliveries. Pause, throttle, Retry-After and back-off move the lane, not its deliveries."""

    __table_args__ = (
        Index(
            "ix_lane_due", "served_at", "webhook_id", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")
        ),
    )
    webhook_id: str = Field(sa_type=IdText, primary_key=True)
    workspace_id: str = Field(sa_type=IdText)
    due_at: datetime | None = None  # not later than the earliest due delivery; None: nothing is waiting
    blocked_until: datetime | None = None
    blocked_reason: str | None = Field(default=None, max_length=40)  # throttle | retry_after | backoff | paused | draining
    paused: bool = False
    drain_rate: float | None = None  # deliveries per second while it catches up after a pause
    served_at: datetime  # round-robin: the lane served longest ago is next
    tokens: float = 0.0
    tokens_at: datetime
