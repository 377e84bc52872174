"""What the workers run: the shift of a deliver worker, and the sweep that repairs what was left behind."""

from __future__ import annotations

import asyncio
import threading
import time

from backend.core import lifecycle, queue
from backend.core.egress import EgressPolicy
from backend.core.errors import Unavailable
from backend.core.logging import logger
from backend.deliveries import sweep as sweeping
from backend.deliveries.engine import Report, Shift
from backend.deliveries.sender import Sender
from backend.deliveries.store import Store
from backend.runs import service as runs
from backend.settings import settings

_log = logger(__name__)
_at_work = threading.Lock()
_reached_since: float | None = None  # when the sweeps of this process began to reach the database, monotonic


def run_shift() -> None:
    """One delivery shift, about a minute long. A surplus one, while another runs in this process, returns at once."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        queue.enqueue_shift()  # for the next worker that is idle, or for this one afterwards
        sweeping.free_dead_neighbours()
        report = asyncio.run(_shift())
    finally:
        _at_work.release()
    _log.info("shift.ended", claimed=report.claimed, sent=report.sent, turns=report.turns)


def sweep() -> None:
    """Free what silent runs hold, repair lanes, wake the shifts. Every 5 s, by one cron process at a time.

    After an outage of the database every run looks silent; the living ones are given the time to be heard again.
    """
    global _reached_since
    now = time.monotonic()
    try:
        sweeping.sweep(gives_up=_reached_since is not None and now - _reached_since >= runs.SILENCE.total_seconds())
    except Unavailable:
        _reached_since = None
        raise
    if _reached_since is None:
        _reached_since = now


async def _shift() -> Report:
    sender = Sender(EgressPolicy.from_settings(settings()))
    shift = Shift(Store(runs.current), sender)
    loop = asyncio.get_running_loop()
    try:
        with lifecycle.on_stop(lambda: loop.call_soon_threadsafe(shift.stop)):
            return await shift.run()
    finally:
        await sender.close()
        await queue.close_async()
