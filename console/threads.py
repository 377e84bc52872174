"""Owns the console's two database threads, and the few for work that waits for the network."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from sqlmodel import Session

from backend.core.db import transaction

Result = TypeVar("Result")


@dataclass(slots=True)
class _Threads:
    """What one event loop may use at a time; only one thread waits for SQLite's one writer."""

    database: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))
    waiting: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))
    writer: asyncio.Lock = field(default_factory=asyncio.Lock)


_of_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Threads] = weakref.WeakKeyDictionary()


async def in_transaction(work: Callable[[Session], Result], *, write: bool = False) -> Result:
    """Run `work(session)` in one of two threads and one transaction; raises what it raises, and `Unavailable`."""
    threads = _threads()

    def run() -> Result:
        with transaction(write=write) as session:
            return work(session)

    if not write:
        return await anyio.to_thread.run_sync(run, limiter=threads.database)
    async with threads.writer:
        return await anyio.to_thread.run_sync(run, limiter=threads.database)


async def waiting(work: Callable[..., Result], *args: object) -> Result:
    """Run what waits for the network (name look-ups) in a thread that holds no database connection."""
    return await anyio.to_thread.run_sync(partial(work, *args), limiter=_threads().waiting)


def _threads() -> _Threads:
    return _of_loop.setdefault(asyncio.get_running_loop(), _Threads())
