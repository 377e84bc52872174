"""The errors of the back end, one tree. Each has a status, a code and a sentence that says what to do.

CrossdockError            500 internal
 +- BadRequest            400 bad_request       what cannot be parsed
 +- Unauthenticated       401 unauthenticated   no or no valid credential
 +- Forbidden             403 forbidden         known, but not allowed; names the scopes that would do
 +- NotFound              404 not_found         absent, or another workspace's
 +- MethodNotAllowed      405 method_not_allowed
 +- Conflict              409 conflict          the state of things refuses it
 |   +- InProgress        409 in_progress       the same request is still running
 |   +- Unconfirmed       409 conflict          it would change or lose data, which was not confirmed
 +- TooLarge              413 too_large
 +- UnsupportedMedia      415 unsupported_media
 +- Invalid               422 invalid           parsed, but not valid; lists every field
 +- RateLimited           429 rate_limited
 +- Unavailable           503 unavailable       database or Redis out of reach, or full; try again
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with an input: where (`items[0].price`), what, and what would be right."""

    path: str
    message: str
    fix: str = ""


class CrossdockError(Exception):
    """The root; `detail` is a sentence for the person who caused or meets it."""

    status = 500
    code = "internal"
    title = "Internal error"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadRequest(CrossdockError):
    """The request cannot be parsed."""

    status = 400
    code = "bad_request"
    title = "Bad request"


class Unauthenticated(CrossdockError):
    """No credential, or one that is not valid; `reason` is the word for the log."""

    status = 401
    code = "unauthenticated"
    title = "Not authenticated"

    def __init__(self, detail: str, reason: str = "missing") -> None:
        super().__init__(detail)
        self.reason = reason


class Forbidden(CrossdockError):
    """Known caller, not allowed; `required_scopes` are those of which each would do."""

    status = 403
    code = "forbidden"
    title = "Not allowed"

    def __init__(self, detail: str, required_scopes: tuple[str, ...] = (), reason: str = "forbidden") -> None:
        super().__init__(detail)
        self.required_scopes = required_scopes
        self.reason = reason


class NotFound(CrossdockError):
    """There is no such thing in the caller's workspace."""

    status = 404
    code = "not_found"
    title = "Not found"


class MethodNotAllowed(CrossdockError):
    """The path exists, but not with this method; `allowed` are those that it has."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"

    def __init__(self, detail: str, allowed: tuple[str, ...]) -> None:
        super().__init__(detail)
        self.allowed = allowed


class Conflict(CrossdockError):
    """The present state refuses the request."""

    status = 409
    code = "conflict"
    title = "Conflict"


class InProgress(Conflict):
    """A request with the same idempotency key is still running; try again after `retry_after` seconds."""

    code = "in_progress"

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unconfirmed(Conflict):
    """The request would change or lose data and does not say that it shall; `consequence` is a sentence about what follows."""

    def __init__(self, consequence: str) -> None:
        super().__init__(f"{consequence} Send confirm=true to do that.")
        self.consequence = consequence


class TooLarge(CrossdockError):
    """The body is larger than is taken."""

    status = 413
    code = "too_large"
    title = "Too large"


class UnsupportedMedia(CrossdockError):
    """The body is of a type that is not taken."""

    status = 415
    code = "unsupported_media"
    title = "Unsupported media type"


class Invalid(CrossdockError):
    """Parsed, but not valid: every problem at once, each with its path and what would be right."""

    status = 422
    code = "invalid"
    title = "Not valid"

    def __init__(self, *errors: FieldError, detail: str = "") -> None:
        super().__init__(detail or " ".join(f"{error.path}: {error.message}" for error in errors))
        self.errors = errors


def every(*checks: Callable[[], Result]) -> list[Result]:
    """What each of several checks of one input gives; raises one `Invalid` with all that they find wrong."""
    results: list[Result] = []
    found: list[FieldError] = []
    for check in checks:
        try:
            results.append(check())
        except Invalid as error:
            found += error.errors
    if found:
        raise Invalid(*found)
    return results


class RateLimited(CrossdockError):
    """A limit is used up; free again after `retry_after` seconds. `policies` names the windows that refuse."""

    status = 429
    code = "rate_limited"
    title = "Rate limit exceeded"

    def __init__(self, detail: str, retry_after: int, policies: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.policies = policies


class Unavailable(CrossdockError):
    """Something that the request needs is out of reach for now; nothing was changed."""

    status = 503
    code = "unavailable"
    title = "Unavailable for now"

    def __init__(self, detail: str, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
