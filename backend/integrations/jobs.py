"""What workers and cron run for integrations."""

from __future__ import annotations

from backend.core import queue
from backend.integrations import refreshing, syncing, turns

_REFRESH = "backend.integrations.jobs.refresh_due"


def run_sync(sync_id: str) -> None:
    """Go on with a sync. By a jobs worker."""
    syncing.run(sync_id)


def refresh_due() -> None:
    """Refresh every token that is due. By a jobs worker."""
    refreshing.refresh_due()


def tend() -> None:
    """Hand what is due to the workers: tokens to refresh, syncs that nobody runs. Every 5 s, by one cron process at a time."""
    if refreshing.is_any_due():
        queue.enqueue(queue.JOBS, _REFRESH)
    turns.offer_waiting()
