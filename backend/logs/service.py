"""Reading the request log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid, NotFound
from backend.core.pagination import Sought
from backend.core.permissions import Permission
from backend.models import RequestLog, UnknownRequest

ID_PREFIX: Final = "req"
DENIED: Final = "denied"
Logged = TypeVar("Logged", RequestLog, UnknownRequest)
_STATUS_CLASS: Final = re.compile(r"[1-5]xx")
_STATUS_CODE: Final = re.compile(r"[1-5][0-9][0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which requests are meant; None does not restrict. `until` is exclusive.

    `status` is a class (`4xx`), a code (`404`) or `denied`; `path` the beginning of one; `q` part of a path or an error, an IP
    address or a request's id.
    """

    caller_id: str | None = None
    status: str | None = None
    method: str | None = None
    path: str | None = None
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
    permission: Permission = permissions.LOGS_READ,
) -> pagination.Page[RequestLog]:
    """Requests of the workspace, newest first, denied ones too. Raises `Invalid` on another status."""
    return pagination.sift(session, sought(actor, wanted, permission), limit=limit, cursor=cursor)


def tail_requests(
    session: Session, *, actor: Actor, wanted: RequestFilter, cursor: str, limit: int = pagination.DEFAULT_LIMIT
) -> pagination.Tail[RequestLog]:
    """What was added since `cursor`, oldest first. Raises `Invalid`."""
    return pagination.follow(session, sought(actor, wanted), limit=limit, cursor=cursor)


def sought(actor: Actor, wanted: RequestFilter, permission: Permission = permissions.LOGS_READ) -> Sought[RequestLog]:
    """The requests that a filter means. Raises `Invalid`."""
    permissions.require(actor, permission)
    query = select(RequestLog).where(RequestLog.workspace_id == actor.workspace_id)
    if wanted.caller_id:
        query = query.where(RequestLog.caller_id == wanted.caller_id)
    return _sought(RequestLog, query, wanted)


def list_unknown(
    session: Session, *, actor: Actor, wanted: RequestFilter = ALL, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[UnknownRequest]:
    """Requests whose key is not known, or that had none, newest first. They belong to no workspace, so for super administrators alone.

    `caller_id` says nothing here; `q` is part of a path, an IP address or a request's id. Raises `Invalid` on another status.
    """
    permissions.require(actor, permissions.INSTANCE_READ)
    return pagination.sift(session, _sought(UnknownRequest, select(UnknownRequest), wanted), limit=limit, cursor=cursor)


def get_request(session: Session, *, actor: Actor, request_id: str) -> RequestLog:
    """One request of the workspace by its id, which every answer carries as `X-Request-Id`. Raises `NotFound`."""
    permissions.require(actor, permissions.LOGS_READ)
    query = select(RequestLog).where(RequestLog.workspace_id == actor.workspace_id, RequestLog.id == request_id)
    found = session.exec(query).first()
    if found is None:
        raise NotFound(f"There is no request {request_id} in this workspace's log. It may be older than the log is kept.")
    return found


def _sought(table: type[Logged], query: SelectOfScalar[Logged], wanted: RequestFilter) -> Sought[Logged]:
    key, q = col(table.id), (wanted.q or "").strip()
    conditions = [
        *_status_conditions(table, wanted.status),
        *([col(table.method) == wanted.method.upper()] if wanted.method else []),
        *([col(table.path).startswith(wanted.path, autoescape=True)] if wanted.path else []),
        *([_matches(table, q)] if q else []),
    ]
    return Sought(query.where(*pagination.between(key, ID_PREFIX, wanted.since, wanted.until)), conditions, key, ID_PREFIX)


def _status_conditions(table: type[Logged], status: str | None) -> list[ColumnElement[bool]]:
    word = (status or "").strip().lower()
    if not word:
        return []
    if word == DENIED:
        return [col(table.refusal).is_not(None)]
    if _STATUS_CODE.fullmatch(word):
        return [col(table.status_code) == int(word)]
    if _STATUS_CLASS.fullmatch(word):
        first = int(word[0]) * 100
        return [col(table.status_code).between(first, first + 99)]
    raise Invalid(FieldError("status", f"{status!r} is no status.", "Use a class such as 4xx, a code such as 404, or denied."))


def _matches(table: type[RequestLog | UnknownRequest], q: str) -> ColumnElement[bool]:
    told = [col(RequestLog.error).icontains(q, autoescape=True)] if table is RequestLog else []
    return or_(col(table.id) == q, col(table.ip) == q, col(table.path).icontains(q, autoescape=True), *told)
