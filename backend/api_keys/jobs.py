"""What cron does for keys: it tells what is due, who ran into a limit, and what is unusual. Each event is published once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlmodel import Session

from backend.api_keys import notices
from backend.api_keys.notices import Notice
from backend.core import clock, db
from backend.core.logging import logger

_BATCH: Final = 100  # events in one transaction: others write in between
_log = logger(__name__)


def remind() -> None:
    """Publish `api_key.expiring`, `api_key.expired` and `api_key.due`. Idempotent."""
    now = clock.now()
    _tell(lambda session: notices.reminders(session, now=now))
    _forget(now)


def note_limits() -> None:
    """Publish `rate_limit.exceeded`, once an hour for each key. Idempotent."""
    now = clock.now()
    _tell(lambda session: notices.limits(session, now=now))


def watch() -> None:
    """Publish `api_key.unusual_activity`, once a day for each key and signal. Idempotent."""
    now = clock.now()
    _tell(lambda session: notices.unusual(session, now=now))


def _tell(find: Callable[[Session], list[Notice]]) -> None:
    with db.transaction() as session:
        found = find(session)
    published = 0
    by_workspace = sorted(found, key=lambda notice: (notice.key.workspace_id, notice.key.id))
    for _, group in groupby(by_workspace, key=lambda notice: notice.key.workspace_id):
        waiting = list(group)
        for start in range(0, len(waiting), _BATCH):
            with db.transaction(write=True) as session:
                published += notices.publish(session, waiting[start : start + _BATCH])
    if published:
        _log.info("api_keys.told", events=published)


def _forget(now: datetime) -> None:
    with db.transaction(write=True) as session:
        notices.forget(session, now=now)
