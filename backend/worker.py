"""Owns the RQ entry points: the deliver worker, the jobs worker, and cron."""

from __future__ import annotations

import contextlib
import importlib
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any

from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from backend import process
from backend.core import db, lifecycle, locks, outbox
from backend.core.errors import CrossdockError, Unavailable
from backend.core.logging import logger
from backend.core.queue import DELIVER, JOBS, connect, enqueue_shift, open_queue
from backend.events import service as events
from backend.logs import errors
from backend.logs.errors import Problem, Severity
from backend.runs import service as runs

_WORKER_TTL_SECONDS = 60
_PAUSE_AFTER_FAILURE_SECONDS = 1.0
_REDIS_RETRY_SECONDS = 0.5
_NOTE_EVERY_SECONDS = 60.0
_noted_at: dict[str, float] = {}

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class CronJob:
    """A function without arguments, run every so often by one cron process at a time. It must be idempotent."""

    name: str
    every: timedelta
    function: str


CRON = (
    CronJob("deliveries.sweep", timedelta(seconds=5), "backend.deliveries.jobs.sweep"),
    CronJob("replays.advance", timedelta(seconds=1), "backend.replays.jobs.advance"),
    CronJob("records.act", timedelta(seconds=1), "backend.records.jobs.act"),
    CronJob("records.tidy", timedelta(seconds=10), "backend.records.jobs.tidy"),
    CronJob("incoming.work", timedelta(seconds=5), "backend.incoming.jobs.work"),
    CronJob("audit.seal", timedelta(seconds=5), "backend.audit.jobs.seal"),
    CronJob("retention.prune", timedelta(hours=1), "backend.retention.jobs.prune"),
    CronJob("api_keys.remind", timedelta(minutes=10), "backend.api_keys.jobs.remind"),
    CronJob("api_keys.limits", timedelta(minutes=1), "backend.api_keys.jobs.note_limits"),
    CronJob("api_keys.watch", timedelta(minutes=10), "backend.api_keys.jobs.watch"),
    CronJob("encryption.advance", timedelta(seconds=2), "backend.encryption.jobs.advance"),
    CronJob("integrations.tend", timedelta(seconds=5), "backend.integrations.jobs.tend"),
    CronJob("routing.tend", timedelta(seconds=2), "backend.routing.jobs.tend"),
    CronJob("sandbox.forget", timedelta(hours=1), "backend.sandbox.jobs.forget"),
    CronJob("idempotency.forget", timedelta(minutes=10), "backend.idempotency.jobs.forget"),
)


class _Worker(SimpleWorker):
    """An RQ worker that works in its own process and stops by our flag; its signal handler does no I/O."""

    max_connection_wait_time = 2.0
    log_result_lifespan = False
    log_job_description = False
    _is_waiting = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop after the job at hand, at once while waiting for one."""
        del signum, frame
        lifecycle.request_stop()
        if self._is_waiting:
            raise StopRequested

    def dequeue_job_and_maintain_ttl(self, timeout: int | None, max_idle_time: int | None = None) -> tuple[Job, Queue] | None:
        self._is_waiting = True
        try:
            if lifecycle.stop_requested():
                raise StopRequested
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        finally:
            self._is_waiting = False

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        begun = time.monotonic()
        done = super().perform_job(job, queue, execution)
        write = _log.info if done else _log.error
        write("job.ended", job=job.func_name, seconds=round(time.monotonic() - begun, 3), failed=not done)
        if not done:  # what failed at once, for want of a database say, must not be tried in a tight loop
            _note_failure(job.func_name or "", "job_failed")
            lifecycle.wait(_PAUSE_AFTER_FAILURE_SECONDS)
        return done


class _DeliverWorker(_Worker):
    """Runs one delivery shift after another."""

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        done = super().perform_job(job, queue, execution)
        if not lifecycle.stop_requested():
            enqueue_shift()
        return done


def deliver() -> None:
    """Be a deliver worker: it listens to nothing but `deliver`."""
    _begin("deliver")
    _work(DELIVER, _DeliverWorker)


def jobs() -> None:
    """Be a jobs worker."""
    _begin("jobs")
    _work(JOBS, _Worker)


def cron() -> None:
    """Be the cron process: each job in a thread of its own, so that a slow one delays no other."""
    _begin("cron")
    with runs.running("cron"):
        threads = [threading.Thread(target=_repeat, args=(job,), name=job.name, daemon=True) for job in CRON]
        for thread in threads:
            thread.start()
        while not lifecycle.wait(3600):
            pass
        for thread in threads:
            thread.join()


def _begin(name: str) -> None:
    process.begin(name)
    outbox.bind(events.publish)


def _work(name: str, worker_class: type[_Worker]) -> None:
    connection = connect(read_seconds=None)
    while not _answers(connection):
        if lifecycle.wait(_REDIS_RETRY_SECONDS):
            return
    with runs.running(name):
        if worker_class is _DeliverWorker:
            enqueue_shift()
        process.keep_loaded()
        worker = worker_class(
            [open_queue(name, connection)],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=_WORKER_TTL_SECONDS,
        )
        worker.work(logging_level="WARNING")


def _answers(connection: Any) -> bool:
    try:
        return bool(connection.ping())
    except (RedisError, OSError) as error:
        _log.warning("redis.awaited", error=type(error).__name__)
        return False


def _repeat(job: CronJob) -> None:
    while not lifecycle.stop_requested():
        begun = time.monotonic()
        try:
            with locks.try_lock(job.name) as is_ours:
                if is_ours:
                    _call(job.function)
        except (Unavailable, OperationalError):  # why is in the log already, and a trace each second would hide the rest
            _log.warning("cron.database_away", job=job.name)
        except Exception:  # noqa: BLE001 - whatever it was, the job is due again
            _log.exception("cron.failed", job=job.name)
            _note_failure(job.name, "cron_failed")
        lifecycle.wait(max(job.every.total_seconds() - (time.monotonic() - begun), 0.1))


def _note_failure(name: str, kind: str) -> None:
    """Put a failed job into the log of errors; why is in the process's own log, which may say what the database must not keep."""
    if time.monotonic() - _noted_at.get(name, -_NOTE_EVERY_SECONDS) < _NOTE_EVERY_SECONDS:
        return  # a job of every second that keeps failing says so once a minute
    _noted_at[name] = time.monotonic()
    message = f"The job {name} failed. The log of the process has the reason."
    problem = Problem(severity=Severity.ERROR, kind=kind, message=message, target_kind="job", target_id=name)
    with contextlib.suppress(CrossdockError, SQLAlchemyError), db.transaction(write=True) as session:
        errors.record(session, [problem])


def _call(function: str) -> None:
    module, _, name = function.rpartition(".")
    getattr(importlib.import_module(module), name)()
