"""Tables of replays and their items: which deliveries went out again, at whose wish, and what came of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from backend.models.base import Count, IdText, KeptJson, TenantRow


class Replay(TenantRow, table=True):
    """A job that makes new deliveries of what was sent, or missed, before. `status` is running, paused, cancelled or done.

    It goes through its source, oldest first, by id: everything up to `cursor` has become an item, nothing above `upto` will.
    """

    __table_args__ = (Index("ix_replay_list", "workspace_id", "id"), Index("ix_replay_status", "status", "finished_at"))
    kind: str = Field(max_length=12)  # filter | selection | event | missed
    webhook_id: str | None = Field(default=None, sa_type=IdText)
    filter: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    rate: float | None = None  # items per second; None: all at once
    reason: str = Field(default="", max_length=400)
    status: str = Field(default="running", max_length=12)
    total: int = Field(default=0, sa_type=Count)
    cursor: str | None = Field(default=None, sa_type=IdText)
    upto: str = Field(sa_type=IdText)
    queued: int = Field(default=0, sa_type=Count)  # items that became a delivery
    skipped: int = Field(default=0, sa_type=Count)  # items that could not
    created_by: str = Field(sa_type=IdText)
    created_by_name: str = Field(default="", max_length=200)
    advanced_at: datetime | None = None
    finished_at: datetime | None = None


class ReplayItem(TenantRow, table=True):
    """One event for one webhook in a replay: its new delivery, or the sentence that says why there is none."""

    __table_args__ = (Index("ix_replay_item_list", "replay_id", "id"),)
    replay_id: str = Field(sa_type=IdText)
    event_id: str = Field(sa_type=IdText)
    webhook_id: str = Field(sa_type=IdText)
    source_id: str | None = Field(default=None, sa_type=IdText)  # the delivery that is replayed
    delivery_id: str | None = Field(default=None, sa_type=IdText)  # the new one
    skip_reason: str | None = Field(default=None, max_length=400)
