"""Writes the request log from one thread, in batches: rows, roll-ups, and the last use of each key.

A batch is written when 500 requests wait or the first of them has waited 200 ms. What waits when the process is killed is lost;
an orderly stop writes it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from backend.core import db, queue
from backend.core.errors import Unavailable
from backend.core.logging import logger
from backend.logs import batches
from backend.logs.batches import RequestEntry

MAX_BATCH: Final = 500
MAX_DELAY_SECONDS: Final = 0.2
MAX_WAITING: Final = 20_000
_RETRY_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 5.0
_log = logger(__name__)


class Recorder:
    """Takes entries from any thread without waiting, and writes them from its own."""

    def __init__(self) -> None:
        self._waiting: deque[RequestEntry] = deque()
        self._some = threading.Event()
        self._full = threading.Event()
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._written = threading.Condition()
        self._busy = False
        self._dropped = 0

    def record(self, entry: RequestEntry) -> None:
        """Note a request; beyond 20,000 that wait it is dropped and counted in the log."""
        if len(self._waiting) >= MAX_WAITING:
            self._dropped += 1
            return
        self._waiting.append(entry)
        if self._thread is None:
            self.start()
        if not self._some.is_set():
            self._some.set()
        if len(self._waiting) >= MAX_BATCH:
            self._full.set()

    def start(self) -> None:
        """Begin the thread unless it runs."""
        with self._starting:
            if self._thread is None:
                self._stopping = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._stopping,), name="request-log", daemon=True)
                self._thread.start()

    def flush(self, timeout: float = _STOP_SECONDS) -> bool:
        """Wait until everything noted so far is written, at most `timeout` seconds; whether it is."""
        self._full.set()
        with self._written:
            return self._written.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def stop(self) -> None:
        """Write what waits and end the thread; a later `record` begins a new one."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._some.set()
            self._full.set()
            thread.join(_STOP_SECONDS)

    def _run(self, stopping: threading.Event) -> None:
        while not (stopping.is_set() and not self._waiting):
            self._some.wait()
            if not stopping.is_set():
                self._full.wait(MAX_DELAY_SECONDS)
            self._some.clear()
            self._full.clear()
            if not self._drain() and stopping.is_set():
                return

    def _drain(self) -> bool:
        """Write everything that waits; False if the database did not take it."""
        while batch := self._take():
            if not self._write(batch):
                self._waiting.extendleft(reversed(batch))
                self._rest()
                self._some.set()
                time.sleep(_RETRY_SECONDS)
                return False
        return True

    def _take(self) -> list[RequestEntry]:
        batch: list[RequestEntry] = []
        with self._written:
            self._busy = True
        with contextlib.suppress(IndexError):
            while len(batch) < MAX_BATCH:
                batch.append(self._waiting.popleft())
        if not batch:
            self._rest()
        return batch

    def _rest(self) -> None:
        with self._written:
            self._busy = False
            self._written.notify_all()

    def _write(self, batch: Sequence[RequestEntry]) -> bool:
        """Whether the batch is done with: written, or refused by the database for what it says."""
        if self._dropped:
            _log.warning("request_log.dropped", requests=self._dropped)
            self._dropped = 0
        try:
            with db.transaction(write=True) as session:
                batches.write(session, batch)
        except Unavailable as error:
            _log.warning("request_log.delayed", requests=len(self._waiting) + len(batch), reason=error.detail)
            return False
        except Exception as error:  # noqa: BLE001 - one bad row must not end the log of all that follow
            # Without the statement, whose parameters are what callers sent.
            cause = getattr(error, "orig", None) or error
            _log.error("request_log.failed", requests=len(batch), error=type(cause).__name__, detail=str(cause)[:200])
            return True
        for workspace_id in {entry.workspace_id for entry in batch if entry.workspace_id}:
            queue.publish(workspace_id, "requests")
        return True


_recorder = Recorder()


def record(entry: RequestEntry) -> None:
    """Note a request in this process's log, without waiting."""
    _recorder.record(entry)


def start() -> None:
    """Have the thread run; the first `record` would start it too."""
    _recorder.start()


def flush() -> bool:
    """Wait until everything noted so far is written; whether it is."""
    return _recorder.flush()


def stop() -> None:
    """Write what waits, and end the thread."""
    _recorder.stop()
