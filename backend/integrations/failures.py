"""Every failure that a provider can give, as a cause and a next step; what ends a connection and what passes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Final

from backend.core import texts
from backend.core.egress_calls import NoAnswer, Reply, Trouble
from backend.integrations import templates
from backend.integrations.entry import Entry

_MOST_WAIT: Final = 3600.0
_SHOWN: Final = 160


class Kind(StrEnum):
    """What failed, in one word."""

    CONSENT_DENIED = "consent_denied"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_SCOPE = "invalid_scope"
    SCOPE_MISSING = "scope_missing"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    TLS = "tls"
    DNS = "dns"
    CONNECT = "connect"
    REFUSED = "refused"
    ANSWER = "answer"  # not what the provider should answer
    NOT_FOUND = "not_found"
    REJECTED = "rejected"
    CHANGED_ACCOUNT = "changed_account"
    STATE = "state"
    MIX_UP = "mix_up"
    SETTINGS = "settings"


PASSING: Final = frozenset({Kind.RATE_LIMITED, Kind.SERVER_ERROR, Kind.TIMEOUT, Kind.CONNECT, Kind.DNS})
ENDING: Final = frozenset({Kind.INVALID_GRANT, Kind.UNAUTHORIZED})
_TROUBLES: Final = {
    Trouble.TIMEOUT: Kind.TIMEOUT,
    Trouble.TLS: Kind.TLS,
    Trouble.DNS: Kind.DNS,
    Trouble.CONNECT: Kind.CONNECT,
    Trouble.REFUSED: Kind.REFUSED,
    Trouble.TOO_LARGE: Kind.ANSWER,
    Trouble.PROTOCOL: Kind.ANSWER,
}
_LATER: Final = (
    "Try again in a while; syncs, refreshes and routes are tried again by themselves. If it goes on, look at the provider's status page."
)
_STEPS: Final = {
    Kind.CONSENT_DENIED: "Press Connect again and allow access, or ask somebody who may.",
    Kind.INVALID_CLIENT: "Check client ID and client secret against the provider's developer page; the secret may have ended.",
    Kind.INVALID_GRANT: "Press Reconnect and allow access again.",
    Kind.INVALID_SCOPE: "Take out the scope that the provider does not know, or add it to the app there.",
    Kind.SCOPE_MISSING: "Reconnect and allow every scope that is asked for; the app at the provider must have it too.",
    Kind.UNAUTHORIZED: "Enter the credentials again, or press Reconnect.",
    Kind.RATE_LIMITED: "Wait a little: syncs, refreshes and routes go on by themselves when the provider allows it. Try anything else again then.",
    Kind.SERVER_ERROR: _LATER,
    Kind.TIMEOUT: _LATER,
    Kind.TLS: "Check the address; its certificate must be valid for that name and not have ended.",
    Kind.DNS: "Check the address: its name has no DNS record here.",
    Kind.CONNECT: "Check that the address is right and that its server runs.",
    Kind.REFUSED: "Use a public address, or ask the operator to allow its network.",
    Kind.ANSWER: "Check the address: what answered there does not speak as the provider does.",
    Kind.NOT_FOUND: "Check the settings: what they name is not there, or not shown to this account.",
    Kind.REJECTED: "Read what the provider said, and change the settings or what was sent.",
    Kind.CHANGED_ACCOUNT: "Sign in with the account that was connected before, or make a new integration for the other one.",
    Kind.STATE: "Press Connect again, and finish in the same browser within ten minutes.",
    Kind.MIX_UP: "Do not go on. Press Connect again; if it happens again, check the provider's addresses.",
    Kind.SETTINGS: "Fill in what is missing under Settings.",
}
_TOKEN_WORDS: Final = {
    "access_denied": Kind.CONSENT_DENIED,
    "user_cancelled_authorize": Kind.CONSENT_DENIED,
    "consent_required": Kind.CONSENT_DENIED,
    "invalid_client": Kind.INVALID_CLIENT,
    "unauthorized_client": Kind.INVALID_CLIENT,
    "bad_client_secret": Kind.INVALID_CLIENT,
    "invalid_client_id": Kind.INVALID_CLIENT,
    "invalid_client_secret": Kind.INVALID_CLIENT,
    "invalid_grant": Kind.INVALID_GRANT,
    "invalid_code": Kind.INVALID_GRANT,
    "invalid_token": Kind.INVALID_GRANT,
    "invalid_refresh_token": Kind.INVALID_GRANT,
    "invalid_scope": Kind.INVALID_SCOPE,
    "insufficient_scope": Kind.SCOPE_MISSING,
    "temporarily_unavailable": Kind.SERVER_ERROR,
    "server_error": Kind.SERVER_ERROR,
    "slow_down": Kind.RATE_LIMITED,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed: the cause in a sentence, what to do, and for how long the provider asks to wait (seconds)."""

    kind: Kind
    cause: str
    next_step: str
    retry_after: float | None = None

    @property
    def passes(self) -> bool:
        """Whether trying again later may help by itself."""
        return self.kind in PASSING

    @property
    def ends(self) -> bool:
        """Whether the connection is over until somebody connects it again."""
        return self.kind in ENDING


class ProviderFailed(Exception):
    """A call to a provider failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


def failed(kind: Kind, cause: str, retry_after: float | None = None, *, step: str = "") -> ProviderFailed:
    """The exception for a failure of this kind."""
    return ProviderFailed(Failure(kind, cause[:400], step or _STEPS[kind], retry_after))


def of_no_answer(name: str, error: NoAnswer) -> ProviderFailed:
    """A call without an answer."""
    return failed(_TROUBLES[error.trouble], f"{name} could not be asked. {error}")


def of_unknown(name: str, error: templates.Unknown) -> ProviderFailed:
    """A call that cannot be made with what is known."""
    return failed(Kind.SETTINGS, f"{name} cannot be asked: {error}")


def of_redirect(entry: Entry, error: str, description: str) -> ProviderFailed:
    """An authorization answer that says no (RFC 6749, section 4.1.2.1)."""
    kind = _TOKEN_WORDS.get(error, Kind.REJECTED)
    if kind is Kind.CONSENT_DENIED:
        return failed(kind, f"Access was denied at {entry.name}{_said(description)}.")
    return failed(kind, f"{entry.name} refused the request: {_word(error)}{_said(description)}.")


def of_token_answer(entry: Entry, reply: Reply) -> ProviderFailed | None:
    """Why an answer of a token endpoint holds no token (RFC 6749, section 5.2, and those who answer 200 all the same)."""
    document = reply.json()
    found = templates.dig(document, "access_token")
    if reply.is_ok and isinstance(found, str) and found and templates.dig(document, "ok") is not False:
        return None
    passing = _by_status(entry, reply)
    if passing is not None and passing.failure.passes:
        return passing
    said = _said(templates.dig_first(document, (*entry.faults.message, "error_description")))
    return _without_token(entry, reply, _word_of(entry, document), said)


def _without_token(entry: Entry, reply: Reply, word: str, said: str) -> ProviderFailed:
    if word in entry.faults.busy:
        return failed(Kind.RATE_LIMITED, f"{entry.name} is busy: {word}.", retry_after(reply))
    kind = Kind.INVALID_GRANT if word in entry.faults.ended else _TOKEN_WORDS.get(word)
    if kind is not None:
        told = "no longer accepts this connection" if kind is Kind.INVALID_GRANT else "gave no token"
        return failed(kind, f"{entry.name} {told}: {word}{said}.")
    if reply.is_ok or reply.json() is None:
        return failed(Kind.ANSWER, f"{entry.name} answered {reply.status} to the token request, without a token.")
    if reply.status == 401:
        return failed(Kind.INVALID_CLIENT, f"{entry.name} does not accept the client's credentials{said}.")
    return failed(Kind.REJECTED, f"{entry.name} gave no token: {word or reply.status}{said}.")


def of_answer(entry: Entry, reply: Reply) -> ProviderFailed | None:
    """What is wrong with an answer of the provider's API; None if it says success."""
    document = reply.json()
    if reply.is_ok and templates.dig(document, "ok") is not False:
        return None
    word = _word_of(entry, document)
    said = _said(templates.dig_first(document, entry.faults.message))
    if word in entry.faults.ended:
        return failed(Kind.UNAUTHORIZED, f"{entry.name} no longer accepts the credentials: {word}{said}.")
    if word in entry.faults.scope:
        return failed(Kind.SCOPE_MISSING, f"{entry.name} asks for a right that this connection does not have: {word}{said}.")
    if word in entry.faults.busy:
        return failed(Kind.RATE_LIMITED, f"{entry.name} asks to wait: {word}.", retry_after(reply))
    refused = failed(Kind.REJECTED, f"{entry.name} refused the call with {reply.status}: {word or 'no reason given'}{said}.")
    return _by_status(entry, reply) or refused


def retry_after(reply: Reply, now: datetime | None = None) -> float | None:
    """How long an answer asks to wait, in seconds, an hour at most (RFC 9110, section 10.2.3)."""
    told = reply.headers.get("retry-after", "").strip()
    if told.isascii() and told.replace(".", "", 1).isdigit():
        return min(float(told), _MOST_WAIT)
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0), _MOST_WAIT)


def _by_status(entry: Entry, reply: Reply) -> ProviderFailed | None:
    said = _said(templates.dig_first(reply.json(), entry.faults.message))
    wait = retry_after(reply)
    lacks = "insufficient_scope" in reply.headers.get("www-authenticate", "")
    told: dict[int, tuple[Kind, str, float | None]] = {
        401: (Kind.UNAUTHORIZED, f"does not accept the credentials{said}", None),
        403: (
            Kind.SCOPE_MISSING,
            f"{'asks for a scope that this connection has not' if lacks else 'forbids this to the account'}{said}",
            None,
        ),
        404: (Kind.NOT_FOUND, f"knows nothing at that address{said}", None),
        429: (Kind.RATE_LIMITED, "asks to wait: too many calls", wait),
    }
    if reply.status in told:
        kind, text, seconds = told[reply.status]
        return failed(kind, f"{entry.name} {text}.", seconds)
    if reply.status >= 500:
        return failed(Kind.SERVER_ERROR, f"{entry.name} failed with {reply.status}.", wait)
    if 300 <= reply.status < 400:
        return failed(Kind.ANSWER, f"{entry.name} answered with a redirect ({reply.status}), which is not followed.")
    return None


def _word_of(entry: Entry, document: Any) -> str:
    for path in (entry.faults.path, "error"):
        found = templates.dig(document, path)
        if isinstance(found, str | int) and not isinstance(found, bool):
            return _word(str(found))
    return ""


def _word(text: str) -> str:
    return texts.storable(text[:60])


def _said(description: str) -> str:
    """What the provider said, as a part of a sentence; cut, since it may say anything."""
    text = texts.storable(description[:_SHOWN]).strip().rstrip(".")
    return f" ({text})" if text else ""
