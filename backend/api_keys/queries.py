"""The SQL of API keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, or_, true
from sqlmodel import Session, col, select

from backend.api_keys import due
from backend.api_keys.rules import KeyState, KeyStatus
from backend.core import pagination
from backend.models import ApiKey, ApiKeyNotice, ApiKeySecret, Membership, Module, User

MOST_DUE: Final = 1000
# How long after its end an expired key is still told of, should nobody have been there to tell it.
EXPIRED_TOLD: Final = timedelta(days=7)


def find(session: Session, *, workspace_id: str, key_id: str, lock: bool = False) -> ApiKey | None:
    """A key of the workspace; `lock` keeps others from changing it until the transaction ends."""
    query = select(ApiKey).where(ApiKey.workspace_id == workspace_id, ApiKey.id == key_id)
    if lock:
        query = query.with_for_update()
    return session.exec(query).first()


def page(
    session: Session,
    *,
    workspace_id: str,
    status: KeyStatus | None,
    everything: bool,
    q: str | None,
    caller_id: str | None,
    now: datetime,
    limit: int,
    cursor: str | None,
) -> pagination.Page[ApiKey]:
    """Keys of the workspace, newest first; without a status, those that are not revoked unless `everything` is asked for.

    With `caller_id` those only that it owns or has made.
    """
    query = select(ApiKey).where(ApiKey.workspace_id == workspace_id)
    if status is not None:
        query = query.where(has_status(status, now))
    elif not everything:
        query = query.where(ApiKey.state != KeyState.REVOKED)
    if caller_id is not None:
        query = query.where(or_(col(ApiKey.owner_id) == caller_id, col(ApiKey.created_by) == caller_id))
    if q:
        query = query.where(_matches(q))
    return pagination.fetch(session, query, col(ApiKey.id), limit=limit, cursor=cursor)


def limited(session: Session, *, workspace_id: str, now: datetime, limit: int, cursor: str | None) -> pagination.Page[ApiKey]:
    """Active keys of the workspace that have a limit, newest first."""
    limits = (ApiKey.limit_per_minute, ApiKey.limit_per_hour, ApiKey.limit_per_day)
    query = select(ApiKey).where(
        ApiKey.workspace_id == workspace_id,
        has_status(KeyStatus.ACTIVE, now),
        or_(*(col(each).is_not(None) for each in limits)),
    )
    return pagination.fetch(session, query, col(ApiKey.id), limit=limit, cursor=cursor)


def count_by_status(session: Session, *, workspace_id: str, now: datetime) -> dict[KeyStatus, int]:
    """How many keys of the workspace have each status."""
    status = case(
        (has_status(KeyStatus.EXPIRED, now), KeyStatus.EXPIRED.value),
        else_=col(ApiKey.state),
    )
    rows = session.exec(select(status, func.count()).where(ApiKey.workspace_id == workspace_id).group_by(status)).all()
    return {KeyStatus.ACTIVE: 0, KeyStatus.DISABLED: 0, KeyStatus.EXPIRED: 0, KeyStatus.REVOKED: 0} | {
        KeyStatus(name): number for name, number in rows
    }


def secrets_of(session: Session, *, workspace_id: str, key_ids: Sequence[str]) -> list[ApiKeySecret]:
    """Every secret of these keys, newest first."""
    query = select(ApiKeySecret).where(ApiKeySecret.workspace_id == workspace_id, col(ApiKeySecret.api_key_id).in_(key_ids))
    return list(session.exec(query.order_by(col(ApiKeySecret.id).desc())).all())


def secret_by_macs(session: Session, macs: Sequence[str]) -> tuple[ApiKeySecret, ApiKey] | None:
    """The secret with one of these MACs, in whichever workspace, and its key."""
    query = select(ApiKeySecret, ApiKey).join(ApiKey, col(ApiKey.id) == col(ApiKeySecret.api_key_id)).where(col(ApiKeySecret.mac).in_(macs))
    found = session.exec(query).first()
    return (found[0], found[1]) if found is not None else None


def perhaps_due(session: Session, *, workspace_id: str, now: datetime) -> list[ApiKey]:
    """The active keys of the workspace of which one of `due.reasons` may hold; the first thousand."""
    overlapping = select(ApiKeySecret.api_key_id).where(ApiKeySecret.workspace_id == workspace_id, col(ApiKeySecret.expires_at) > now)
    query = select(ApiKey).where(
        ApiKey.workspace_id == workspace_id,
        has_status(KeyStatus.ACTIVE, now),
        or_(
            col(ApiKey.expires_at) <= now + timedelta(days=due.WARN_DAYS[0]),
            col(ApiKey.rotate_every_days).is_not(None),
            func.coalesce(ApiKey.last_used_at, ApiKey.created_at) <= now - due.UNUSED,
            col(ApiKey.id).in_(overlapping),
        ),
    )
    return list(session.exec(query.order_by(col(ApiKey.id)).limit(MOST_DUE)).all())


def to_be_told(session: Session, *, now: datetime, after: str) -> list[ApiKey]:
    """Active keys of every workspace of which something may have to be told, in order of id, a thousand after the id `after`."""
    query = select(ApiKey).where(
        ApiKey.state == KeyState.ACTIVE,
        col(ApiKey.id) > after,
        or_(
            col(ApiKey.expires_at).between(now - EXPIRED_TOLD, now + timedelta(days=due.WARN_DAYS[0])),
            col(ApiKey.rotate_every_days).is_not(None),
            func.coalesce(ApiKey.last_used_at, ApiKey.created_at) <= now - due.UNUSED,
        ),
    )
    return list(session.exec(query.order_by(col(ApiKey.id)).limit(MOST_DUE)).all())


def told(session: Session, key_ids: Collection[str]) -> set[tuple[str, str, str]]:
    """What was published about these keys: key, kind and mark."""
    query = select(ApiKeyNotice.api_key_id, ApiKeyNotice.kind, ApiKeyNotice.mark).where(col(ApiKeyNotice.api_key_id).in_(key_ids))
    return {(key_id, kind, mark) for key_id, kind, mark in session.exec(query).all()}


def by_ids(session: Session, *, workspace_id: str, key_ids: Collection[str]) -> list[ApiKey]:
    """Those of these keys that are the workspace's."""
    return list(session.exec(select(ApiKey).where(ApiKey.workspace_id == workspace_id, col(ApiKey.id).in_(key_ids))).all())


def owner_of(session: Session, key: ApiKey) -> User | None:
    """Whose key it is, while they belong to its workspace."""
    query = select(User).join(Membership, col(Membership.user_id) == User.id)
    return session.exec(query.where(Membership.workspace_id == key.workspace_id, col(User.id) == key.owner_id)).first()


def is_member(session: Session, *, workspace_id: str, user_id: str) -> bool:
    """Whether the user belongs to the workspace."""
    query = select(Membership.id).where(Membership.workspace_id == workspace_id, Membership.user_id == user_id)
    return session.exec(query).first() is not None


def has_status(status: KeyStatus, now: datetime) -> ColumnElement[bool]:
    """The condition under which a key has a status at `now`."""
    if status is KeyStatus.ACTIVE:
        return and_(col(ApiKey.state) == KeyState.ACTIVE, or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > now))
    if status is KeyStatus.EXPIRED:
        return and_(col(ApiKey.state) == KeyState.ACTIVE, col(ApiKey.expires_at) <= now)
    return and_(col(ApiKey.state) == status.value, true())


def _matches(q: str) -> ColumnElement[bool]:
    """Whether a key has `q` in its name or description, or as its id, its older id, or the beginning of a secret."""
    by_prefix = select(ApiKeySecret.api_key_id).where(
        col(ApiKeySecret.workspace_id) == col(ApiKey.workspace_id),
        col(ApiKeySecret.prefix).startswith(q[:8], autoescape=True),
    )
    conditions = [
        col(ApiKey.name).icontains(q, autoescape=True),
        col(ApiKey.description).icontains(q, autoescape=True),
        col(ApiKey.id) == q,
        col(ApiKey.external_ref) == q,
    ]
    if q.startswith("xdk_"):
        conditions.append(col(ApiKey.id).in_(by_prefix))
    return or_(*conditions)


def module_names(session: Session, *, workspace_id: str) -> frozenset[str]:
    """The names of the workspace's modules, which are resources of scopes."""
    query = select(Module.name).where(Module.workspace_id == workspace_id, col(Module.deleted_at).is_(None))
    return frozenset(session.exec(query).all())
