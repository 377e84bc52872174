"""What follows a run that failed: waiting for its integration, another try, or the end. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backend.integrations import catalogue
from backend.integrations.failures import Failure, Kind
from backend.integrations.timeline import Status
from backend.models import Integration
from backend.webhooks import policy

# As deliveries are retried, by the same delays.
POLICY: Final = policy.RetryPolicy()
# For as long as all those delays take, a run waits for an integration that is disabled or not connected.
LONGEST_WAIT: Final = timedelta(seconds=sum(POLICY.delays))
LOOK_AGAIN: Final = timedelta(seconds=30)
_MOST_WAIT: Final = policy.DAY


@dataclass(frozen=True, slots=True)
class Again:
    """Try the run again at `at`; nothing else goes along the lane before `lane_until`."""

    at: datetime
    lane_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The integration is no longer connected: its lane is held, and the run waits without losing a try."""


@dataclass(frozen=True, slots=True)
class End:
    """The run has failed for good."""


def after(failure: Failure, failures: int, now: datetime, rng: random.Random) -> Again | Wait | End:
    """What follows the `failures`-th failure of a run in a row. A 429 holds the whole lane, for as long as the provider asks."""
    if failure.ends:
        return Wait()
    delay = policy.delay(POLICY, failures, rng) if failure.passes else None
    if delay is None:
        return End()
    asked = min(failure.retry_after or 0.0, _MOST_WAIT)
    if failure.kind is Kind.RATE_LIMITED:
        asked = max(asked, policy.THROTTLED_PAUSE)
    until = now + timedelta(seconds=asked) if asked else None
    at = now + timedelta(seconds=delay)
    return Again(max(at, until) if until is not None else at, until)


def hold(row: Integration, now: datetime) -> tuple[Failure, datetime] | None:
    """Why nothing may be sent by an integration now, and when to look again; None if it may."""
    if row.disabled_at is not None:
        return Failure(Kind.SETTINGS, f"{row.name} is disabled.", "Enable the integration; what waits is sent then."), now + LOOK_AGAIN
    if row.status == Status.NEEDS_RECONNECT:
        reason = row.status_reason or f"{row.name} is no longer connected."
        return Failure(Kind.INVALID_GRANT, reason, row.next_step or "Press Reconnect and allow access again."), now + LOOK_AGAIN
    if row.connected_at is None and catalogue.get(row.provider).auth_of(row.auth).signs_in:
        return Failure(Kind.SETTINGS, f"{row.name} has not been connected yet.", "Press Connect to sign in."), now + LOOK_AGAIN
    if row.blocked_until is not None and row.blocked_until > now:
        told = f"{row.name} asked to wait until {row.blocked_until:%H:%M:%S} UTC."
        return Failure(Kind.RATE_LIMITED, told, "Nothing to do: it goes on when the provider allows it."), row.blocked_until
    return None
