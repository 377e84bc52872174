"""Group commit: work that arrives within the same few milliseconds is done together and shares a commit.

A commit that is durable costs a disk flush; while one is under way, or another process writes, the next items gather. One thread for
each kind of work and process.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from backend.core.errors import CrossdockError, Unavailable
from backend.core.logging import logger

MAX_GROUP: Final = 200
_POLL, _PAUSE = 0.0005, 0.01  # seconds: between looks, and after which nobody seems to come any more
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Outcome]):
    item: Item
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Outcome]


class Group(Generic[Item]):
    """Items that are done together. Whoever does them calls `fill` once the database can be written: what waits by then joins."""

    def __init__(self, items: list[Item], fill: Callable[[], None] = lambda: None) -> None:
        self.items = items
        self.fill = fill


class GroupCommitter(Generic[Item, Outcome]):
    """Takes items from event loops, has them done in groups, and answers each for itself.

    `work` does a group in transactions of its own: what became of each item, or why not, in their order. If it raises, each item is
    tried alone, unless the database is away.

    Where a group costs much more than an item, `linger` is for how many seconds at most the first item of a group waits, while others
    keep coming, until it is as large as the last ones: whoever was just answered often sends again. One that comes alone never waits.
    """

    def __init__(
        self, name: str, work: Callable[[Group[Item]], Sequence[Outcome | BaseException]], *, most: int = MAX_GROUP, linger: float = 0
    ) -> None:
        self._name, self._work, self._most, self._linger = name, work, most, linger
        self._last = (1, 1)  # how many items the last two groups had: one that came too early for the others must not hide them
        self._queue: queue.SimpleQueue[_Waiting[Item, Outcome] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ends = False

    async def submit(self, item: Item) -> Outcome:
        """What became of an item, once it is durable. Raises what its work raises, `Unavailable` if the commit fails."""
        self._start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._queue.put(_Waiting(item, loop, future))
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
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        self._ends = False
        while not self._ends and (first := self._queue.get()) is not None:
            self._wait()
            self._serve([first])

    def _wait(self) -> None:
        """Let others come, as long as they do."""
        until = time.monotonic() + self._linger
        wanted = max(self._last)
        waiting, since = 0, time.monotonic()
        while (now := time.monotonic()) < until and waiting + 1 < wanted and now - since < _PAUSE:
            time.sleep(_POLL)
            if (size := self._queue.qsize()) > waiting:
                waiting, since = size, time.monotonic()

    def _serve(self, waiting: list[_Waiting[Item, Outcome]]) -> None:
        group = Group([waiting[0].item])
        group.fill = lambda: self._gather(waiting, group.items)
        try:
            results = self._work(group)
        except Unavailable as error:
            results = [error] * len(waiting)
        except Exception as error:  # noqa: BLE001 - whatever one item met must not fail the others
            results = [error] if len(waiting) == 1 else [self._alone(each.item) for each in waiting]
        self._last = (self._last[1], len(waiting))
        self._settle(waiting, results)

    def _gather(self, waiting: list[_Waiting[Item, Outcome]], items: list[Item]) -> None:
        while len(waiting) < self._most:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return
            if following is None:
                self._ends = True
                return
            waiting.append(following)
            items.append(following.item)

    def _alone(self, item: Item) -> Outcome | BaseException:
        try:
            return self._work(Group([item]))[0]
        except Exception as error:  # noqa: BLE001 - it is the answer of this item
            return error

    def _settle(self, group: Sequence[_Waiting[Item, Outcome]], results: Sequence[Outcome | BaseException]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = {}
        for waiting, result in zip(group, results, strict=True):
            by_loop.setdefault(waiting.loop, []).append(lambda waiting=waiting, result=result: self._answer(waiting.future, result))
        for loop, answers in by_loop.items():
            try:
                loop.call_soon_threadsafe(lambda answers=answers: [answer() for answer in answers])
            except RuntimeError:  # the loop ended; nobody waits any more
                _log.warning("committer.loop_gone", committer=self._name, waiting=len(answers))

    def _answer(self, future: asyncio.Future[Outcome], result: Outcome | BaseException) -> None:
        if future.cancelled():
            return
        if isinstance(result, BaseException):
            if not isinstance(result, CrossdockError):
                _log.error("committer.failed", committer=self._name, error=type(result).__name__)
            future.set_exception(result)
        else:
            future.set_result(result)
