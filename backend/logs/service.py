"""Reading the request log."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from backend.core import ids, pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid, NotFound
from backend.core.permissions import Permission
from backend.models import RequestLog

ID_PREFIX: Final = "req"
DENIED: Final = "denied"
_STATUS_CLASS: Final = re.compile(r"[1-5]xx")
_STATUS_CODE: Final = re.compile(r"[1-5][0-9][0-9]")


def list_requests(
    session: Session,
    *,
    actor: Actor,
    caller_id: str | None = None,
    status: str | None = None,
    method: str | None = None,
    path: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    q: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
    permission: Permission = permissions.LOGS_READ,
) -> pagination.Page[RequestLog]:
    """Requests of the workspace, newest first, denied ones too.

    `status` is a class (`4xx`), a code (`404`) or `denied`; `path` the beginning of one; `q` part of a path or an error, an IP
    address or a request's id. Raises `Invalid` on another status.
    """
    permissions.require(actor, permission)
    query = select(RequestLog).where(RequestLog.workspace_id == actor.workspace_id)
    for condition in (
        *([RequestLog.caller_id == caller_id] if caller_id else []),
        *_status_conditions(status),
        *([RequestLog.method == method.upper()] if method else []),
        *([col(RequestLog.path).startswith(path, autoescape=True)] if path else []),
        *([col(RequestLog.id) >= _id_at(since)] if since else []),
        *([col(RequestLog.id) < _id_at(until)] if until else []),
        *([_matches(q.strip())] if q and q.strip() else []),
    ):
        query = query.where(condition)
    return pagination.fetch(session, query, col(RequestLog.id), limit=limit, cursor=cursor)


def get_request(session: Session, *, actor: Actor, request_id: str) -> RequestLog:
    """One request of the workspace by its id, which every answer carries as `X-Request-Id`. Raises `NotFound`."""
    permissions.require(actor, permissions.LOGS_READ)
    query = select(RequestLog).where(RequestLog.workspace_id == actor.workspace_id, RequestLog.id == request_id)
    found = session.exec(query).first()
    if found is None:
        raise NotFound(f"There is no request {request_id} in this workspace's log. It may be older than the log is kept.")
    return found


def _status_conditions(status: str | None) -> list[ColumnElement[bool]]:
    word = (status or "").strip().lower()
    if not word:
        return []
    if word == DENIED:
        return [col(RequestLog.refusal).is_not(None)]
    if _STATUS_CODE.fullmatch(word):
        return [col(RequestLog.status_code) == int(word)]
    if _STATUS_CLASS.fullmatch(word):
        first = int(word[0]) * 100
        return [col(RequestLog.status_code).between(first, first + 99)]
    raise Invalid(FieldError("status", f"{status!r} is no status.", "Use a class such as 4xx, a code such as 404, or denied."))


def _matches(q: str) -> ColumnElement[bool]:
    return or_(
        col(RequestLog.id) == q,
        col(RequestLog.ip) == q,
        col(RequestLog.path).icontains(q, autoescape=True),
        col(RequestLog.error).icontains(q, autoescape=True),
    )


def _id_at(moment: datetime) -> str:
    return ids.floor(ID_PREFIX, int(moment.timestamp() * 1000))
