"""The shift: claims due deliveries, sends them side by side, and writes what came of them, until its time is over.

One coroutine drives it in turns: each turn is one transaction in a thread, which writes the outcomes so far and claims as much
as there is room for. No transaction is open while HTTP runs. Sending has a task per attempt; `slots` decides who is next.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from redis.exceptions import RedisError

from backend.core import clock, queue
from backend.core.errors import Unavailable
from backend.core.logging import logger
from backend.deliveries.sender import Sender
from backend.deliveries.slots import SLOW_SECONDS, Slots
from backend.deliveries.store import Store, Taken, Turn
from backend.deliveries.values import Claim, Exchange, Finished

SHIFT_SECONDS: Final = 60.0
GRACE_SECONDS: Final = 7.0  # for what is in flight when the process is asked to stop
_OVERTIME_SECONDS: Final = 31.0  # the longest attempt, and a moment
_HAND: Final = 768
_BYTES: Final = 64 * 1024 * 1024
_FLUSH_SECONDS: Final = 0.03
_FLUSH_COUNT: Final = 400
_POLL_SECONDS: Final = 0.25  # while Redis is away, or slots wait for attempts to grow old
_LONGEST_WAIT: Final = 5.0
_REARM_SECONDS: Final = 0.003
_DATABASE_RETRY_SECONDS: Final = 0.5

Result = TypeVar("Result")
_log = logger(__name__)


@dataclass(slots=True)
class Report:
    """What a shift did."""

    claimed: int = 0
    sent: int = 0
    turns: int = 0


class Shift:
    """One shift. `run()` until its time is over and nothing is in flight, or until `stop()`; not to be used twice."""

    def __init__(self, store: Store, sender: Sender, *, seconds: float = SHIFT_SECONDS, hints: bool = True) -> None:
        self.report = Report()
        self._store, self._sender = store, sender
        self._seconds, self._hints = seconds, hints
        self._slots = Slots()
        self._finished: list[Finished] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._returned: list[Claim] = []
        self._signal = asyncio.Event()  # something happened that may call for a turn
        self._woken = True
        self._more = False
        self._stopping = False
        self._hears = False  # whether wakes arrive through Redis
        self._in_doubt = False  # whether the last transaction may have been committed without our having heard of it
        self._due: float | None = None  # monotonic
        self._flush_at: float | None = None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="shift-database")

    def stop(self) -> None:
        """Claim nothing more and end as soon as possible. From the loop's thread."""
        self._stopping = True
        self._signal.set()

    async def run(self) -> Report:
        """Work until the end. What is in flight is given time; what is not sent by then is handed back."""
        deadline = time.monotonic() + self._seconds
        wakes = asyncio.create_task(self._hear()) if self._hints else None
        try:
            await self._in_thread(self._store.begin)
            while not await self._drained(deadline):
                while not self._is_over(deadline):
                    await self._turn(claim=not self._stopping, over=time.monotonic() > deadline)
                    await self._wait(deadline)
        finally:
            if wakes is not None:
                wakes.cancel()
                await asyncio.gather(wakes, return_exceptions=True)
            await self._abandon()
            self._threads.shutdown(wait=False)
        return self.report

    def _is_over(self, deadline: float) -> bool:
        if self._stopping:
            return True
        now = time.monotonic()
        # After the deadline nothing more goes to slow receivers; it ends once none of their attempts is under way, so that
        # the time for which nothing is claimed is that of a quick attempt.
        return now > deadline and (self._slots.slow == 0 or now > deadline + _OVERTIME_SECONDS)

    async def _turn(self, *, claim: bool, over: bool = False) -> None:
        """One transaction: outcomes out, claims in, and what came is sent."""
        finished, self._finished, self._flush_at = self._finished, [], None
        returned, self._returned = self._returned, []
        limit = self._room() if claim else 0
        full = self._slots.full()
        if over:
            slow = frozenset(self._slots.slow_lanes())
            full = list(slow.union(full))
            returned += self._slots.give_back(slow)
        self._woken, self._due = False, None
        held = {*self._slots.held(), *(each.claim.id for each in finished), *(each.id for each in returned)} if self._in_doubt else None
        turn = Turn(finished, returned, limit, self._slots.quota, full, held)
        try:
            taken = await self._in_thread(lambda: self._store.turn(turn))
        except Unavailable as error:
            _log.warning("shift.database_away", error=error.detail)
            self._in_doubt = True
            self._finished[:0] = finished
            self._returned[:0] = returned
            self._woken = True
            await asyncio.sleep(_DATABASE_RETRY_SECONDS)
            return
        except Exception as error:
            if not finished:
                raise
            # What one receiver answered may be more than the database takes; it must not take the others' outcomes with it.
            _log.error("shift.outcomes_refused", outcomes=len(finished), error=type(error).__name__)  # its text may quote them
            self._returned[:0] = returned
            self._woken = True
            unwritten = await self._in_thread(lambda: self._store.write_one_by_one(finished))
            self._finished[:0] = unwritten
            self._in_doubt = self._in_doubt or bool(unwritten)
            return
        self._in_doubt = False
        self.report.turns += 1
        self.report.claimed += len(taken.claims)
        if limit > 0:
            self._took(taken)

    def _took(self, taken: Taken) -> None:
        self._slots.add(taken.claims)
        self._pump()
        self._more = taken.more
        if taken.next_due is not None:
            self._due = time.monotonic() + max((taken.next_due - clock.now()).total_seconds(), 0.0)
        if taken.more and self._hints and self._slots.hand >= _HAND // 2:
            # There is more than this shift can hold: another may be idle.
            asyncio.get_running_loop().run_in_executor(self._threads, queue.wake_deliver)

    def _room(self) -> int:
        room = _HAND - self._slots.hand
        hand = self._slots.hand
        if hand and self._slots.bytes * 2 > _BYTES:
            room = min(room, (_BYTES - self._slots.bytes) * hand // max(self._slots.bytes, 1))
        return max(room, 0)

    def _pump(self) -> None:
        for claim in self._slots.next(time.monotonic()):
            self._start(claim)

    def _start(self, claim: Claim) -> None:
        task = asyncio.create_task(self._send(claim))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, first: Claim) -> None:
        """Make an attempt, and after it the next that may be begun: a task for each would cost more."""
        claim: Claim | None = first
        while claim is not None:
            begun = time.monotonic()
            try:
                exchange = await self._sender.send(claim)
            except asyncio.CancelledError:
                exchange = Exchange(clock.now(), round((time.monotonic() - begun) * 1000, 3), {}, interrupted=True)
                exchange.error = "The worker was stopped before the receiver answered."
                self._end(claim, exchange)
                return
            claim = self._end(claim, exchange)

    def _end(self, claim: Claim, exchange: Exchange) -> Claim | None:
        """Note an outcome; the delivery that this one's task goes on with."""
        self.report.sent += 1
        now = time.monotonic()
        self._finished.append(Finished(claim, exchange))
        self._slots.end(claim, now, failed=exchange.error_class is not None)
        if self._flush_at is None:
            self._flush_at = now if claim.is_test else now + _FLUSH_SECONDS
            self._signal.set()
        elif len(self._finished) >= _FLUSH_COUNT:
            self._signal.set()
        if exchange.interrupted:
            return None
        following, *others = (*self._slots.next(now), None)
        for other in others:
            if other is not None:
                self._start(other)
        return following

    async def _wait(self, deadline: float) -> None:
        """Until a turn is worthwhile: outcomes to write, a wake, the next due time, room for more, or the end."""
        begun = time.monotonic()
        while not self._stopping and not self._woken and len(self._finished) < _FLUSH_COUNT:
            self._signal.clear()
            now = time.monotonic()
            until = self._next_turn(deadline, begun, now)
            if until <= now:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(until - now):
                    await self._signal.wait()
            self._pump()

    def _next_turn(self, deadline: float, begun: float, now: float) -> float:
        """When the next turn is worthwhile if nothing happens before; `begun` is when the wait for it did."""
        moments = [begun + _LONGEST_WAIT]
        if now < deadline:
            moments.append(deadline)
        if self._flush_at is not None:
            moments.append(self._flush_at)
        if self._due is not None:
            moments.append(self._due)
        if self._more and self._slots.hand < _HAND // 4:
            moments.append(begun + _FLUSH_SECONDS if self._slots.sending else begun)
        if not self._hears or self._slots.has_waiting or begun > deadline:
            moments.append(begun + _POLL_SECONDS)
        return min(moments)

    async def _hear(self) -> None:
        """Turn wakes that arrive through Redis into turns. While Redis is away the shift polls."""
        while not self._stopping:
            try:
                client = queue.async_redis(blocking=True)
                if not self._hears:
                    ping: Any = queue.async_redis().ping()  # type: ignore[reportUnknownMemberType] - redis-py types sync and async in one
                    await ping
                    self._hears = True
                popped: Any = client.blpop([queue.WAKE_DELIVER], timeout=10)  # type: ignore[reportUnknownMemberType] - as above
                if await popped is None:
                    continue
                # Whoever commits from here on sets the flag anew, and this turn begins after that.
                await client.delete(queue.WAKE_DELIVER_FLAG)
            except (RedisError, OSError):
                self._hears = False
                self._signal.set()
                await asyncio.sleep(_POLL_SECONDS)
                continue
            self._woken = True
            self._signal.set()
            await asyncio.sleep(_REARM_SECONDS)

    async def _drained(self, deadline: float) -> bool:
        """Whether this is the end: everything in flight is done, or has had its time. Not begun yet, it is handed back.

        Where attempts turn out to be slow after the deadline, claiming goes on meanwhile rather than to interrupt them.
        """
        if not self._is_over(deadline):
            return False
        self._returned += self._slots.give_back()
        is_last = self._stopping or time.monotonic() > deadline + _OVERTIME_SECONDS
        end = time.monotonic() + (GRACE_SECONDS if is_last else SLOW_SECONDS)
        while True:
            await self._turn(claim=False)
            left = end - time.monotonic()
            if left <= 0 or not (self._tasks or self._finished):
                break
            if self._tasks:
                await asyncio.wait(set(self._tasks), timeout=min(left, _POLL_SECONDS))
                self._slots.age(time.monotonic())
        if self._finished:
            await self._turn(claim=False)
        if self._finished and not self._stopping:
            return False  # the database is away, and an outcome that is not written means that the delivery goes out again
        return is_last or self._stopping or not self._tasks

    async def _abandon(self) -> None:
        """End what is still in flight as interrupted, and write what can be written."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
        self._returned += self._slots.give_back()
        if self._finished or self._returned:
            await self._turn(claim=False)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
