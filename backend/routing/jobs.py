"""What workers and cron run for routes."""

from __future__ import annotations

from backend.core import queue
from backend.routing import running


def work() -> None:
    """Carry out the runs that are due. By a jobs worker."""
    running.work()


def tend() -> None:
    """Have a worker carry out what is due and nobody was told of, a dead worker's too. Every 2 s, by one cron process at a time."""
    running.free_left_behind()
    if running.is_any_ready():
        queue.wake_routes()
