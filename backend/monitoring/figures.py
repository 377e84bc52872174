"""What a scraper is told of a workspace and of the workers that serve it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend.core import clock
from backend.monitoring.exposition import Family, Sample
from backend.monitoring.service import Metrics
from backend.monitoring.workers import WorkerState

_PREFIX: Final = "crossdock"
_BEATING: Final = (WorkerState.ALIVE, WorkerState.SILENT)


def families(found: Metrics, *, version: str) -> list[Family]:
    """The figures as families. What is not known now has no sample: no oldest delivery, no Redis."""
    return [
        _gauge("build_info", "The version that answers.", {version: 1}, label="version"),
        *_requests(found),
        *_deliveries(found),
        *_workers(found),
    ]


def _requests(found: Metrics) -> list[Family]:
    seen = found.requests
    outcomes = {"ok": seen.ok, "client_error": seen.client_error, "limited": seen.limited, "server_error": seen.server_error}
    return [
        Family(
            f"{_PREFIX}_key_requests_total", "counter", "Requests that API keys made and that were let in.", [Sample(found.key_requests)]
        ),
        _gauge("requests_last_day", "Requests to the API in the last 24 hours by outcome.", outcomes, label="outcome"),
        _gauge(
            "request_duration_last_day_seconds",
            "How long a share of the requests of the last 24 hours took at most.",
            {"0.5": _seconds(seen.p50_ms), "0.95": _seconds(seen.p95_ms)},
            label="quantile",
        ),
    ]


def _deliveries(found: Metrics) -> list[Family]:
    waiting = found.backlog
    totals = {"delivered": found.attempts_delivered, "failed": found.attempts_failed}
    day = {"delivered": found.delivered, "failed": found.failed}
    oldest = "How long ago the oldest delivery that is not finished was accepted."
    due = "How long the first delivery that could be sent has been due: how far behind the workers are."
    held = "Webhooks with something due that is held back: paused, throttled or at their receiver's wish."
    return [
        Family(f"{_PREFIX}_attempts_total", "counter", "Attempts to deliver by outcome.", _samples(totals, "outcome")),
        _gauge("attempts_last_day", "Attempts to deliver in the last 24 hours by outcome.", day, label="outcome"),
        _gauge(
            "attempt_duration_last_day_seconds",
            "How long a share of the attempts of the last 24 hours took at most.",
            {"0.95": _seconds(found.p95_ms)},
            label="quantile",
        ),
        _gauge("deliveries_unfinished", "Deliveries by status; counting stops at 10,000.", waiting.unfinished, label="status"),
        _gauge("deliveries_due", "Deliveries that could be sent this moment; counting stops at 10,000.", {"": waiting.due}),
        _gauge("oldest_undelivered_seconds", oldest, {"": waiting.oldest_waiting_seconds}),
        _gauge("oldest_due_seconds", due, {"": waiting.oldest_due_seconds}),
        _gauge("webhooks_held", held, {"": waiting.lanes_held}),
    ]


def _workers(found: Metrics) -> list[Family]:
    workers, now = found.workers, clock.now()
    ages = [
        Sample(max((now - run.heartbeat_at).total_seconds(), 0.0), (("kind", run.kind), ("run", run.id)))
        for run in workers.runs
        if run.state in _BEATING
    ]
    recovered = "Deliveries that were freed from workers that were lost."
    return [
        _gauge("queue_jobs", "Jobs that wait in each queue of the installation.", found.queues or {}, label="queue"),
        _gauge("workers", "Worker processes by state.", {"alive": workers.alive, "silent": workers.silent}, label="state"),
        Family(f"{_PREFIX}_worker_heartbeat_age_seconds", "gauge", "How long ago each running worker was heard of.", ages),
        Family(f"{_PREFIX}_deliveries_recovered_total", "counter", recovered, [Sample(workers.recovered)]),
    ]


def _gauge(name: str, text: str, values: Mapping[str, float | None], *, label: str = "") -> Family:
    return Family(f"{_PREFIX}_{name}", "gauge", text, _samples(values, label))


def _samples(values: Mapping[str, float | None], label: str) -> list[Sample]:
    return [Sample(value, ((label, name),) if label else ()) for name, value in values.items() if value is not None]


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
