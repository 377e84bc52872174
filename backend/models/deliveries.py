"""Tables of deliveries, their attempts, and the workers' runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from backend.models.base import Count, IdText, JsonDoc, LongText, Row, Table, TenantRow


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


class Delivery(TenantRow, table=True):
    """One event for one webhook. `status` is waiting, sending, retrying, delivered, dead or cancelled.

    `due_at` is set exactly while it waits for its next attempt, `run_id` exactly while a worker has it. Partitionable by id.
    """

    __table_args__ = (
        Index("ix_delivery_list", "workspace_id", "id"),
        Index("ix_delivery_status", "workspace_id", "status", "id"),
        Index("ix_delivery_webhook", "webhook_id", "id"),
        Index("ix_delivery_event", "event_id"),
        _partial("ix_delivery_due", "webhook_id", "due_at", "id", where="due_at IS NOT NULL"),
        _partial("ix_delivery_run", "run_id", where="run_id IS NOT NULL"),
        # Test sends are first in line, whatever their lane waits for.
        _partial("ix_delivery_test", "due_at", where="due_at IS NOT NULL AND kind = 'test'"),
        # The progress of a replay is one grouped count over this.
        _partial("ix_delivery_replay", "replay_id", "status", where="replay_id IS NOT NULL"),
        # Whether a replay has sent an event again to a webhook.
        _partial("ix_delivery_replayed", "event_id", "webhook_id", where="replay_id IS NOT NULL"),
    )
    event_id: str = Field(sa_type=IdText)
    webhook_id: str = Field(sa_type=IdText)
    event_type: str = Field(max_length=100)
    kind: str = Field(default="event", max_length=12)  # event | test | replay
    status: str = Field(default="waiting", max_length=12)
    attempt_count: int = 0  # attempts with an outcome
    failure_count: int = 0  # failed ones since the retry policy last began
    max_attempts: int
    due_at: datetime | None = None
    run_id: str | None = Field(default=None, sa_type=IdText)
    trigger: str = Field(default="event", max_length=12)  # what made the next attempt due: event | schedule | manual | replay | recovered
    triggered_by: str | None = Field(default=None, sa_type=IdText)
    last_status_code: int | None = None
    error_class: str | None = Field(default=None, max_length=24)
    error: str | None = Field(default=None, max_length=400)
    duration_ms: float | None = None
    last_attempt_at: datetime | None = None
    finished_at: datetime | None = None
    delivered_at: datetime | None = None
    replay_of: str | None = Field(default=None, sa_type=IdText)
    replay_reason: str | None = Field(default=None, max_length=400)
    replay_id: str | None = Field(default=None, sa_type=IdText)
    trace_id: str = Field(max_length=64)


class Attempt(TenantRow, table=True):
    """One HTTP request made for a delivery. Times in milliseconds. Partitionable by id."""

    __table_args__ = (Index("ix_attempt_delivery", "delivery_id", "id"), Index("ix_attempt_webhook", "webhook_id", "id"))
    delivery_id: str = Field(sa_type=IdText)
    event_id: str = Field(sa_type=IdText)
    webhook_id: str = Field(sa_type=IdText)
    number: int  # 1-based
    trigger: str = Field(max_length=12)
    outcome: str = Field(max_length=12)  # delivered | failed | interrupted
    url: str = Field(max_length=2000)
    status_code: int | None = None
    error_class: str | None = Field(default=None, max_length=24)
    error: str | None = Field(default=None, max_length=400)
    address: str | None = Field(default=None, max_length=64)
    started_at: datetime
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    total_ms: float
    retry_at: datetime | None = None
    run_id: str | None = Field(default=None, sa_type=IdText)


class AttemptBody(Table, table=True):
    """What went out and came back in an attempt; the request's body is the event's. Pruned before the attempts."""

    attempt_id: str = Field(sa_type=IdText, primary_key=True)
    workspace_id: str = Field(sa_type=IdText)
    request_headers: dict[str, str] = Field(default_factory=dict, sa_type=JsonDoc)
    response_headers: list[Any] = Field(default_factory=list, sa_type=JsonDoc)  # [[name, value], …]
    response_body: str | None = Field(default=None, sa_type=LongText)
    response_encoding: str = Field(default="text", max_length=8)  # text | base64
    response_truncated: bool = False


class WorkerRun(Row, table=True):
    """One run of a worker process, with its heartbeat. An instance table."""

    __table_args__ = (Index("ix_worker_run_heartbeat", "heartbeat_at"),)
    kind: str = Field(max_length=12)  # deliver | jobs | cron | web
    host: str = Field(max_length=120)
    pid: int
    identity: str | None = Field(default=None, max_length=120)  # of the process, where the system tells: ids are used again
    heartbeat_at: datetime
    ended_at: datetime | None = None
    claimed: int = Field(default=0, sa_type=Count)
    delivered: int = Field(default=0, sa_type=Count)
    failed: int = Field(default=0, sa_type=Count)
    recovered: int = Field(default=0, sa_type=Count)  # deliveries freed from this run after it went silent
