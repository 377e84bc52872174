"""Owns the page of monitoring: health, queue, attempts over time, failing webhooks, workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.api_keys import access
from backend.api_keys.access import KeyStandings, Standing
from backend.core import permissions
from backend.core.actor import Actor
from backend.monitoring import health
from backend.monitoring import service as monitoring
from backend.monitoring.attempts import Attempts
from backend.monitoring.backlog import Backlog
from backend.monitoring.health import Health
from backend.monitoring.values import Attention, Need
from backend.monitoring.workers import Worker, Workers, WorkerState
from console import bridge, words
from console.auth import needs
from console.components.chart import RANGES, Line, chosen, lines
from console.states import Page
from console.urls import query

PATH: Final = "/settings/monitoring"
KINDS: Final = {"deliver": "Delivery", "jobs": "Jobs", "cron": "Schedule", "web": "Web"}
_KEYS: Final = 200
_SHOWN_LIMITS: Final = 10
_PARTS: Final = {"database": "Database", "redis": "Redis", "deliver": "Delivery workers"}
_MEANING: Final = {
    "database": "The database does not answer. Nothing can be accepted or delivered until it does; what was accepted is safe in it.",
    "redis": "Redis does not answer. Deliveries go on by the database with some delay, and limits of requests are not counted together.",
    "deliver": "No delivery worker is alive, so nothing is sent. Events are accepted and wait. Start one: crossdock deliver",
}


@dataclass
class PartRow:
    """A part of the installation."""

    name: str
    status: str
    took: str


@dataclass
class AilingRow:
    """A webhook that fails or was disabled by a rule."""

    id: str
    status: str
    name: str
    sentence: str
    at: str


@dataclass
class WorkerRow:
    """A run of a worker process; `place` is host and process id, empty for those who may not see it."""

    id: str
    kind: str
    status: str
    place: str
    started: str
    heartbeat: str
    claimed: str
    delivered: str
    failed: str
    recovered: str


@dataclass
class LimitRow:
    """How near a key is to the nearest of its limits."""

    id: str
    name: str
    used: str
    percent: float
    tone: str
    resets: str


class MonitoringState(Page, rx.State):
    """The page."""

    READS: ClassVar = permissions.METRICS_READ
    POLL: ClassVar = 5.0  # as the workers' hearts beat
    range: str = "1h"
    step: str = "minute"
    parts: list[PartRow] = []  # noqa: RUF012 - the framework copies it
    problems: list[str] = []  # noqa: RUF012
    due: str = ""
    due_hint: str = ""
    unfinished: str = ""
    unfinished_hint: str = ""
    attempts: str = ""
    attempts_hint: str = ""
    attempts_line: str = ""
    recovered: str = ""
    recovered_hint: str = ""
    ailing: list[AilingRow] = []  # noqa: RUF012
    workers: list[WorkerRow] = []  # noqa: RUF012
    limits: list[LimitRow] = []  # noqa: RUF012
    limits_hint: str = ""
    alive: str = ""

    @rx.event
    @needs(permissions.METRICS_READ)
    async def load(self) -> None:
        """Read it."""
        await self._fetch()

    async def _fetch(self) -> None:
        self.range = chosen(query(self, "range")["range"], "1h")
        hours = RANGES[self.range][1]

        def work(session: Session, actor: Actor) -> tuple[Any, ...]:
            return (
                monitoring.backlog(session, actor=actor),
                monitoring.throughput(session, actor=actor, hours=hours),
                monitoring.ailing(session, actor=actor),
                monitoring.workers(session, actor=actor),
                access.all_standings(session, actor=actor, limit=_KEYS, cursor=None),
            )

        try:
            backlog, attempts, ailing, workers, standings = await bridge.read(self, work)
        finally:
            self._healthy(await health.look())
            self.loading = False
        self._queued(backlog)
        self._attempted(attempts)
        self._working(workers)
        self.ailing = [_ailing(item) for item in ailing]
        self.limits = limit_rows(standings.data)
        self.limits_hint = _limits_hint(standings.data)

    def _healthy(self, found: Health) -> None:
        self.parts = [PartRow(_PARTS.get(name, name), check.status.value, words.duration(check.ms)) for name, check in found.checks.items()]
        self.problems = [_MEANING[name] for name, check in found.checks.items() if check.status is not health.State.OK and name in _MEANING]

    def _queued(self, found: Backlog) -> None:
        self.due = words.capped(found.due)
        oldest = found.oldest_due_seconds
        self.due_hint = "nothing could be sent now" if oldest is None else f"the oldest for {words.span(oldest)}"
        waiting, sending, retrying = (found.unfinished[status] for status in ("waiting", "sending", "retrying"))
        self.unfinished = words.capped(waiting + sending + retrying)
        held = f"; {found.lanes_held:,} webhook{'s' if found.lanes_held != 1 else ''} held back" if found.lanes_held else ""
        self.unfinished_hint = f"{words.capped(waiting)} waiting, {sending:,} sending, {words.capped(retrying)} retrying{held}"

    def _attempted(self, found: Attempts) -> None:
        back, hours = RANGES[self.range]
        total = found.delivered + found.failed
        self.step = "minute" if self.range == "1h" else "hour"
        self.attempts = words.number(round(total / (hours * 60), 1))
        self.attempts_hint = f"{total:,} in {back}, {words.percent(found.delivered, total)} delivered; line by {self.step}"
        self.attempts_line = lines(
            [point.starts_at for point in found.points],
            Line("green", [point.delivered for point in found.points], lambda number: f"{number:,} delivered"),
            Line("red", [point.failed for point in found.points], lambda number: f"{number:,} failed"),
        )

    def _working(self, found: Workers) -> None:
        self.recovered = words.number(found.recovered)
        lost = sum(run.state is WorkerState.LOST for run in found.runs)
        self.recovered_hint = f"{lost} worker{'s' if lost != 1 else ''} lost in 24 h" if lost else "no worker was lost in 24 h"
        self.alive = f"{found.alive} alive" + (f", {found.silent} silent" if found.silent else "")
        self.workers = [worker_row(run) for run in found.runs]


def worker_row(run: Worker) -> WorkerRow:
    """A run as the table shows it."""
    return WorkerRow(
        id=run.id,
        kind=KINDS.get(run.kind, run.kind),
        status=run.state.value,
        place=f"{run.host} · {run.pid}" if run.host is not None else "",
        started=words.moment(run.started_at),
        heartbeat=words.moment(run.heartbeat_at),
        claimed=words.number(run.claimed),
        delivered=words.number(run.delivered),
        failed=words.number(run.failed),
        recovered=words.number(run.recovered),
    )


def limit_rows(keys: Sequence[KeyStandings]) -> list[LimitRow]:
    """The keys that have used most of one of their limits, at most ten; without those that have used none."""
    used = [(max(key.limits, key=_share), key) for key in keys if key.limits]
    nearest = sorted((each for each in used if _share(each[0])), key=lambda each: _share(each[0]), reverse=True)[:_SHOWN_LIMITS]
    return [_limit(key, standing) for standing, key in nearest]


def _limit(key: KeyStandings, standing: Standing) -> LimitRow:
    percent = round(100 * _share(standing), 1)
    return LimitRow(
        id=key.key_id,
        name=key.name,
        used=f"{standing.limit - standing.remaining:,} of {standing.limit:,} {standing.window.replace('_', ' ')}",
        percent=percent,
        tone="red" if percent >= 100 else "amber" if percent >= 80 else "accent",
        resets=words.moment(standing.resets_at),
    )


def _share(standing: Standing) -> float:
    return (standing.limit - standing.remaining) / standing.limit


def _limits_hint(keys: Sequence[KeyStandings]) -> str:
    if any(key.limits is None for key in keys):
        return "Redis is away, so each process counts for itself, and there is nothing to show."
    return "No key has used anything of its limits now." if keys else "No active key has a limit."


def _ailing(item: Attention) -> AilingRow:
    status = "disabled" if item.need is Need.WEBHOOK_DISABLED else "failing"
    return AilingRow(item.target_id, status, item.target_name, item.sentence, words.moment(item.at))
