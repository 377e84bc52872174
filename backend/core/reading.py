"""Short reads that arrive together share one thread and one transaction, as publishing shares a commit.

Handing a read of some microseconds to a thread and opening a transaction for it costs several times the read. While one group
is read the next gathers, so a read waits for two groups at most, and is of a moment after it was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from sqlmodel import Session

from backend.core import web
from backend.core.errors import CrossdockError

MAX_GROUP: Final = 32
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Callable[[Session], Any]
    future: asyncio.Future[Any]


class _Group:
    """What waits on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.waiting: list[_Waiting] = []
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Read group after group until nobody waits."""
        while self.waiting:
            group, self.waiting = self.waiting[:MAX_GROUP], self.waiting[MAX_GROUP:]
            try:
                results = await web.in_transaction(_read, group=group)
            except Exception as error:  # noqa: BLE001 - the database is away, say: each is told so
                results = cast("list[Any]", [error] * len(group))
            for one, result in zip(group, results, strict=True):
                if one.future.cancelled():
                    continue
                if isinstance(result, Exception):
                    one.future.set_exception(result)
                else:
                    one.future.set_result(result)
        self.task = None


_group: _Group | None = None


async def together(work: Callable[[Session], Result]) -> Result:
    """The result of `work`, a read of well under a millisecond, together with the others that wait. Raises what it raises."""
    global _group
    loop = asyncio.get_running_loop()
    if _group is None or _group.loop is not loop:
        _group = _Group(loop)
    future: asyncio.Future[Any] = loop.create_future()
    _group.waiting.append(_Waiting(work, future))
    if _group.task is None:
        _group.task = loop.create_task(_group.run(), name="reading")
    return await future


def _read(session: Session, *, group: Sequence[_Waiting]) -> list[Any]:
    results: list[Any] = []
    for one in group:
        try:
            results.append(one.work(session))
        except CrossdockError as error:
            results.append(error)
    return results
