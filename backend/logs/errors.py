"""The log of errors: what went wrong on our side or at a receiver, written where it happens and kept for who looks after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, insert, or_
from sqlmodel import Session, col, select

from backend.core import clock, ids, pagination, permissions, redaction, texts
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid, NotFound
from backend.core.pagination import Sought
from backend.models import ErrorEntry

ID_PREFIX: Final = "err"
INSTANCE: Final = "instance"  # instead of a workspace's id, of what concerns none


class Severity(StrEnum):
    """How bad it is: to be known, to be looked at, to be acted on now."""

    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that went wrong. `detail` holds ids, words and numbers; never a payload, a token or a header."""

    severity: Severity
    kind: str
    message: str
    workspace_id: str = INSTANCE
    target_kind: str = ""
    target_id: str = ""
    trace_id: str = ""
    detail: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFilter:
    """Which errors are meant; None does not restrict. `until` is exclusive. `instance`: those of no workspace."""

    severity: str | None = None
    kind: str | None = None
    target_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None
    instance: bool = False


def record(session: Session, problems: Sequence[Problem]) -> None:
    """Note problems in this transaction."""
    if problems:
        session.exec(insert(ErrorEntry), params=[_row(problem) for problem in problems])


def list_errors(
    session: Session, *, actor: Actor, wanted: ErrorFilter, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[ErrorEntry]:
    """Errors, newest first. Raises as `sought` does."""
    return pagination.sift(session, sought(actor, wanted), limit=limit, cursor=cursor)


def tail_errors(
    session: Session, *, actor: Actor, wanted: ErrorFilter, cursor: str, limit: int = pagination.DEFAULT_LIMIT
) -> pagination.Tail[ErrorEntry]:
    """What was added since `cursor`, oldest first. Raises as `sought` does."""
    return pagination.follow(session, sought(actor, wanted), limit=limit, cursor=cursor)


def sought(actor: Actor, wanted: ErrorFilter) -> Sought[ErrorEntry]:
    """The errors that a filter means. Raises `Invalid`, and `Forbidden` for the instance's unless a super administrator asks."""
    permissions.require(actor, permissions.LOGS_READ)
    if wanted.instance:
        permissions.require(actor, permissions.INSTANCE_READ)
    query = select(ErrorEntry).where(ErrorEntry.workspace_id == (INSTANCE if wanted.instance else actor.workspace_id))
    if wanted.severity:
        query = query.where(ErrorEntry.severity == _severity(wanted.severity))
    query = query.where(*pagination.between(col(ErrorEntry.id), ID_PREFIX, wanted.since, wanted.until))
    q = (wanted.q or "").strip()
    conditions = [
        *([col(ErrorEntry.kind) == wanted.kind] if wanted.kind else []),
        *([col(ErrorEntry.target_id) == wanted.target_id] if wanted.target_id else []),
        *([_matches(q)] if q else []),
    ]
    return Sought(query, conditions, col(ErrorEntry.id), ID_PREFIX)


def get_error(session: Session, *, actor: Actor, error_id: str) -> ErrorEntry:
    """One error of the workspace; of the instance for super administrators. Raises `NotFound`."""
    permissions.require(actor, permissions.LOGS_READ)
    places = [actor.workspace_id, *([INSTANCE] if permissions.allows(actor, permissions.INSTANCE_READ) else [])]
    found = session.exec(select(ErrorEntry).where(col(ErrorEntry.workspace_id).in_(places), ErrorEntry.id == error_id)).first()
    if found is None:
        raise NotFound(f"There is no error {error_id} in this workspace's log. It may be older than the log is kept.")
    return found


def _matches(q: str) -> ColumnElement[bool]:
    return or_(
        col(ErrorEntry.id) == q,
        col(ErrorEntry.target_id) == q,
        col(ErrorEntry.trace_id) == q,
        col(ErrorEntry.message).icontains(q, autoescape=True),
    )


def _severity(word: str) -> Severity:
    try:
        return Severity(word.strip().lower())
    except ValueError:
        known = ", ".join(Severity)
        raise Invalid(FieldError("severity", f"{word[:40]!r} is no severity.", f"Use one of {known}.")) from None


def _row(problem: Problem) -> dict[str, Any]:
    return {
        "id": ids.new(ID_PREFIX),
        "created_at": clock.now(),
        "workspace_id": problem.workspace_id,
        "severity": problem.severity.value,
        "kind": problem.kind,
        "message": texts.storable(redaction.text(problem.message))[:1000],
        "target_kind": problem.target_kind,
        "target_id": problem.target_id[:200],
        "trace_id": problem.trace_id,
        "detail": problem.detail or {},
    }
