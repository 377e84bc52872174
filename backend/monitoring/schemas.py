"""What the monitoring routes answer."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from backend.core.web import ListOut, Out
from backend.monitoring.health import State
from backend.monitoring.service import Metrics
from backend.monitoring.workers import WorkerState


class CheckOut(Out):
    """The state of one part and how many milliseconds it took to tell."""

    status: State
    ms: float


class HealthOut(Out):
    """The whole and its parts: `database`, `redis`, `deliver`."""

    status: State
    checks: dict[str, CheckOut]


class LiveOut(Out):
    """The whole in one word."""

    status: State


class RequestFigures(Out):
    """Requests to the API."""

    total: int
    ok: int
    client_error: int
    limited: int
    server_error: int
    p50_ms: float | None
    p95_ms: float | None


class DeliveryFigures(Out):
    """Attempts by outcome, and deliveries that are not finished by status (counted up to 10,000)."""

    delivered: int = Field(description="Attempts that succeeded.")
    failed: int = Field(description="Attempts that failed, also where a later one delivered.")
    p95_ms: float | None
    unfinished: dict[str, int]
    due: int = Field(description="What could be sent this moment; counted up to 10,000.")
    oldest_due_seconds: float | None = Field(description="How long the first of them has been due: how far behind the workers are.")
    oldest_waiting_seconds: float | None = Field(description="The age of the oldest delivery that is not finished.")
    webhooks_held: int = Field(description="Webhooks with something due that is held back: paused, throttled or at their receiver's wish.")


class WorkerOut(Out):
    """One run of a worker process; `host` and `pid` only for super administrators. `recovered` deliveries were freed from it."""

    id: str
    kind: str
    state: WorkerState
    host: str | None
    pid: int | None
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    claimed: int
    delivered: int
    failed: int
    recovered: int


class WorkerFigures(Out):
    """The workers of the installation: how many live or are silent, and all deliveries that were recovered from lost ones."""

    alive: int
    silent: int
    recovered: int
    runs: list[WorkerOut]


class MetricsOut(Out):
    """The figures of a workspace over the last `hours`, and the workers that serve it."""

    hours: int
    requests: RequestFigures
    deliveries: DeliveryFigures
    queues: dict[str, int] | None = Field(description="Jobs that wait in each queue of the installation; null while Redis is away.")
    workers: WorkerFigures


class StandingOut(Out):
    """Where a key stands against one limit. `resets_at` is null while its window has not begun."""

    window: str = Field(description="per_minute, per_hour or per_day")
    limit: int
    remaining: int
    resets_at: datetime | None


class KeyStandingsOut(Out):
    """Where a key stands against each of its limits; `limits` is null while Redis is away and each process counts for itself."""

    key_id: str
    name: str
    limits: list[StandingOut] | None


class RateLimitList(ListOut[KeyStandingsOut]):
    """One page of keys that have limits, newest first."""


def metrics_of(found: Metrics) -> MetricsOut:
    """The figures as the API shows them."""
    return MetricsOut(
        hours=24,
        requests=RequestFigures.model_validate(found.requests),
        deliveries=DeliveryFigures(
            delivered=found.delivered,
            failed=found.failed,
            p95_ms=found.p95_ms,
            unfinished=found.backlog.unfinished,
            due=found.backlog.due,
            oldest_due_seconds=found.backlog.oldest_due_seconds,
            oldest_waiting_seconds=found.backlog.oldest_waiting_seconds,
            webhooks_held=found.backlog.lanes_held,
        ),
        queues=found.queues,
        workers=WorkerFigures.model_validate(found.workers),
    )


class ProviderStandingOut(Out):
    """How one integration stands."""

    integration_id: str
    provider: str = Field(examples=["slack"])
    name: str
    status: str = Field(examples=["active"])
    reason: str = Field(examples=[""])
    next_step: str = Field(examples=[""])
    ok: int = Field(description="Calls to the provider in the last 24 hours that were answered well.")
    failed: int
    p95_ms: float | None
    refreshed_at: datetime | None
    tested_at: datetime | None
    synced_at: datetime | None


class ProviderStandingList(ListOut[ProviderStandingOut]):
    """One page, newest first."""
