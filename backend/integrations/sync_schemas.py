"""How the routes show syncs and timelines."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from backend.core.pagination import Page
from backend.core.web import Body, ListOut, Out
from backend.models import IntegrationEvent, IntegrationSync


class SyncBegin(Body):
    """What to bring."""

    full: bool = Field(default=False, description="Everything, not only what changed.")


class SyncOut(Out):
    """A sync, and how far it is."""

    id: str
    integration_id: str
    resource: str
    module: str
    status: Literal["queued", "running", "waiting", "done", "failed", "cancelled"]
    is_full: bool
    pages: int
    total: int | None = Field(description="Where the provider tells.")
    seen: int
    created: int
    updated: int
    unchanged: int
    failed: int
    error: str
    next_step: str
    error_class: str
    created_by: str
    created_by_name: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, sync: IntegrationSync) -> Self:
        """From its row."""
        return cls.model_validate(sync)


class SyncList(ListOut[SyncOut]):
    """One page, newest first."""

    @classmethod
    def of(cls, page: Page[IntegrationSync]) -> Self:
        """From a page."""
        return cls(data=[SyncOut.of(each) for each in page.data], next_cursor=page.next_cursor, has_more=page.has_more)


class SyncErrorOut(Out):
    """An item that could not be stored, or not whole."""

    id: str
    external_id: str
    message: str
    created_at: datetime


class SyncErrorList(ListOut[SyncErrorOut]):
    """One page, newest first."""


class TimelineOut(Out):
    """One moment of an integration's timeline."""

    id: str
    integration_id: str
    kind: str = Field(examples=["refreshed"])
    ok: bool
    summary: str
    next_step: str
    error_class: str
    detail: dict[str, Any]
    actor_id: str
    actor_name: str
    created_at: datetime

    @classmethod
    def of(cls, event: IntegrationEvent) -> Self:
        """From its row."""
        return cls.model_validate(event)


class TimelineList(ListOut[TimelineOut]):
    """One page, newest first."""

    @classmethod
    def of(cls, page: Page[IntegrationEvent]) -> Self:
        """From a page."""
        return cls(data=[TimelineOut.of(each) for each in page.data], next_cursor=page.next_cursor, has_more=page.has_more)
