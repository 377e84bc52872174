"""How an error is told over HTTP: problem details (RFC 9457) and the headers that belong to them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from backend.core import jsjson
from backend.core.errors import CrossdockError, Forbidden, InProgress, Invalid, MethodNotAllowed, RateLimited, Unauthenticated, Unavailable
from backend.settings import settings

MEDIA_TYPE: Final = "application/problem+json"
_CONTENT_TYPE: Final = {"content-type": MEDIA_TYPE}
_REALM: Final = 'Bearer realm="crossdock"'
# draft-ietf-httpapi-ratelimit-headers: the type of a refusal by quota.
QUOTA_EXCEEDED: Final = "https://iana.org/assignments/http-problem-types#quota-exceeded"

# The guide that explains each kind of error under a heading named for its code.
EXPLAINED_AT: Final = "/api/docs/guides/errors"


def document(error: CrossdockError, *, instance: str, request_id: str, trace_id: str = "") -> dict[str, Any]:
    """The body that tells `error`: RFC 9457's members, `errors` of fields, and `statusCode` and `message` for older clients.

    `trace_id` names the call where `request_id` is that of something it stored.
    """
    body: dict[str, Any] = {
        "type": QUOTA_EXCEEDED if isinstance(error, RateLimited) else f"{settings().public_url}{EXPLAINED_AT}#{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "request_id": request_id,
        "errors": [],
        "statusCode": error.status,
        "message": error.detail,
    }
    if trace_id:
        body["trace_id"] = trace_id
    if isinstance(error, Invalid):
        body["errors"] = [{"path": item.path, "message": item.message, "fix": item.fix} for item in error.errors]
    elif isinstance(error, Forbidden):
        body["requiredScopes"] = list(error.required_scopes)
    elif isinstance(error, RateLimited):
        body["retryAfter"] = error.retry_after
        if error.policies:
            body["violated-policies"] = list(error.policies)
    return body


def told(error: CrossdockError) -> str:
    """What a log keeps of `error`: what happened, and what would be right, of every field too."""
    if not isinstance(error, Invalid):
        return error.detail
    fields = [f"{item.path}: {item.message}" for item in error.errors]
    if error.detail != " ".join(fields):
        return " ".join([error.detail, *(item.fix for item in error.errors)]).strip()
    return " ".join(f"{field} {item.fix}".strip() for field, item in zip(fields, error.errors, strict=True))


def render(error: CrossdockError, *, instance: str, request_id: str, trace_id: str = "") -> bytes:
    """`document` as it is sent."""
    body = document(error, instance=instance, request_id=request_id, trace_id=trace_id)
    try:
        return orjson.dumps(body)
    except TypeError:  # half a surrogate pair in what the caller sent and the sentence quotes
        return jsjson.stringify_bytes(body)


def headers(error: CrossdockError) -> dict[str, str]:
    """The content type, and what `error` brings: a challenge (RFC 6750, section 3), or when to come back."""
    if isinstance(error, Unauthenticated):
        bare = error.reason == "missing"
        return {**_CONTENT_TYPE, "www-authenticate": _REALM if bare else f'{_REALM}, error="invalid_token"'}
    if isinstance(error, Forbidden) and error.required_scopes:
        scopes = " ".join(error.required_scopes)
        return {**_CONTENT_TYPE, "www-authenticate": f'{_REALM}, error="insufficient_scope", scope="{scopes}"'}
    if isinstance(error, MethodNotAllowed):
        return {**_CONTENT_TYPE, "allow": ", ".join(error.allowed)}
    if isinstance(error, RateLimited | Unavailable | InProgress):
        return {**_CONTENT_TYPE, "retry-after": str(error.retry_after)}
    return _CONTENT_TYPE
