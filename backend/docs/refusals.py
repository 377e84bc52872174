"""The refusals of the API as components of its OpenAPI document, each with the body that the application itself would write."""

from __future__ import annotations

from typing import Any, Final

from backend.core import errors, problems
from backend.core.errors import CrossdockError, FieldError

_REQUEST_ID: Final = "req_01k5z7q0v6e3tbn8m2c4d9f1hn"
NAMES: Final = {
    "400": "BadRequest",
    "401": "Unauthenticated",
    "403": "Forbidden",
    "404": "NotFound",
    "409": "Conflict",
    "413": "TooLarge",
    "415": "UnsupportedMedia",
    "422": "Invalid",
    "429": "RateLimited",
}
_TOLD: Final = {
    "400": "The body cannot be parsed.",
    "401": "No credential, or one that is not valid.",
    "403": "Known, but not allowed: `requiredScopes` says which scopes would do.",
    "404": "There is no such thing in the caller's workspace.",
    "409": "The state of things refuses it, or the idempotency key came with another body.",
    "413": "The body is larger than is taken.",
    "415": "The body is not JSON.",
    "422": "Parsed, but not valid: `errors` lists every field that is wrong, with what would be right.",
    "429": "A limit is used up; `Retry-After` says for how many seconds.",
}


def responses() -> dict[str, Any]:
    """By their names in the document."""
    return {NAMES[status]: _response(status, error) for status, error in _examples().items()}


def _response(status: str, error: CrossdockError) -> dict[str, Any]:
    headers = {
        name: {"description": told, "schema": {"type": "integer" if name == "Retry-After" else "string"}}
        for name, told in (
            ("WWW-Authenticate", "How to authenticate (RFC 6750)."),
            ("Retry-After", "Seconds to wait."),
        )
        if name.lower() in problems.headers(error)
    }
    example = problems.document(error, instance="/api/v1/webhooks", request_id=_REQUEST_ID)
    return {
        "description": _TOLD[status],
        **({"headers": headers} if headers else {}),
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


def _examples() -> dict[str, CrossdockError]:
    return {
        "400": errors.BadRequest("The body is not JSON: Expecting value at character 0. Send an object."),
        "401": errors.Unauthenticated("This API key was revoked. Ask its owner for a new one.", "revoked"),
        "403": errors.Forbidden(
            "This needs the scope webhooks:write, which the key does not hold. Use a key that has it, or add it.",
            ("webhooks:write", "webhooks:manage"),
            reason="scope",
        ),
        "404": errors.NotFound("There is no such webhook in this workspace. Check the id; GET /api/v1/webhooks lists them."),
        "409": errors.Conflict("This idempotency key was sent with another body. Use a new key for a new request."),
        "413": errors.TooLarge("The body is larger than 1,048,576 bytes, the most that this call takes. Send less, or in parts."),
        "415": errors.UnsupportedMedia("The body's content type is text/plain. Send JSON with `Content-Type: application/json`."),
        "422": errors.Invalid(
            FieldError("url", "is missing.", "Send it."), FieldError("events", "is empty.", "Name at least one event type.")
        ),
        "429": errors.RateLimited("The limit of 100 per minute for this API key is used up. Try again in 45 s.", 45, ("per_minute",)),
    }
