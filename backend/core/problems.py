"""How an error is written in an answer: RFC 9457 problem details, with `statusCode` and `message` for older clients."""

from __future__ import annotations

from typing import Any

import orjson

from backend.core import errors

MEDIA_TYPE = "application/problem+json"
_DOCS = "/api/docs#errors-"


def document(error: errors.CrossdockError, *, instance: str, request_id: str) -> dict[str, Any]:
    """The body of an answer to `error` at the path `instance`."""
    body: dict[str, Any] = {
        "type": f"{_DOCS}{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "request_id": request_id,
        "statusCode": error.status,
        "message": error.detail,
    }
    match error:
        case errors.Invalid():
            body["errors"] = [{"path": one.path, "message": one.message, "fix": one.fix} for one in error.errors]
        case errors.Forbidden() if error.required_scopes:
            body["requiredScopes"] = list(error.required_scopes)
        case errors.RateLimited() | errors.Unavailable() | errors.InProgress():
            body["retryAfter"] = error.retry_after
        case _:
            pass
    return body


def headers(error: errors.CrossdockError) -> dict[str, str]:
    """The headers that an answer to `error` carries beside its body."""
    found = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    match error:
        case errors.RateLimited() | errors.Unavailable() | errors.InProgress():
            found["Retry-After"] = str(error.retry_after)
        case errors.Unauthenticated():
            code = ' error="invalid_token"' if error.reason != "missing" else ""  # RFC 6750, section 3.1
            found["WWW-Authenticate"] = f'Bearer realm="crossdock"{"," if code else ""}{code}'
        case errors.Forbidden() if error.required_scopes:
            found["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{" ".join(error.required_scopes)}"'
        case _:
            pass
    return found


def render(error: errors.CrossdockError, *, instance: str, request_id: str) -> bytes:
    """`document` as JSON."""
    return orjson.dumps(document(error, instance=instance, request_id=request_id))
