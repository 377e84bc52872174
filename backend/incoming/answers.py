"""What a source is told, as the OpenAPI document shows it: each status with the body that the application itself would write."""

from __future__ import annotations

from typing import Any, Final

from backend.core import errors, problems
from backend.core.errors import CrossdockError, FieldError
from backend.incoming import intake, processing

_STORED: Final = "irq_01k5z7q0v6e3tbn8m2c4d9f1hn"
_CALL: Final = "req_01k5z7q0v6e3tbn8m2c4d9f1hn"
_RECORD: Final = "rec_01k5z7q0v6e3tbn8m2c4d9f1hn"
_INSTANCE: Final = "/api/v1/webhooks/incoming"
_HEADERS: Final = {"X-Incoming-Request-Id": {"description": "The stored request.", "schema": {"type": "string"}}}
_RECORD_HEADER: Final = {"X-Record-Id": {"description": "The record or order.", "schema": {"type": "string"}}}


def _success(description: str, status: str, action: str | None, detail: str | None = None, *, has_record: bool = True) -> dict[str, Any]:
    example = {
        "success": True,
        "status": status,
        "id": _RECORD if has_record else None,
        "ids": [_RECORD] if has_record else [],
        "action": action,
        "module": "contacts",
        "request_id": _STORED,
        "trace_id": _CALL,
        **({"detail": detail} if detail else {}),
    }
    schema = {"$ref": "#/components/schemas/ReceivedOut"}
    return {
        "description": description,
        "headers": _HEADERS | (_RECORD_HEADER if has_record else {}),
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _refusal(description: str, error: CrossdockError, *, is_stored: bool = True) -> dict[str, Any]:
    ids = {"request_id": _STORED, "trace_id": _CALL} if is_stored else {"request_id": _CALL}
    example = problems.document(error, instance=_INSTANCE, **ids)
    return {
        "description": description,
        **({"headers": _HEADERS} if is_stored else {}),
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


_NAMES: Final = {
    400: "SourceUnreadable",
    401: "SourceUnverified",
    403: "SourceDisabled",
    404: "SourceUnknown",
    409: "SourceConflict",
    413: "SourceTooLarge",
    415: "SourceMedia",
    422: "SourceInvalid",
    429: "SourceLimited",
}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: _success("The record was changed, nothing was to change, or the source's own id came before.", "accepted", "updated"),
    201: _success("A record or an order was made.", "accepted", "created"),
    202: _success(
        "Stored, and nothing is made of it yet: nothing is mapped (`captured`), or it is done in a moment (`received`).",
        processing.CAPTURED,
        None,
        processing.NOTHING_MAPPED,
        has_record=False,
    ),
    **{status: {"$ref": f"#/components/responses/{name}"} for status, name in _NAMES.items()},
}


def refusals() -> dict[str, Any]:
    """The refusals of the receiving call as components of the document, by their names."""
    field = FieldError("email", "who.mail is absent, and the field is required.", "Have the source send it, or give a default.")
    limit = "This incoming webhook takes 1,000 requests per minute. Try again in 45 s."
    found = {
        400: _refusal("The body cannot be read.", processing.without_body(processing.INCOMPLETE)),
        401: _refusal(
            "It is not the source's: `detail` names the step of the verification that failed, and why. The request is kept.",
            intake.refused("signature", "The header X-Hub-Signature-256 is missing."),
        ),
        403: _refusal("The webhook is disabled. The request is kept.", errors.Forbidden(intake.DISABLED, reason="disabled")),
        404: _refusal("There is no such address.", errors.NotFound(intake.NO_SUCH), is_stored=False),
        409: _refusal(
            "There is a record or an order with other values already.", errors.Conflict("A record of contacts has this email already.")
        ),
        413: _refusal("The body is larger than is taken.", processing.without_body(processing.TOO_LARGE)),
        415: _refusal("The body is neither JSON nor a form.", errors.UnsupportedMedia("The body is application/xml. Send JSON or a form.")),
        422: _refusal("A field is missing or does not fit: `errors` has each, with where its value came from.", errors.Invalid(field)),
        429: _refusal("The webhook's limit is used up; nothing is kept.", errors.RateLimited(limit, 45, ("per_minute",)), is_stored=False),
    }
    return {_NAMES[status]: each for status, each in found.items()}
