"""Keeps tokens alive: one refresh at a time over all processes, and a lost race never harms a good token.

Whoever wants to refresh takes the integration's lease by name, asks the provider with no transaction open, and stores the answer only
over the version of the tokens that it started from. The lease outlasts every answer that is waited for. One that is left behind says
that a process ended between the provider's answer and our storing it: the next one says so on the timeline and tries once more.
"""

from __future__ import annotations

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, or_, update
from sqlmodel import Session, col, select

from backend.core import clock, db, ids, lifecycle
from backend.core.errors import NotFound, Unavailable
from backend.core.logging import logger
from backend.integrations import connection, failures, oauth, schedule, timeline, vault
from backend.integrations.connection import Connection
from backend.integrations.failures import Failure, Kind, ProviderFailed
from backend.integrations.oauth import Granted
from backend.models import Integration

LEASE: Final = timedelta(seconds=60)
_WAIT_SECONDS: Final = 75.0  # for somebody else's refresh: the lease, and a little
_POLL_SECONDS: Final = 0.05
_STORE_SECONDS: Final = 45.0
_STORE_AGAIN_SECONDS: Final = 0.5
_AHEAD: Final = timedelta(seconds=60)  # what is handed to a worker is not handed out again before
_BATCH: Final = 100
_THREADS: Final = 8

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A refresh that this caller alone may make. `cut_off_at`: when the one before it began, whose answer was lost."""

    connection: Connection
    owner: str
    cut_off_at: datetime | None


def ready(workspace_id: str, integration_id: str, *, after: int | None = None) -> Connection:
    """The connection with an access token that is good for a call; refreshed if it ends soon.

    With `after`, one of a later version than that: the provider did not take it. Raises `ProviderFailed`, `NotFound`. Must be called
    with no transaction open.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        with db.transaction() as session:
            row = _row(session, workspace_id, integration_id)
            found = connection.of(session, row)
            is_good = bool(found.tokens.get("access_token")) or found.refresh_class == schedule.NEVER
            is_stale = schedule.is_stale(found.refresh_class, found.expires_at, clock.now())
            is_taken = row.refresh_owner is not None and (row.refresh_lease_until or clock.now()) > clock.now()
            over = _over(row) or _held(row)
        if is_good and not is_stale and (after is None or found.tokens_at > after):
            return found
        if over is not None:
            raise over
        if found.refresh_class == schedule.NEVER:
            return found
        if not is_taken and (turn := _take(workspace_id, integration_id, found.tokens_at)) is not None:
            return _refresh(turn)
        if time.monotonic() > deadline or lifecycle.wait(_POLL_SECONDS):
            raise failures.failed(Kind.TIMEOUT, "Another process has been refreshing this connection for too long.")


def refresh(workspace_id: str, integration_id: str) -> Connection:
    """Refresh now, whether it is due or not; with somebody else's refresh if there is one under way. Raises as `ready`."""
    with db.transaction() as session:
        version = _row(session, workspace_id, integration_id).token_version
    return ready(workspace_id, integration_id, after=version)


def refresh_due() -> int:
    """Refresh what is due, several at a time; how many were tried."""
    now = clock.now()
    with db.transaction() as session:
        query = select(Integration.workspace_id, Integration.id, Integration.token_version).where(*_due(now))
        due = session.exec(query.order_by(col(Integration.refresh_at)).limit(_BATCH)).all()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="refresh") as threads:
        for workspace_id, identifier, version in due:
            threads.submit(_refresh_quietly, workspace_id, identifier, version)
    return len(due)


def is_any_due() -> bool:
    """Whether anything is due."""
    with db.transaction() as session:
        return session.exec(select(Integration.id).where(*_due(clock.now())).limit(1)).first() is not None


def keep(session: Session, row: Integration, found: Connection, granted: Granted) -> None:
    """Store new tokens and what follows from them, in this transaction."""
    now = clock.now()
    row.refresh_class = oauth.refresh_class(found, granted)
    row.access_expires_at, row.refresh_expires_at = granted.expires_at, granted.refresh_expires_at
    row.refresh_at = schedule.refresh_at(row.refresh_class, granted.expires_at, now)
    row.refresh_failures, row.blocked_until = 0, None
    row.refresh_owner, row.refresh_lease_until, row.refresh_started_at = None, None, None
    vault.store(session, row, vault.TOKENS, granted.tokens(found.tokens))
    timeline.well(row)
    _compare_scopes(session, row, granted)
    row.updated_at = now


def _due(now: datetime) -> list[ColumnElement[bool]]:
    return [
        col(Integration.refresh_at).is_not(None),
        col(Integration.refresh_at) <= now,
        col(Integration.disabled_at).is_(None),
        col(Integration.deleted_at).is_(None),
        col(Integration.status).in_((timeline.Status.ACTIVE, timeline.Status.ERROR)),
    ]


def _row(session: Session, workspace_id: str, integration_id: str) -> Integration:
    query = select(Integration).where(
        Integration.id == integration_id, Integration.workspace_id == workspace_id, col(Integration.deleted_at).is_(None)
    )
    found = session.exec(query).first()
    if found is None:
        raise NotFound("There is no such integration in this workspace. GET /api/v1/integrations lists them.")
    return found


def _over(row: Integration) -> ProviderFailed | None:
    if row.status != timeline.Status.NEEDS_RECONNECT:
        return None
    kind = Kind(row.error_class) if row.error_class in set(Kind) else Kind.INVALID_GRANT
    return ProviderFailed(Failure(kind, row.status_reason, row.next_step))


def _held(row: Integration) -> ProviderFailed | None:
    wait = (row.blocked_until - clock.now()).total_seconds() if row.blocked_until is not None else 0
    if wait <= 0:
        return None
    return failures.failed(Kind.RATE_LIMITED, f"The provider asked to wait until {_time(row.blocked_until)}.", wait)


def _take(workspace_id: str, integration_id: str, version: int) -> _Turn | None:
    """Take the lease, unless somebody has it or has just refreshed."""
    now, owner = clock.now(), ids.new("own")
    with db.transaction(write=True) as session:
        before = _row(session, workspace_id, integration_id)
        left, began = before.refresh_owner, before.refresh_started_at
        taken = session.connection().execute(
            update(Integration)
            .where(
                col(Integration.id) == integration_id,
                col(Integration.workspace_id) == workspace_id,
                col(Integration.token_version) == version,
                or_(col(Integration.refresh_owner).is_(None), col(Integration.refresh_lease_until) <= now),
            )
            .values(refresh_owner=owner, refresh_lease_until=now + LEASE, refresh_started_at=now, refresh_at=now + LEASE + _AHEAD)
        )
        if taken.rowcount != 1:
            return None
        session.refresh(before)
        if left is not None:
            told = f"A refresh that began at {_time(began)} was cut off before its answer was stored. It is tried once more."
            timeline.note(
                session, before, "refresh_interrupted", told, detail={"began_at": began.isoformat() if began is not None else None}
            )
        return _Turn(connection.of(session, before), owner, began if left is not None else None)


def _refresh(turn: _Turn) -> Connection:
    found = turn.connection
    begun = time.monotonic()
    try:
        granted = oauth.refresh(found)
    except ProviderFailed as error:
        return _settle_failure(turn, found.scrubbed(error))
    except BaseException:
        _release(turn)
        raise
    return _settle_surely(turn, granted, time.monotonic() - begun)


def _settle_surely(turn: _Turn, granted: Granted, seconds: float) -> Connection:
    """Store the answer, and wait for a database that is away: it may hold the only refresh token there is."""
    deadline = time.monotonic() + _STORE_SECONDS
    while True:
        try:
            return _settle(turn, granted, seconds)
        except Unavailable:
            _log.warning("integration.refresh_not_stored_yet", integration=turn.connection.id)
            if time.monotonic() > deadline or lifecycle.wait(_STORE_AGAIN_SECONDS):
                raise


def _settle(turn: _Turn, granted: Granted, seconds: float) -> Connection:
    """Store the answer over the version that was refreshed. Where another is there by now, that is the good one."""
    found = turn.connection
    with db.transaction(write=True) as session:
        is_ours = _claim_version(session, found)
        row = _row(session, found.workspace_id, found.id)
        session.refresh(row)
        if is_ours:
            keep(session, row, found, granted)
            row.refreshed_at = clock.now()
            ends = f", good until {_time(row.access_expires_at)}" if row.access_expires_at else ""
            detail = {"version": row.token_version, "seconds": round(seconds, 3), "rotated": granted.refresh_token is not None}
            timeline.note(session, row, "refreshed", f"The access token was refreshed{ends}.", detail=detail)
        else:
            told = "An answer to a refresh came after other tokens had been stored, or all were forgotten; it was dropped."
            timeline.note(session, row, "refresh_dropped", told)
        session.flush()
        there = connection.of(session, row)
    if not is_ours and not there.tokens:  # disconnected meanwhile: what came must not go on living at the provider
        oauth.revoke(found.with_tokens(granted.tokens(found.tokens)))
    return there


def _settle_failure(turn: _Turn, failure: Failure) -> Connection:
    """Note why there is no new token, and raise it; unless another was stored meanwhile, with which everything is well."""
    found = turn.connection
    with db.transaction(write=True) as session:
        row = _row(session, found.workspace_id, found.id)
        if row.token_version != found.tokens_at:  # somebody else has refreshed or reconnected: theirs is the good one
            return connection.of(session, row)
        if turn.cut_off_at is not None and failure.kind is Kind.INVALID_GRANT:
            told = f"The refresh that began at {_time(turn.cut_off_at)} was cut off before its answer was stored; the token that it gave is lost."
            failure = dataclasses.replace(failure, cause=f"{told} {failure.cause}"[:400])
        now = clock.now()
        row.refresh_owner, row.refresh_lease_until, row.refresh_started_at = None, None, None
        row.refresh_failures += 1
        row.refresh_at = schedule.retry_at(row.refresh_failures, failure.retry_after, now)
        if failure.retry_after:
            timeline.hold(row, failure)
        timeline.note(session, row, "refresh_failed", failure.cause, failure=failure, detail={"in_a_row": row.refresh_failures})
        timeline.ail(session, row, failure)
    raise ProviderFailed(failure)


def _claim_version(session: Session, found: Connection) -> bool:
    """Raise the version of the tokens if it is still the one that was refreshed."""
    statement = (
        update(Integration)
        .where(
            col(Integration.id) == found.id,
            col(Integration.workspace_id) == found.workspace_id,
            col(Integration.token_version) == found.tokens_at,
            col(Integration.deleted_at).is_(None),
        )
        .values(token_version=found.tokens_at + 1)
    )
    return session.connection().execute(statement).rowcount == 1


def _release(turn: _Turn) -> None:
    """Give the lease back: what went wrong is ours, and the provider may not have been asked."""
    with db.transaction(write=True) as session:
        statement = update(Integration).where(col(Integration.id) == turn.connection.id, col(Integration.refresh_owner) == turn.owner)
        session.connection().execute(statement.values(refresh_lease_until=clock.now()))


def _compare_scopes(session: Session, row: Integration, granted: Granted) -> None:
    if granted.scopes is None:
        return
    before = set(row.granted_scopes) if row.granted_scopes is not None else None
    row.granted_scopes = list(granted.scopes)
    lost = sorted((before or set()) - set(granted.scopes))
    if lost:
        told = f"{row.name} no longer has {', '.join(lost)}."
        failure = failures.failed(Kind.SCOPE_MISSING, told).failure
        timeline.note(session, row, "scopes_changed", told, failure=failure, detail={"lost": lost})


def _refresh_quietly(workspace_id: str, integration_id: str, version: int) -> None:
    try:
        ready(workspace_id, integration_id, after=version)
    except (ProviderFailed, NotFound) as error:
        _log.info("integration.refresh_failed", integration=integration_id, error=type(error).__name__)
    except Exception:  # noqa: BLE001 - whatever it was, the others go on, and this one is due again
        _log.exception("integration.refresh_broke", integration=integration_id)


def _time(moment: datetime | None) -> str:
    return f"{moment.day} {moment:%B %Y %H:%M} UTC" if moment is not None else "an unknown time"


def again(stale: Connection) -> Connection:
    """The connection with a newer token than the one that the provider did not take."""
    return ready(stale.workspace_id, stale.id, after=stale.tokens_at)
