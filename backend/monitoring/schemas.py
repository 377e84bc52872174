"""What the monitoring routes answer."""

from __future__ import annotations

from datetime import datetime

from backend.core.web import Out
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

    delivered: int
    failed: int
    p95_ms: float | None
    unfinished: dict[str, int]
    oldest_waiting_seconds: float | None


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
    workers: WorkerFigures


def metrics_of(found: Metrics) -> MetricsOut:
    """The figures as the API shows them."""
    return MetricsOut(
        hours=24,
        requests=RequestFigures.model_validate(found.requests),
        deliveries=DeliveryFigures.model_validate(found),
        workers=WorkerFigures.model_validate(found.workers),
    )
