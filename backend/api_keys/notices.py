"""Operational events about keys, each published once: an end that comes near or has come, what is due, limits, unusual use.

Finding reads only; what was found and not yet published is published in a transaction of its own with a note of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete
from sqlmodel import Session, col, select

from backend.api_keys import due, queries, signals
from backend.api_keys.rules import windows
from backend.api_keys.signals import Signal
from backend.core import actor as actors
from backend.core import clock, ids, outbox
from backend.logs import usage
from backend.logs.batches import starts_at
from backend.logs.usage import CallerHour
from backend.models import ApiKey, ApiKeyNotice, ApiKeySecret, Workspace

ACTOR_NAME: Final = "key watch"
KEPT: Final = timedelta(days=400)
REMIND_EVERY: Final = timedelta(days=30)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """An event to be published; `mark` tells one occasion of its kind from the next."""

    key: ApiKey
    kind: str
    mark: str
    data: dict[str, Any]


def reminders(session: Session, *, now: datetime) -> list[Notice]:
    """What the keys of every workspace ask for by the calendar: their end, their rotation, no use."""
    found: list[Notice] = []
    after = ""
    while keys := queries.to_be_told(session, now=now, after=after):
        secrets = _newest_first(session, keys)
        found.extend(notice for key in keys for notice in _of_calendar(key, secrets[key.id], now))
        after = keys[-1].id
    return _untold(session, found)


def limits(session: Session, *, now: datetime) -> list[Notice]:
    """The keys that ran into a limit in this hour or the one before."""
    found: list[Notice] = []
    for workspace_id in _workspaces(session):
        hours = [hour for hour in usage.busy(session, workspace_id=workspace_id, since=starts_at(now - _HOUR, usage.HOUR)) if hour.limited]
        keys = _keys(session, workspace_id, hours)
        found.extend(_of_limit(session, keys[hour.caller_id], hour) for hour in hours if hour.caller_id in keys)
    return _untold(session, found)


def unusual(session: Session, *, now: datetime) -> list[Notice]:
    """The keys whose use in the last hour was unusual."""
    found: list[Notice] = []
    for workspace_id in _workspaces(session):
        hours = usage.busy(session, workspace_id=workspace_id, since=starts_at(now - _HOUR, usage.HOUR))
        keys = _keys(session, workspace_id, hours)
        for key in keys.values():
            busiest = max((hour for hour in hours if hour.caller_id == key.id), key=lambda hour: hour.total)
            for signal in _signals(session, key, busiest, now):
                data = {"signal": signal.name, **signal.facts}
                found.append(Notice(key, "api_key.unusual_activity", f"{signal.name}/{now.date()}", data))
    return _untold(session, found)


def publish(session: Session, notices: Iterable[Notice]) -> int:
    """Publish what has not been published yet, and note it; how many it was. One at a time is at work, under the lock of cron."""
    now, fresh = clock.now(), _untold(session, list(notices))
    secrets = _newest_first(session, [notice.key for notice in fresh])
    for notice in fresh:
        key = notice.key
        newest = secrets[key.id][0] if secrets[key.id] else None
        session.add(
            ApiKeyNotice(
                id=ids.new("not"), created_at=now, workspace_id=key.workspace_id, api_key_id=key.id, kind=notice.kind, mark=notice.mark
            )
        )
        data = {"api_key_id": key.id, "name": key.name, "key_prefix": newest.prefix if newest else "", **notice.data}
        outbox.emit(session, actor=actors.system(key.workspace_id, ACTOR_NAME), type=notice.kind, data=data)
    return len(fresh)


def forget(session: Session, *, now: datetime) -> None:
    """Forget what was published more than 400 days ago."""
    session.exec(delete(ApiKeyNotice).where(col(ApiKeyNotice.created_at) < now - KEPT))


def _of_calendar(key: ApiKey, secrets: Sequence[ApiKeySecret], now: datetime) -> Iterator[Notice]:
    used = {"last_used_at": clock.rfc3339(key.last_used_at) if key.last_used_at else None}
    end = key.expires_at
    if end is not None and end <= now:
        yield Notice(key, "api_key.expired", clock.rfc3339(end), {"expires_at": clock.rfc3339(end), **used})
        return
    if end is not None and (days := due.warning(key, now)) is not None:
        left = {"expires_at": clock.rfc3339(end), "days_left": math.ceil((end - now) / timedelta(days=1))}
        yield Notice(key, "api_key.expiring", f"{clock.rfc3339(end)}/{days}", {**left, **used})
    at = due.rotation_due(key, secrets)
    if at is not None and at <= now:
        mark = f"rotation/{clock.rfc3339(at)}/{(now - at) // REMIND_EVERY}"
        yield Notice(key, "api_key.due", mark, {"reason": "rotation", "since": clock.rfc3339(at), **used})
    since = due.unused_since(key, now)
    if since is not None:
        yield Notice(key, "api_key.due", f"unused/{clock.rfc3339(since)}", {"reason": "unused", "since": clock.rfc3339(since), **used})


def _of_limit(session: Session, key: ApiKey, hour: CallerHour) -> Notice:
    seen = usage.latest(session, workspace_id=key.workspace_id, caller_id=key.id, since=hour.starts_at, until=hour.starts_at + _HOUR)
    name = next((each.limit_name for each in seen if each.refusal == "rate_limit"), None)
    known = {window.name: window.limit for window in windows(key.limit_per_minute, key.limit_per_hour, key.limit_per_day)}
    begun = clock.rfc3339(hour.starts_at)
    return Notice(
        key, "rate_limit.exceeded", begun, {"limit": name, "allowed": known.get(name or ""), "refused": hour.limited, "hour": begun}
    )


def _signals(session: Session, key: ApiKey, busiest: CallerHour, now: datetime) -> Iterator[Signal]:
    whose: Any = {"workspace_id": key.workspace_id, "caller_id": key.id}
    if busiest.total >= signals.LEAST_REQUESTS:
        before = usage.hours_of(session, **whose, since=busiest.starts_at - signals.HISTORY, until=busiest.starts_at)
        if (rate := signals.unusual_rate(busiest.total, before)) is not None:
            yield rate
    recent = usage.latest(session, **whose, since=now - signals.NETWORK_WINDOW)
    if (denials := signals.repeated_denials(recent, now)) is not None:
        yield denials
    # The log is asked what was before only of those who came from several networks.
    if len({signals.network_of(seen.ip) for seen in recent}) >= signals.NEW_NETWORKS:
        earlier = usage.latest(session, **whose, until=now - signals.NETWORK_WINDOW)
        if (networks := signals.new_networks(recent, earlier)) is not None:
            yield networks


def _untold(session: Session, notices: list[Notice]) -> list[Notice]:
    told: set[tuple[str, str, str]] = set()
    key_ids = sorted({notice.key.id for notice in notices})
    for start in range(0, len(key_ids), queries.MOST_DUE):
        told |= queries.told(session, key_ids[start : start + queries.MOST_DUE])
    return [notice for notice in notices if (notice.key.id, notice.kind, notice.mark) not in told]


def _newest_first(session: Session, keys: Iterable[ApiKey]) -> dict[str, list[ApiKeySecret]]:
    found: dict[str, list[ApiKeySecret]] = {key.id: [] for key in keys}
    query = select(ApiKeySecret).where(col(ApiKeySecret.api_key_id).in_(list(found))).order_by(col(ApiKeySecret.id).desc())
    for secret in session.exec(query).all():
        found[secret.api_key_id].append(secret)
    return found


def _keys(session: Session, workspace_id: str, hours: Iterable[CallerHour]) -> dict[str, ApiKey]:
    callers = sorted({hour.caller_id for hour in hours if ids.is_id(hour.caller_id, "key")})
    found: dict[str, ApiKey] = {}
    for start in range(0, len(callers), queries.MOST_DUE):
        keys = queries.by_ids(session, workspace_id=workspace_id, key_ids=callers[start : start + queries.MOST_DUE])
        found.update({key.id: key for key in keys})
    return found


def _workspaces(session: Session) -> Sequence[str]:
    return session.exec(select(Workspace.id).order_by(col(Workspace.id))).all()
