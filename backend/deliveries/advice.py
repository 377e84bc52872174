"""What a failed attempt means and what to do next, in plain words; and where a delivery stands, in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from backend.deliveries.values import ErrorClass, Status
from backend.models import Delivery

_RETRY: Final = "then retry the delivery."

_BY_CLASS: Final[Mapping[str, tuple[str, str]]] = {
    ErrorClass.DNS: (
        "The receiver's host name cannot be resolved.",
        f"Check the spelling of the URL and the name's DNS records, {_RETRY}",
    ),
    ErrorClass.REFUSED: (
        "The receiver's machine answers, but nothing listens at that port.",
        f"Start the receiver, or correct the port in the webhook's URL, {_RETRY}",
    ),
    ErrorClass.UNREACHABLE: (
        "There is no network route to the receiver.",
        f"Check that its address is reachable from here and that no firewall is in between, {_RETRY}",
    ),
    ErrorClass.CONNECT_TIMEOUT: (
        "The receiver did not accept the connection in time.",
        f"A firewall that drops packets, or a machine that is down, looks like this. Check both, {_RETRY}",
    ),
    ErrorClass.READ_TIMEOUT: (
        "The receiver took the request but did not finish its answer in time.",
        "Have it answer 2xx first and do the work afterwards, or raise the webhook's timeout (up to 30 s), " + _RETRY,
    ),
    ErrorClass.TLS: (
        "No secure connection could be made.",
        f"Check the receiver's certificate and TLS settings, {_RETRY}",
    ),
    ErrorClass.RESET: (
        "The receiver closed the connection without answering.",
        f"Look into its log at the time of the attempt: a crash or a proxy's limit looks like this. Repair it, {_RETRY}",
    ),
    ErrorClass.PROTOCOL: (
        "What the receiver sent is not a valid HTTP answer.",
        f"Check that the URL's port speaks HTTP, and whether it should begin with https://, {_RETRY}",
    ),
    ErrorClass.REDIRECT: (
        "The receiver answered with a redirect, which is never followed, so that signed data goes only where you said.",
        f"Set the webhook's URL to the final address, {_RETRY}",
    ),
    ErrorClass.BLOCKED: (
        "The address is blocked by the policy for outgoing requests; no connection was made.",
        "Use a public address, or ask the operator to add its network to CROSSDOCK_EGRESS_ALLOW, " + _RETRY,
    ),
    ErrorClass.TOO_LARGE: (
        "The head of the receiver's answer is too large to be read.",
        f"Have it send fewer or shorter headers, {_RETRY}",
    ),
    ErrorClass.SETTINGS: (
        "Nothing could be sent with the webhook's settings.",
        f"Save the webhook's URL and headers again, or rotate its secret, {_RETRY}",
    ),
}

# OpenSSL's words for why it did not accept a certificate, as `ssl.SSLCertVerificationError.verify_message` has them.
# A mismatch is looked for first, since it names host names, which may hold any of the other words.
_BY_CERTIFICATE: Final = (
    (
        "mismatch",
        "The receiver's certificate is for another host name.",
        f"Use the name that the certificate is for, or install one for this name, {_RETRY}",
    ),
    ("expired", "The receiver's certificate has expired.", f"Renew it, {_RETRY}"),
    ("not yet valid", "The receiver's certificate is not valid yet.", f"Check its dates and the clocks, {_RETRY}"),
    (
        "self-signed",
        "The receiver's certificate is signed by itself or by an authority that is not known here.",
        f"Install one from a public authority, or switch off certificate checks for this webhook, {_RETRY}",
    ),
    (
        "unable to get local issuer",
        "The receiver does not send the whole chain of its certificate, or its authority is not known here.",
        f"Install the full chain on the receiver, {_RETRY}",
    ),
)

_BY_STATUS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("The receiver found the request malformed (400).", f"Look at its answer for what it expects, {_RETRY}"),
    401: (
        "The receiver wants credentials (401).",
        f"Check that it verifies with the current secret, or add the header it asks for to the webhook, {_RETRY}",
    ),
    403: (
        "The receiver refuses the request (403).",
        f"Check its allowlist, its firewall and how it verifies signatures, {_RETRY}",
    ),
    404: ("The receiver knows no such path (404).", f"Correct the path in the webhook's URL, {_RETRY}"),
    405: ("The receiver does not take POST at this path (405).", f"Correct the webhook's URL, {_RETRY}"),
    408: ("The receiver gave up waiting for the request (408).", f"Check its load and its proxy's limits, {_RETRY}"),
    410: (
        "The receiver says that this address is gone for good (410), so the webhook was disabled.",
        "Give the webhook its new URL and enable it.",
    ),
    413: ("The receiver finds the body too large (413).", f"Raise its limit for request bodies, {_RETRY}"),
    415: ("The receiver does not take JSON at this path (415).", f"Have it accept application/json, {_RETRY}"),
    422: ("The receiver understood the request but did not accept its content (422).", f"Read its answer for the field, {_RETRY}"),
    429: (
        "The receiver is asked too often (429).",
        "Nothing to do if it passes: it is sent to again after the pause it asked for. Else set a rate limit on the webhook.",
    ),
    502: ("A proxy before the receiver got no valid answer from it (502).", f"Check that the application behind it runs, {_RETRY}"),
    503: (
        "The receiver is unavailable for now (503).",
        "Nothing to do if it passes: it is tried again by itself. Else check the receiver.",
    ),
    504: ("A proxy before the receiver waited too long for it (504).", f"Have the receiver answer faster, {_RETRY}"),
}


def advise(error_class: str | None, *, status_code: int | None = None, error: str | None = None) -> str | None:
    """What a failure means and what to do next, in two sentences; None for none."""
    if error_class is None:
        return None
    if error_class == ErrorClass.TLS:
        for words, meaning, step in _BY_CERTIFICATE:
            if words in (error or "").lower().replace("self signed", "self-signed"):
                return f"{meaning} {step}"
    if error_class == ErrorClass.STATUS:
        meaning, step = _status(status_code or 0)
    else:
        meaning, step = _BY_CLASS.get(error_class, ("The attempt failed.", "Look at its details."))
    return f"{meaning} {step}"


def answer(status_code: int, error_class: str | None = None) -> str:
    """What the receiver answered, in words where it is a failure: `200`, `503 Service Unavailable`, `302 (a redirect)`."""
    if error_class == ErrorClass.REDIRECT:
        return f"{status_code} (a redirect)"
    try:
        return str(status_code) if 200 <= status_code <= 299 else f"{status_code} {HTTPStatus(status_code).phrase}"
    except ValueError:
        return str(status_code)


def explain(delivery: Delivery, *, now: datetime, hold: str | None = None, told: Callable[[datetime], str] | None = None) -> str:
    """Where a delivery stands: `Retrying: 503 Service Unavailable after 84 ms; next try at 14:05 UTC (attempt 3 of 10)`.

    `hold` says why its webhook gets nothing at the moment (`the webhook is paused`), if that is so. Times are in UTC, or as `told`
    writes them.
    """
    last = _last(delivery)
    match delivery.status:
        case Status.DELIVERED:
            tries = "" if delivery.attempt_count == 1 else f" at attempt {delivery.attempt_count}"
            return f"Delivered{tries}: {last}"
        case Status.DEAD:
            return f"Failed for good after {_times(delivery.attempt_count)}: {last}"
        case Status.CANCELLED:
            reason = (delivery.error or "").rstrip(".")
            return reason if reason.startswith("Cancelled") else f"Cancelled: {reason}".removesuffix(": ")
        case Status.SENDING:
            return f"Sending now (attempt {_of(delivery)})"
        case _:
            when = hold or _when(delivery.due_at, now, told)
            if delivery.attempt_count == 0:
                return f"Waiting: {when}"
            return f"Retrying: {last}; {when} (attempt {_of(delivery)})"


def _status(status_code: int) -> tuple[str, str]:
    known = _BY_STATUS.get(status_code)
    if known is not None:
        return known
    if 500 <= status_code <= 599:
        return f"The receiver met an error of its own ({status_code}).", f"Look into its log at that time, repair it, {_RETRY}"
    return f"The receiver refused the request ({status_code}).", f"Look at its answer for the reason, {_RETRY}"


def _last(delivery: Delivery) -> str:
    took = "" if delivery.duration_ms is None else f" after {_duration(delivery.duration_ms)}"
    if delivery.last_status_code is not None:
        return f"{answer(delivery.last_status_code, delivery.error_class)}{took}"
    return (delivery.error or "no answer").rstrip(".") + (took if not delivery.error else "")


def _duration(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _times(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def _of(delivery: Delivery) -> str:
    return f"{min(delivery.failure_count + 1, delivery.max_attempts)} of {delivery.max_attempts}"


def _when(due_at: datetime | None, now: datetime, told: Callable[[datetime], str] | None) -> str:
    if due_at is None or due_at <= now:
        return "due now"
    if told is not None:
        return f"next try at {told(due_at)}"
    at = due_at.astimezone(UTC)
    if at.date() == now.astimezone(UTC).date():
        return f"next try at {at:%H:%M} UTC"
    return f"next try at {at:%H:%M} UTC on {at.day} {at:%B}"
