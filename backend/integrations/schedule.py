"""When tokens are refreshed, and how long to wait after a failure. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

NEVER: Final = "never"
_SHARE: Final = 0.2  # of its life that a token has left when it is refreshed
_LEAST: Final = timedelta(seconds=60)
_MOST: Final = timedelta(minutes=15)
_FIRST_WAIT: Final = timedelta(seconds=15)
_LONGEST_WAIT: Final = timedelta(minutes=30)
# A call begins with a token that is good for this long yet.
SLACK: Final = timedelta(seconds=20)


def refresh_at(kind: str, expires_at: datetime | None, now: datetime) -> datetime | None:
    """When a token that ends at `expires_at` is refreshed: with a fifth of its life left, a minute to a quarter of an hour ahead.

    Of very short ones at half their life. None for those that nothing is to be done about.
    """
    if kind == NEVER or expires_at is None:
        return None
    life = expires_at - now
    margin = min(max(life * _SHARE, _LEAST), _MOST, life / 2)
    return expires_at - max(margin, timedelta(0))


def is_stale(kind: str, expires_at: datetime | None, now: datetime) -> bool:
    """Whether a token must be refreshed before the next call."""
    return kind != NEVER and expires_at is not None and expires_at - now < SLACK


def retry_at(failures: int, retry_after: float | None, now: datetime) -> datetime:
    """When a refresh that failed for the `failures`-th time in a row is tried again; not before the provider allows it."""
    wait = min(_FIRST_WAIT * 2 ** min(max(failures - 1, 0), 10), _LONGEST_WAIT)
    return now + max(wait, timedelta(seconds=retry_after or 0))
