"""The reads of deliveries that are more than one row: filtered lists, counts that stop, attempts with their exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import ids, pagination
from backend.core.errors import FieldError, Invalid
from backend.core.pagination import Count
from backend.deliveries import payloads
from backend.deliveries.values import Status
from backend.models import Attempt, AttemptBody, Delivery

_PREFIXES: Final = ("dlv_", "evt_", "whk_", "att_")
_OLDER_WORDS: Final = {
    "pending": (Status.WAITING, Status.SENDING),
    "success": (Status.DELIVERED,),
    "failed": (Status.DEAD,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which deliveries are meant; None does not restrict. `until` is exclusive.

    `before_event`, an id, holds still which payloads `q` looks into: the newest before it.
    """

    webhook_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    kind: str | None = None
    status: str | None = None
    status_code: int | None = None
    error_class: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None
    before_event: str | None = None


def statuses(word: str, *, path: str = "status") -> tuple[Status, ...]:
    """The statuses that a word means, in any case; several are joined by commas. PENDING, SUCCESS and FAILED too.

    Raises `Invalid` for the field at `path`.
    """
    found: list[Status] = []
    for part in word.lower().split(","):
        name = part.strip()
        if name in _OLDER_WORDS:
            found += _OLDER_WORDS[name]
        elif name in list(Status):
            found.append(Status(name))
        else:
            known = ", ".join([*Status, *(word.upper() for word in _OLDER_WORDS), "RETRYING"])
            raise Invalid(FieldError(path, f"{part[:40]!r} is not a status of deliveries.", f"Use one of {known}."))
    return tuple(found)


def matching(workspace_id: str, wanted: Filter) -> SelectOfScalar[Delivery]:
    """The deliveries of a workspace that a filter means. Raises `Invalid`."""
    query = select(Delivery).where(col(Delivery.workspace_id) == workspace_id)
    equal: tuple[tuple[Any, str | int | None], ...] = (
        (col(Delivery.webhook_id), wanted.webhook_id),
        (col(Delivery.event_id), wanted.event_id),
        (col(Delivery.event_type), wanted.event_type),
        (col(Delivery.kind), wanted.kind),
        (col(Delivery.last_status_code), wanted.status_code),
        (col(Delivery.error_class), wanted.error_class),
    )
    for column, value in equal:
        if value is not None and value != "":
            query = query.where(column == value)
    if wanted.status:
        query = query.where(col(Delivery.status).in_([each.value for each in statuses(wanted.status)]))
    if wanted.since:
        query = query.where(col(Delivery.id) >= ids.floor("dlv", int(wanted.since.timestamp() * 1000)))
    if wanted.until:
        query = query.where(col(Delivery.id) < ids.floor("dlv", int(wanted.until.timestamp() * 1000)))
    if wanted.q and wanted.q.strip():
        query = query.where(_found(workspace_id, wanted.q.strip(), wanted.before_event))
    return query


def counts(session: Session, workspace_id: str, wanted: Filter) -> dict[str, Count]:
    """How many of these deliveries there are of each status, and under `all`; each stops at 10,000."""
    within = matching(workspace_id, wanted)
    queries = {"all": within, **{each.value: within.where(col(Delivery.status) == each.value) for each in Status}}
    return {name: pagination.count(session, query, col(Delivery.id)) for name, query in queries.items()}


def attempts(session: Session, delivery_id: str) -> Sequence[tuple[Attempt, AttemptBody | None]]:
    """The attempts of a delivery with what went out and came back, while that is kept; newest first."""
    query = (
        select(Attempt, AttemptBody)
        .join(AttemptBody, col(AttemptBody.attempt_id) == col(Attempt.id), isouter=True)
        .where(col(Attempt.delivery_id) == delivery_id)
        .order_by(col(Attempt.id).desc())
    )
    return session.exec(query).all()


def latest_failures(session: Session, workspace_id: str, limit: int) -> list[Delivery]:
    """The newest deliveries that are dead or failed their last attempt."""
    found: list[Delivery] = []
    for status in (Status.DEAD, Status.RETRYING):
        query = (
            select(Delivery)
            .where(
                col(Delivery.workspace_id) == workspace_id,
                col(Delivery.status) == status.value,
                col(Delivery.kind) != "test",
                col(Delivery.error_class).is_not(None),
            )
            .order_by(col(Delivery.id).desc())
            .limit(limit)
        )
        found += session.exec(query).all()
    return sorted(found, key=lambda delivery: delivery.last_attempt_at or delivery.created_at, reverse=True)[:limit]


def _found(workspace_id: str, text: str, before_event: str | None) -> ColumnElement[bool]:
    """An id by its beginning, else what is in one of the newest events."""
    if text.startswith(_PREFIXES):
        low, high = text.lower(), text.lower() + "~"  # "~" sorts after every character of an id
        if text.startswith("dlv_"):
            return col(Delivery.id).between(low, high)
        if text.startswith("evt_"):
            return col(Delivery.event_id).between(low, high)
        if text.startswith("whk_"):
            return col(Delivery.webhook_id).between(low, high)
        tried = select(Attempt.delivery_id).where(col(Attempt.workspace_id) == workspace_id, col(Attempt.id).between(low, high))
        return col(Delivery.id).in_(tried)
    return col(Delivery.event_id).in_(payloads.events_with(workspace_id, text, before_event=before_event))
