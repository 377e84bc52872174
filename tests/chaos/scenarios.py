"""The scenarios: what is killed, how often, and when. Each takes a prepared site and leaves everything delivered."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from sqlmodel import update

from backend.core import clock, db, queue
from backend.models import Lane
from backend.runs import service as runs
from tests.chaos.site import Site
from tests.chaos.whole import Whole
from tests.waiting import eventually

Scenario = Callable[[Site, int], None]
_PATIENCE = 180.0  # a busy machine needs ten seconds to start a process
_LONG_OUTAGE = runs.SILENCE.total_seconds() + 3


def workers_killed(site: Site, times: int) -> None:
    """Deliver workers are killed at random moments, most of them in the midst of sending. On PostgreSQL there are two of them."""
    site.open("api", "cron", *(["deliver"] if site.database == "SQLite" else ["deliver", "deliver"]))
    for number in range(times):
        site.publisher.allow((number + 1) / times)
        if site.random.random() < 0.8:
            site.delivering()
        time.sleep(site.random.uniform(0, 0.6))
        site.kill("deliver")
        site.start("deliver")
    site.finish()


def redis_lost(site: Site, times: int) -> None:
    """Valkey is killed, loses what it had stored, and starts empty; and is emptied while it runs."""
    site.open("api", "cron", "deliver")
    for number in range(times):
        site.publisher.allow((number + 1) / times)
        site.delivering()
        time.sleep(site.random.uniform(0, 0.6))
        if number % 2:
            site.valkey.flush()
            site.ledger.killed["flushed"] += 1
        else:
            site.valkey.kill()
            site.ledger.killed["valkey"] += 1
            site.valkey.lose()
            time.sleep(site.random.uniform(0, 1.5))
            site.valkey.start()
        site.keep()
    site.finish()


def web_killed(site: Site, times: int) -> None:
    """The process that accepts events is killed while it does."""
    site.open("api", "cron", "deliver")
    for number in range(times):
        before = len(site.publisher.accepted)
        site.publisher.allow((number + 1) / times)
        eventually(lambda before=before: len(site.publisher.accepted) > before or site.publisher.is_done, seconds=_PATIENCE)
        time.sleep(site.random.uniform(0, 0.4))
        site.kill("api")
        site.start("api")
        eventually(site.answers, seconds=_PATIENCE)
    site.finish()


def postgres_restarted(site: Site, times: int) -> None:
    """PostgreSQL is stopped at once, as a crash stops it, or in order, and started again."""
    assert site.postgres is not None
    site.open("api", "cron", "deliver")
    for number in range(times):
        site.publisher.allow((number + 1) / times)
        site.delivering()
        time.sleep(site.random.uniform(0, 0.6))
        mode = "fast" if number % 3 == 2 else "immediate"
        site.postgres.stop(mode)
        site.ledger.killed[f"postgres {mode}"] += 1
        # Once so long that every run looks silent when it is back.
        time.sleep(_LONG_OUTAGE if times > 2 and number == 0 else site.random.uniform(0, 1))
        site.postgres.start()
        site.keep()
    site.finish()


def cron_killed(site: Site, times: int) -> None:
    """Cron is killed and stays away for a while, in which a worker dies and Valkey is emptied."""
    site.open("api", "cron", "deliver")
    for number in range(times):
        site.publisher.allow((number + 1) / times)
        site.delivering()
        site.kill("cron")
        if number % 2 == 0:
            site.kill("deliver")
            site.valkey.flush()
            site.ledger.killed["flushed"] += 1
            site.start("deliver")
        time.sleep(site.random.uniform(0, 1))
        site.start("cron")
    site.finish()


def disk_full(site: Site, times: int) -> None:
    """The disk that SQLite is on fills up, is found full by publishers and workers, and gets space again."""
    assert site.disk is not None
    site.open("api", "cron", "deliver")
    for number in range(times):
        site.publisher.allow((2 * number + 1) / (2 * times))
        site.delivering()
        with site.disk.full(site.pids):
            site.ledger.killed["disk full"] += 1
            site.publisher.allow((2 * number + 2) / (2 * times))
            told = len(site.publisher.refusals)
            eventually(lambda told=told: len(site.publisher.refusals) >= told + 20, seconds=_PATIENCE)
            time.sleep(site.random.uniform(0, 2))
    site.finish()
    for status, headers, answer in site.publisher.refusals:
        assert (status, headers.get("content-type")) == (503, "application/problem+json"), (status, headers)
        assert int(headers["retry-after"]) >= 1
        assert answer["code"] == "unavailable"
        assert "disk" in answer["detail"]


def two_workers(site: Site, times: int) -> None:
    """Nothing is killed: one worker and two take turns at a backlog, and no delivery goes out twice."""
    site.open("api", "cron")
    site.inbox.seconds = 0.05  # as a receiver elsewhere answers
    rates: dict[int, list[float]] = {1: [], 2: []}
    for number in range(2 * times):
        _hold_lanes(held=True)
        site.publisher.allow((number + 1) / (2 * times))
        expected = round(site.events * (number + 1) / (2 * times))
        eventually(lambda expected=expected: len(site.publisher.accepted) >= expected, seconds=_PATIENCE)
        count = number % 2 + 1
        for _ in range(count):
            site.start("deliver")
        eventually(lambda count=count: _workers_alive() == count, seconds=_PATIENCE)
        begun, before = time.monotonic(), site.inbox.total
        _hold_lanes(held=False)
        eventually(lambda expected=expected: len(site.inbox.by_delivery) == expected * 2, seconds=_PATIENCE, every=0.005)
        rates[count].append((site.inbox.total - before) / (time.monotonic() - begun))
        site.stop("deliver")
    site.finish()
    one, two = statistics.median(rates[1]), statistics.median(rates[2])
    site.remark = f"two workers ÷ one: {two / one:.2f} ({two:,.0f} and {one:,.0f} deliveries/s)"


def everything_at_once(site: Site, times: int) -> None:
    """Whatever `crossdock up` runs is killed by chance, and so is `crossdock up`."""
    assert isinstance(site, Whole)
    site.open()
    for number in range(times):
        site.publisher.allow((number + 1) / times)
        if site.random.random() < 0.7:
            site.delivering()
        time.sleep(site.random.uniform(0, 1))
        site.strike()
    site.finish()


def _workers_alive() -> int:
    with db.transaction() as session:
        return sum(run.kind == "deliver" for run in runs.alive(session, now=clock.now()))


def _hold_lanes(*, held: bool) -> None:
    """Have nothing sent, whatever is due, or let it go, so that every worker begins at one moment."""
    until = clock.now() + timedelta(hours=1) if held else None
    with db.transaction(write=True) as session:
        session.exec(update(Lane).values(blocked_until=until))
        db.after_commit(session, queue.wake_deliver)
