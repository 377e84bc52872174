"""The group committer: publishing requests that arrive within the same few milliseconds share one commit.

A commit that is durable costs a disk flush; while one is under way, or another process writes, the next ones gather. One thread per
process.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.core import db
from backend.core.errors import CrossdockError, Unavailable
from backend.core.logging import logger
from backend.events import service
from backend.events.service import Command, Published

MAX_GROUP = 200
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    command: Command
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Published]


class Committer:
    """Takes commands from event loops, commits them in groups, and answers each for itself."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    async def submit(self, command: Command) -> Published:
        """What became of a command, once it is durable. Raises what its publishing raises, `Unavailable` if the commit fails."""
        self._start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Published] = loop.create_future()
        self._queue.put(_Waiting(command, loop, future))
        return await future

    def stop(self) -> None:
        """Commit what is waiting, then end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            if self._serve([first]):
                return

    def _serve(self, group: list[_Waiting]) -> bool:
        """Publish a group and everything that waits by the time when the database can be written; whether to end after it."""
        ends = False
        try:
            with db.transaction(write=True) as session:
                ends = self._gather(group)
                results = service.publish_many(session, [waiting.command for waiting in group])
        except Unavailable as error:
            results = [error] * len(group)
        except Exception as error:  # noqa: BLE001 - whatever one command met must not fail the others
            results = [error] if len(group) == 1 else [self._alone(waiting.command) for waiting in group]
        self._settle(group, results)
        return ends

    def _gather(self, group: list[_Waiting]) -> bool:
        while len(group) < MAX_GROUP:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return False
            if following is None:
                return True
            group.append(following)
        return False

    @staticmethod
    def _alone(command: Command) -> Published | BaseException:
        try:
            with db.transaction(write=True) as session:
                return service.publish_many(session, [command])[0]
        except Exception as error:  # noqa: BLE001 - it is the answer of this command
            return error

    @staticmethod
    def _settle(group: Sequence[_Waiting], results: Sequence[Published | BaseException]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = {}
        for waiting, result in zip(group, results, strict=True):
            by_loop.setdefault(waiting.loop, []).append(lambda waiting=waiting, result=result: _answer(waiting.future, result))
        for loop, answers in by_loop.items():
            try:
                loop.call_soon_threadsafe(lambda answers=answers: [answer() for answer in answers])
            except RuntimeError:  # the loop ended; nobody waits any more
                _log.warning("committer.loop_gone", waiting=len(answers))


def _answer(future: asyncio.Future[Published], result: Published | BaseException) -> None:
    if future.cancelled():
        return
    if isinstance(result, BaseException):
        if not isinstance(result, CrossdockError):
            _log.error("committer.failed", error=type(result).__name__)
        future.set_exception(result)
    else:
        future.set_result(result)


committer = Committer()
