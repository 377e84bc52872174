"""Tables of routes: which events lead to which action of an integration, their runs, and the lane of each integration."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from backend.models.base import Count, IdText, JsonDoc, KeptJson, TenantRow


class Route(TenantRow, table=True):
    """Event types, a filter and a mapping that lead to an action of an integration.

    `version` is a new id with each change and `revision` counts them over the workspace, so that the version of the highest revision
    says whether any route has changed. Deleted ones stay for that.
    """

    __table_args__ = (Index("ix_route_list", "workspace_id", "id"), Index("ix_route_version", "workspace_id", "revision"))
    name: str = Field(max_length=120)
    is_active: bool = True
    event_types: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    filter: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)
    integration_id: str = Field(sa_type=IdText)
    action: str = Field(max_length=40)
    mapping: list[dict[str, Any]] = Field(default_factory=list, sa_type=KeptJson)
    template: str = Field(default="", max_length=60)  # that it was installed from
    revision: int
    version: str = Field(sa_type=IdText)
    done_count: int = Field(default=0, sa_type=Count)
    failed_count: int = Field(default=0, sa_type=Count)
    last_run_at: datetime | None = None
    last_status: str = Field(default="", max_length=12)
    last_error: str = Field(default="", max_length=400)
    created_by: str = Field(sa_type=IdText)
    updated_at: datetime
    deleted_at: datetime | None = None


class RouteRun(TenantRow, table=True):
    """One event on its way through one route, made with the event. `status` is pending, sending, retrying, done, failed or skipped.

    `due_at` is set while there is something to do. `attempt_count` counts what was begun, so a run that a killed worker left says so;
    `failure_count` counts what failed since the schedule last began.
    """

    __table_args__ = (
        Index("ix_route_run_list", "workspace_id", "route_id", "id"),
        Index("ix_route_run_event", "workspace_id", "event_id"),
        Index(
            "ix_route_run_due",
            "integration_id",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
    route_id: str = Field(sa_type=IdText)
    event_id: str = Field(sa_type=IdText)
    event_type: str = Field(max_length=100)
    integration_id: str = Field(sa_type=IdText)
    status: str = Field(default="pending", max_length=12)
    attempt_count: int = 0
    failure_count: int = 0
    due_at: datetime | None = None
    sent: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)  # the action's inputs
    provider_id: str = Field(default="", max_length=200)
    message: str = Field(default="", max_length=400)
    error: str = Field(default="", max_length=400)
    next_step: str = Field(default="", max_length=400)
    error_class: str = Field(default="", max_length=24)
    trace_id: str = Field(default="", max_length=64)
    started_at: datetime | None = None
    finished_at: datetime | None = None


class RouteLane(TenantRow, table=True):
    """The way to one integration: one worker at a time goes along it, and what holds it up holds up nothing else."""

    __table_args__ = (UniqueConstraint("integration_id"),)
    integration_id: str = Field(sa_type=IdText)
    owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = None
    ready_at: datetime | None = None  # nothing goes before
