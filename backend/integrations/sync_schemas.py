"""How the routes show syncs and timelines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from backend.core.web import Body, ListOut, Out, TailOut
from backend.integrations.directions import Choice
from backend.integrations.entry import Column
from backend.models import IntegrationEvent, IntegrationSync


class SyncBegin(Body):
    """What to bring."""

    full: bool = Field(default=False, description="Everything, not only what changed.")


class SyncSettingsUpdate(Body):
    """What is sent changes."""

    direction: Literal["pull", "push", "both"] = Field(default="pull", description="push and both where the provider can be written to.")
    module: str = Field(
        default="", max_length=60, description="Into which items go, and from which they are written where both are the same."
    )
    push_module: str = Field(default="", max_length=60, description="From which records are written, where it is another.")
    mapping: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="Fields of the module by the provider's columns; an empty one leaves its column alone.",
        examples=[{"company_name": "company_name", "phone": ""}],
    )
    push_mapping: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="The same of what is written, where it is another module.",
        examples=[{"number": "number"}],
    )
    conflict: Literal["provider", "crossdock"] = Field(
        default="provider", description="Whose value stays where both sides changed the same field since the sync before."
    )
    removed: Literal["keep", "mark", "delete"] = Field(
        default="keep", description="What becomes of a record whose item the provider has removed."
    )
    removed_field: str = Field(default="", max_length=60, description="The yes/no field that marks it, with mark.")


class SyncColumnOut(Out):
    """A column of the provider's."""

    name: str = Field(examples=["company_name"])
    label: str = Field(examples=["Company"])
    type: str = Field(examples=["text"])
    field: str | None = Field(description="The module's field that goes with it; null where it is left alone.", examples=["company_name"])
    read_only: bool = Field(description="The provider makes it; it is never written.")


class SyncSettingsOut(Out):
    """How an integration syncs, and what can be chosen."""

    direction: Literal["pull", "push", "both"]
    directions: list[Literal["pull", "push", "both"]] = Field(description="Those that this provider knows.")
    module: str
    push_module: str
    columns: list[SyncColumnOut] = Field(description="What is brought.")
    push_columns: list[SyncColumnOut] = Field(description="What is written.")
    conflict: Literal["provider", "crossdock"]
    removed: Literal["keep", "mark", "delete"]
    removed_field: str
    reports_removed: bool = Field(description="Whether the provider tells what it has removed.")
    missing_scope: str = Field(description="Which writing needs and the provider has not granted; empty if there is none.")

    @classmethod
    def of(cls, choice: Choice) -> Self:
        """From what the service says."""
        plan, spec = choice.plan, choice.sync
        return cls(
            direction=plan.direction.value,
            directions=[each.value for each in choice.directions],
            module=plan.module,
            push_module=plan.push_module,
            columns=[_column(each, plan.pull) for each in (spec.columns if spec is not None else ())],
            push_columns=[_column(each, plan.push) for each in choice.push_columns],
            conflict=plan.conflict.value,
            removed=plan.removed.value,
            removed_field=plan.removed_field,
            reports_removed=spec is not None and spec.removal is not None,
            missing_scope=choice.missing_scope,
        )


def _column(column: Column, mapping: Mapping[str, str]) -> SyncColumnOut:
    return SyncColumnOut(name=column.name, label=column.label, type=column.type, field=mapping.get(column.name), read_only=column.read_only)


class SyncOut(Out):
    """A sync, and how far it is."""

    id: str
    integration_id: str
    resource: str
    module: str
    status: Literal["queued", "running", "waiting", "done", "failed", "cancelled"]
    is_full: bool
    direction: Literal["pull", "push", "both"]
    phase: Literal["pull", "removed", "push"] = Field(description="What it does, or did last.")
    pages: int
    total: int | None = Field(description="Where the provider tells.")
    seen: int
    created: int
    updated: int
    unchanged: int
    failed: int
    removed: int = Field(description="Records whose item the provider has removed.")
    sent_total: int | None = Field(description="Records to be looked at for writing.")
    sent_seen: int = Field(description="Of these, how many were.")
    sent_created: int
    sent_updated: int
    sent_unchanged: int
    sent_failed: int
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


class SyncErrorOut(Out):
    """An item that could not be stored, or not whole; or a record that could not be written to the provider."""

    id: str
    external_id: str
    record_id: str = Field(description="Of a record that could not be written; else empty.")
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


class TimelineTail(TailOut[TimelineOut]):
    """Moments as they come, oldest first."""
