"""The rows of an event that is accepted: itself, and one delivery or run for every webhook or route that it goes to, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from backend.core import bulk, ids
from backend.events.subscriptions import Match

_EVENT: Final = bulk.Insert(
    "event",
    (
        "id",
        "created_at",
        "workspace_id",
        "type",
        "occurred_at",
        "body",
        "kind",
        "actor_kind",
        "actor_id",
        "idempotency_key",
        "webhooks_revision",
        "deliveries",
        "skips",
        "trace_id",
    ),
)
_DELIVERY: Final = bulk.Insert(
    "delivery",
    (
        "id",
        "created_at",
        "workspace_id",
        "event_id",
        "webhook_id",
        "event_type",
        "kind",
        "status",
        "attempt_count",
        "failure_count",
        "max_attempts",
        "due_at",
        "trigger",
        "trace_id",
    ),
)
_RUN: Final = bulk.Insert(
    "route_run",
    (
        "id",
        "created_at",
        "workspace_id",
        "route_id",
        "event_id",
        "event_type",
        "integration_id",
        "status",
        "attempt_count",
        "failure_count",
        "due_at",
        "provider_id",
        "message",
        "error",
        "next_step",
        "error_class",
        "trace_id",
        "finished_at",
    ),
)
_NO_SKIPS: Final = "[]"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is known of an event by the time it is accepted; `body` is the text that its deliveries send."""

    id: str
    accepted_at: datetime
    workspace_id: str
    type: str
    occurred_at: datetime
    body: str
    kind: str
    actor_kind: str
    actor_id: str
    idempotency_key: str | None
    trace_id: str
    found: Match


@dataclass(slots=True)
class Batch:
    """Events that are accepted in one transaction."""

    events: list[Accepted] = field(default_factory=list[Accepted])

    def insert(self, connection: Connection) -> None:
        """Insert them with their deliveries and runs: a statement each for all. Raises SQLAlchemy's errors."""
        _EVENT.run(connection, [_event(connection, event) for event in self.events])
        _DELIVERY.run(connection, [row for event in self.events for row in _deliveries(connection, event)])
        _RUN.run(connection, [row for event in self.events for row in _runs(connection, event)])

    @property
    def workspace_ids(self) -> set[str]:
        """The workspaces that they belong to."""
        return {event.workspace_id for event in self.events}

    @property
    def webhook_ids(self) -> set[str]:
        """The webhooks that have something to deliver now."""
        return {target.webhook_id for event in self.events for target in event.found.targets}

    @property
    def has_runs(self) -> bool:
        """Whether a route has something to do now."""
        return any(not turn.skipped for event in self.events for turn in event.found.turns)


def _event(connection: Connection, event: Accepted) -> tuple[Any, ...]:
    found = event.found
    return (
        event.id,
        bulk.moment(connection, event.accepted_at),
        event.workspace_id,
        event.type,
        bulk.moment(connection, event.occurred_at),
        event.body,
        event.kind,
        event.actor_kind,
        event.actor_id,
        event.idempotency_key,
        found.revision,
        len(found.targets),
        orjson.dumps(found.skips).decode() if found.skips else _NO_SKIPS,
        event.trace_id,
    )


def _deliveries(connection: Connection, event: Accepted) -> Sequence[tuple[Any, ...]]:
    at = bulk.moment(connection, event.accepted_at)
    return [
        (
            ids.new("dlv"),
            at,
            event.workspace_id,
            event.id,
            target.webhook_id,
            event.type,
            event.kind,
            "waiting",
            0,
            0,
            target.max_attempts,
            at,
            "event",
            event.trace_id,
        )
        for target in event.found.targets
    ]


def _runs(connection: Connection, event: Accepted) -> Sequence[tuple[Any, ...]]:
    if not event.found.turns:
        return ()
    at = bulk.moment(connection, event.accepted_at)
    return [
        (
            ids.new("rrn"),
            at,
            event.workspace_id,
            turn.routing.route_id,
            event.id,
            event.type,
            turn.routing.integration_id,
            "skipped" if turn.skipped else "pending",
            0,
            0,
            None if turn.skipped else at,
            "",
            "",
            turn.skipped[:400],
            "",
            "filtered" if turn.skipped else "",
            event.trace_id,
            at if turn.skipped else None,
        )
        for turn in event.found.turns
    ]
