"""Reading what arrived: the log of one incoming webhook, of all, and one request with everything that is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from backend.core import pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid, NotFound
from backend.core.pagination import Count, Sought
from backend.core.permissions import Permission
from backend.incoming import masking, plans, service, storage
from backend.incoming.processing import ACCEPTED, CAPTURED, DUPLICATE, RECEIVED, REJECTED
from backend.incoming.storage import Shown
from backend.models import IncomingRequest, IncomingWebhook

ID_PREFIX: Final = "irq"
STATUSES: Final = (RECEIVED, ACCEPTED, CAPTURED, DUPLICATE, REJECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests are meant; None does not restrict. `until` is exclusive.

    `q` is the id of a request, a record or a trace, the source's own id, or an IP address.
    """

    incoming_id: str | None = None
    status: str | None = None
    reason: str | None = None
    event: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None


ALL: Final = RequestFilter()


def list_requests(
    session: Session,
    *,
    actor: Actor,
    wanted: RequestFilter = ALL,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
    permission: Permission = permissions.INCOMING_READ,
) -> pagination.Page[IncomingRequest]:
    """Requests, newest first. Raises `Invalid` on another status, `NotFound` for an unknown webhook."""
    if wanted.incoming_id is not None and permission is permissions.INCOMING_READ:
        service.get(session, actor=actor, incoming_id=wanted.incoming_id)
    return pagination.sift(session, sought(actor, wanted, permission), limit=limit, cursor=cursor)


def tail_requests(
    session: Session, *, actor: Actor, wanted: RequestFilter, cursor: str, limit: int = pagination.DEFAULT_LIMIT
) -> pagination.Tail[IncomingRequest]:
    """What was added since `cursor`, oldest first. Raises `Invalid`."""
    return pagination.follow(session, sought(actor, wanted, permissions.LOGS_READ), limit=limit, cursor=cursor)


def sought(actor: Actor, wanted: RequestFilter, permission: Permission = permissions.INCOMING_READ) -> Sought[IncomingRequest]:
    """The requests that a filter means. Raises `Invalid`."""
    permissions.require(actor, permission)
    key = col(IncomingRequest.id)
    query = select(IncomingRequest).where(IncomingRequest.workspace_id == actor.workspace_id)
    if wanted.incoming_id:
        query = query.where(IncomingRequest.incoming_id == wanted.incoming_id)
        if wanted.status:
            query = query.where(IncomingRequest.status == _status(wanted.status))
    query = query.where(*pagination.between(key, ID_PREFIX, wanted.since, wanted.until))
    q = (wanted.q or "").strip()
    conditions: list[ColumnElement[bool]] = [
        *([col(IncomingRequest.status) == _status(wanted.status)] if wanted.status and not wanted.incoming_id else []),
        *([col(IncomingRequest.reason) == wanted.reason] if wanted.reason else []),
        *([col(IncomingRequest.event) == wanted.event] if wanted.event else []),
        *([_matches(q)] if q else []),
    ]
    return Sought(query, conditions, key, ID_PREFIX)


def counts(session: Session, *, actor: Actor, incoming_id: str) -> dict[str, Count]:
    """How many requests of a webhook have each status; counting stops at 10,000."""
    permissions.require(actor, permissions.INCOMING_READ)
    own = select(IncomingRequest).where(IncomingRequest.workspace_id == actor.workspace_id, IncomingRequest.incoming_id == incoming_id)
    return {status: pagination.count(session, own.where(IncomingRequest.status == status), col(IncomingRequest.id)) for status in STATUSES}


def get(session: Session, *, actor: Actor, incoming_id: str, request_id: str) -> tuple[IncomingRequest, Shown]:
    """One request, and what it held without its secrets and what is personal in it. Raises `NotFound`."""
    permissions.require(actor, permissions.INCOMING_READ)
    return _shown(session, actor, incoming_id, request_id, is_masked=True)


def get_logged(session: Session, *, actor: Actor, request_id: str) -> tuple[IncomingRequest, Shown]:
    """The same by the request's id alone, for who may read logs. Raises `NotFound`."""
    permissions.require(actor, permissions.LOGS_READ)
    query = select(IncomingRequest.incoming_id).where(IncomingRequest.workspace_id == actor.workspace_id, IncomingRequest.id == request_id)
    return _shown(session, actor, session.exec(query).first() or "", request_id, is_masked=True)


def sample(session: Session, *, actor: Actor, incoming_id: str, request_id: str) -> Shown:
    """What a request held, to be mapped by: with what is personal for those alone who may write mappings. Raises `NotFound`."""
    permissions.require(actor, permissions.INCOMING_READ)
    is_masked = not permissions.allows(actor, permissions.INCOMING_WRITE)
    return _shown(session, actor, incoming_id, request_id, is_masked=is_masked)[1]


def _shown(session: Session, actor: Actor, incoming_id: str, request_id: str, *, is_masked: bool) -> tuple[IncomingRequest, Shown]:
    row = find(session, actor, incoming_id, request_id)
    webhook = session.get(IncomingWebhook, incoming_id)
    has_header = webhook is not None and webhook.verification["scheme"] == "header"
    secret_header = str(webhook.verification.get("header", "")) if webhook is not None and has_header else ""
    if not is_masked:
        return row, storage.show(row, secret_header=secret_header)
    plan = plans.of(webhook) if webhook is not None else plans.gone(incoming_id, actor.workspace_id)
    personal = masking.of(session, plan)
    return row, storage.show(row, secret_header=secret_header, hide=personal.hide if personal.is_any else None)


def latest(session: Session, *, actor: Actor, incoming_id: str, limit: int = 10) -> list[IncomingRequest]:
    """The newest requests of a webhook."""
    return list_requests(session, actor=actor, wanted=RequestFilter(incoming_id=incoming_id), limit=limit).data


def find(session: Session, actor: Actor, incoming_id: str, request_id: str, *, lock: bool = False) -> IncomingRequest:
    """The row, for this feature's own modules. Raises `NotFound`."""
    query = select(IncomingRequest).where(
        IncomingRequest.workspace_id == actor.workspace_id, IncomingRequest.incoming_id == incoming_id, IncomingRequest.id == request_id
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.exec(query).first()
    if found is None:
        raise NotFound("There is no such request in the log of this incoming webhook. It may be older than the log is kept.")
    return found


def _status(word: str) -> str:
    plain = {"success": ACCEPTED, "failed": REJECTED, "pending": RECEIVED}.get(word.strip().lower(), word.strip().lower())
    if plain not in STATUSES:
        raise Invalid(FieldError("status", f"{word[:40]!r} is no status of a request.", f"Use one of {', '.join(STATUSES)}."))
    return plain


def _matches(q: str) -> ColumnElement[bool]:
    exact = (IncomingRequest.id, IncomingRequest.source_id, IncomingRequest.record_id, IncomingRequest.trace_id, IncomingRequest.ip)
    return or_(*(col(column) == q for column in exact))
