"""What the browser is told of logs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.core import errors
from backend.core.actor import ActorKind
from backend.logs.errors import INSTANCE
from backend.models import AuditEntry, ErrorEntry, RequestLog, UnknownRequest
from console import words

# Where the things are shown that an entry is about, by their kind.
_PLACES: Final = {
    "route": "/settings/routes",
    "api_key": "/settings/api-keys",
    "webhook": "/settings/webhooks",
    "delivery": "/settings/deliveries",
    "replay": "/settings/replays",
    "event": "/settings/events",
    "order": "/orders",
}
# What refuses a request, by the status that it answers.
_KINDS: Final = {
    error.status: error.code
    for error in (
        errors.BadRequest, errors.Unauthenticated, errors.Forbidden, errors.NotFound, errors.MethodNotAllowed, errors.Conflict,
        errors.TooLarge, errors.UnsupportedMedia, errors.Invalid, errors.RateLimited, errors.Unavailable,
    )
}  # fmt: skip
_BY_NAME: Final = {"module": "/records", "event_type": "/settings/event-types"}


@dataclass
class RequestRow:
    """A request in a list."""

    id: str
    method: str
    path: str
    status_code: str
    tone: str
    duration: str
    ip: str
    caller: str
    refusal: str
    at: str


@dataclass
class RequestDetail:
    """A request on its own page."""

    id: str = ""
    call: str = ""
    sentence: str = ""
    refusal: str = ""
    status_code: str = ""
    tone: str = ""
    query: str = ""
    route: str = ""
    duration: str = ""
    caller: str = ""
    caller_path: str = ""
    ip: str = ""
    agent: str = ""
    standing: str = ""
    at: str = ""


@dataclass
class ErrorRow:
    """An error, in the list and on its own page; `path` leads to what it is about."""

    id: str = ""
    severity: str = ""
    kind: str = ""
    message: str = ""
    target: str = ""
    path: str = ""
    trace: str = ""
    detail: str = ""
    is_instance: bool = False
    at: str = ""


@dataclass
class AuditRow:
    """An entry of the audit, in the list and on its own page; `path` leads to what was changed."""

    id: str = ""
    action: str = ""
    target: str = ""
    target_id: str = ""
    path: str = ""
    actor: str = ""
    actor_id: str = ""
    ip: str = ""
    request_id: str = ""
    reason: str = ""
    before: str = ""
    after: str = ""
    number: str = ""
    sealed: str = ""
    at: str = ""


def request_row(request: RequestLog | UnknownRequest, names: Mapping[str, str] | None = None) -> RequestRow:
    """A request of the log; `names` are those of keys by id."""
    return RequestRow(
        id=request.id,
        method=request.method,
        path=request.path,
        status_code=str(request.status_code),
        tone=_tone(request.status_code),
        duration=words.duration(request.duration_ms),
        ip=request.ip,
        caller=caller(request, names or {}) if isinstance(request, RequestLog) else "",
        refusal=_refusal(request),
        at=words.moment(request.created_at),
    )


def request_detail(request: RequestLog, names: Mapping[str, str]) -> RequestDetail:
    """All of a request."""
    is_key = request.caller_kind == ActorKind.KEY
    return RequestDetail(
        id=request.id,
        call=f"{request.method} {request.path}",
        sentence=_sentence(request),
        refusal=_refusal(request),
        status_code=str(request.status_code),
        tone=_tone(request.status_code),
        query=request.query,
        route=request.route,
        duration=words.duration(request.duration_ms),
        caller=caller(request, names),
        caller_path=f"/settings/api-keys/{request.caller_id}" if is_key else "",
        ip=request.ip,
        agent=request.user_agent,
        standing=_standing(request),
        at=words.moment(request.created_at),
    )


def caller(request: RequestLog, names: Mapping[str, str]) -> str:
    """Who made a request."""
    if request.caller_kind == ActorKind.KEY:
        return names.get(request.caller_id, "A key that is gone")
    return "A member" if request.caller_kind == ActorKind.USER else request.caller_kind


def error_row(entry: ErrorEntry) -> ErrorRow:
    """An error of the log."""
    return ErrorRow(
        id=entry.id,
        severity=entry.severity,
        kind=entry.kind.replace("_", " ").capitalize(),
        message=entry.message,
        target=entry.target_id,
        path=_path(entry.target_kind, entry.target_id, ""),
        trace=entry.trace_id,
        detail=_json(entry.detail or None),
        is_instance=entry.workspace_id == INSTANCE,
        at=words.moment(entry.created_at),
    )


def audit_row(entry: AuditEntry) -> AuditRow:
    """An entry of the audit."""
    module = (entry.after or {}).get("module") if entry.target_kind == "record" else None
    return AuditRow(
        id=entry.id,
        action=entry.action,
        target=f"{entry.target_name} …{entry.target_id[-8:]}" if entry.target_kind == "record" else entry.target_name or entry.target_id,
        target_id=entry.target_id,
        path=f"/records/{module}/{entry.target_id}" if module else _path(entry.target_kind, entry.target_id, entry.target_name),
        actor=entry.actor_name or ("Crossdock itself" if entry.actor_kind == ActorKind.SYSTEM else entry.actor_id),
        actor_id=entry.actor_id,
        ip=entry.ip,
        request_id=entry.request_id,
        reason=entry.reason or "",
        before=_json(entry.before),
        after=_json(entry.after),
        number=words.number(entry.sequence) if entry.sequence is not None else "",
        sealed=words.moment(entry.sealed_at),
        at=words.moment(entry.created_at),
    )


def _sentence(request: RequestLog) -> str:
    """What became of it; the error says what to do about it."""
    took = f"{request.status_code} after {words.duration(request.duration_ms)}."
    if _refusal(request):
        return f"Refused with {took}{f' {request.error}' if request.error else ''}"
    return f"Answered {took}{f' {request.error}' if request.error else ''}"


def _refusal(request: RequestLog | UnknownRequest) -> str:
    """By what it was refused: the door's word for it, else the kind of error that was answered."""
    return (request.refusal or _KINDS.get(request.status_code, "")).replace("_", " ")


def _standing(request: RequestLog) -> str:
    if request.limit_name is None or request.limit_remaining is None:
        return "Not counted"
    return f"{words.number(request.limit_remaining)} left {request.limit_name.replace('_', ' ')}"


def _tone(code: int) -> str:
    return "x-good" if code < 400 else "x-wait" if code < 500 else "x-bad"


def _path(kind: str, identifier: str, name: str) -> str:
    if kind in _BY_NAME:
        return f"{_BY_NAME[kind]}/{name}" if name else ""
    return f"{_PLACES[kind]}/{identifier}" if kind in _PLACES and identifier else ""


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) if value is not None else ""
