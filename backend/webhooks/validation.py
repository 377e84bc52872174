"""What may be said about a webhook: every field checked, every mistake reported at once with what would be right."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from backend.core import filters, header_rules, jsjson, signing, texts
from backend.core.egress import EgressBlocked, EgressPolicy
from backend.core.egress_rules import UrlRefused, parse_url
from backend.core.errors import FieldError, Invalid
from backend.event_types import service as event_types
from backend.webhooks import matching, policy

MASK: Final = "••••••••"  # what reads show for the value of a header; sent back, it keeps the stored value
MAX_NAME: Final = 120
MAX_URL: Final = 2000
MAX_EVENTS: Final = 100
MAX_HEADERS: Final = 20
TIMEOUT_SECONDS: Final = (1, 30)
MAX_RATE: Final = 1000
DISABLE_DAYS: Final = (1, 30)
MAX_METADATA_BYTES: Final = 16 * 1024
MAX_REFERENCE: Final = 200
_EGRESS_FIX: Final = "Use a public address, or ask the operator to add its network to CROSSDOCK_EGRESS_ALLOW."


@dataclass(slots=True)
class Check:
    """One validation: what it needs to know, and the mistakes found so far."""

    event_names: Collection[str]
    egress: EgressPolicy
    stored_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    errors: list[FieldError] = field(default_factory=list[FieldError])

    def wrong(self, path: str, message: str, fix: str) -> None:
        """Note a mistake."""
        self.errors.append(FieldError(path, message, fix))


def clean(fields: Mapping[str, Any], check: Check) -> dict[str, Any]:
    """The fields with their values in the form in which they are stored. Raises `Invalid` with every mistake of all of them.

    A name that is given but empty becomes the host of the URL, if that is given too.
    """
    cleaned = {name: _FIELDS[name](value, check) for name, value in fields.items()}
    if check.errors:
        raise Invalid(
            *(FieldError(texts.storable(each.path), texts.storable(each.message), texts.storable(each.fix)) for each in check.errors)
        )
    if not cleaned.get("name", "-") and "url" in cleaned:
        cleaned["name"] = parse_url(cleaned["url"]).host[:MAX_NAME]
    return cleaned


def _name(value: Any, check: Check) -> str:
    return _text("name", value, check, longest=MAX_NAME)


def _reference(value: Any, check: Check) -> str | None:
    return None if value is None else _text("external_ref", value, check, longest=MAX_REFERENCE)


def _text(path: str, value: Any, check: Check, *, longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        check.wrong(path, f"{_shown(value)} is not a text.", f"Send a text of at most {longest} characters.")
        return ""
    text = value.strip()
    if len(text) > longest:
        check.wrong(path, f"has {len(text)} characters.", f"Use at most {longest}.")
    elif any(not char.isprintable() for char in text):
        check.wrong(path, "holds characters that cannot be shown.", "Leave out line breaks and control characters.")
    return text


def _url(value: Any, check: Check) -> str:
    if not isinstance(value, str) or not value.strip():
        check.wrong("url", "is missing.", "Give the address to deliver to, such as https://example.com/webhooks.")
        return ""
    url = value.strip()
    if len(url) > MAX_URL:
        check.wrong("url", f"has {len(url)} characters.", f"Use at most {MAX_URL}.")
        return url
    if not texts.is_storable(url):
        check.wrong("url", "holds half a character.", "Write it with percent-encoding.")
        return ""
    try:
        target = check.egress.check_url(url)
        if target.host.rpartition(".")[2] == "localhost" and not check.egress.is_own(target):
            check.egress.permitted(target.host, ["127.0.0.1"])
    except UrlRefused as error:
        check.wrong("url", str(error), "Give an address such as https://example.com/webhooks.")
    except EgressBlocked as error:
        check.wrong("url", f"{error.host} is not allowed: {error.rule}.", _EGRESS_FIX)
    return url


def _events(value: Any, check: Check) -> list[str]:
    if not value or not isinstance(value, list | tuple):
        check.wrong("events", "is empty.", "Choose at least one, such as order.created, order.* or * (all).")
        return []
    entries = list(cast("Sequence[Any]", value))
    if len(entries) > MAX_EVENTS:
        check.wrong("events", f"has {len(entries)} entries.", f"Use at most {MAX_EVENTS}, or group them as in order.*.")
        return []
    for index, entry in enumerate(entries):
        if not isinstance(entry, str):
            check.wrong(f"events[{index}]", f"{_shown(entry)} is not a text.", "Send the name of an event type.")
        elif not matching.is_known(entry, check.event_names):
            meant = {*check.event_names, *matching.groups(check.event_names)}
            check.errors.append(event_types.unknown(entry[:100], meant, path=f"events[{index}]"))
    return [] if check.errors else list(dict.fromkeys(entries))


def _filter(value: Any, check: Check) -> dict[str, Any] | None:
    if value is None or value == {}:
        return None
    try:
        filters.parse(value)
    except Invalid as error:
        check.errors.extend(error.errors)
    else:
        _size("filter", value, check)
    return cast("dict[str, Any]", value)


def _headers(value: Any, check: Check) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        check.wrong("headers", "is not an object of names and values.", 'Write it like {"X-Api-Version": "2"}.')
        return {}
    given = cast("Mapping[Any, Any]", value)
    if len(given) > MAX_HEADERS:
        check.wrong("headers", f"has {len(given)} entries.", f"Use at most {MAX_HEADERS}.")
        return {}
    stored = {name.lower(): text for name, text in check.stored_headers.items()}
    found: dict[str, str] = {}
    for name, text in given.items():
        _header(str(name), text, stored, found, check)
    return found


def _header(name: str, value: Any, stored: Mapping[str, str], found: dict[str, str], check: Check) -> None:
    path = f"headers.{name[:MAX_NAME]}"
    if name.lower() in (other.lower() for other in found):
        check.wrong(path, "is there twice; names of headers are the same in any case.", "Keep one of them.")
        return
    if value == MASK and name.lower() in stored:
        value = stored[name.lower()]
    if not isinstance(value, str):
        check.wrong(path, f"{type(value).__name__} is not a text.", "Send the value of the header as a text.")
        return
    problem = header_rules.header_problem(name, value)
    if problem is not None:
        check.wrong(path, problem, "Rename, correct or remove this header.")
    found[name] = value


def _timeout(value: Any, check: Check) -> float:
    low, high = TIMEOUT_SECONDS
    return _number("timeout", value, check, low, high, f"Use {low} to {high} seconds.")


def _rate_limit(value: Any, check: Check) -> float | None:
    if value is None:
        return None
    low, fix = 0.01, f"Use more than 0, up to {MAX_RATE} deliveries per second, or null for no limit."
    return _number("rate_limit", value, check, low, MAX_RATE, fix)


def _number(path: str, value: Any, check: Check, low: float, high: float, fix: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        check.wrong(path, f"{_shown(value)} is not a number.", fix)
        return low
    if not low <= value <= high:
        check.wrong(path, f"{value:g} is out of range.", fix)
    return float(value)


def _retry_policy(value: Any, check: Check) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        check.wrong("retry_policy", "is not an object.", 'Write it like {"schedule": [5, 300]} or {"max_retries": 3}.')
        return {}
    document = dict(cast("Mapping[str, Any]", value))
    for problem in policy.problems(document):
        check.wrong(f"retry_policy.{problem.path}", problem.message, problem.fix)
    return document


def _signature_style(value: Any, check: Check) -> str:
    if value not in list(signing.SignatureStyle):
        check.wrong("signature_style", f"{_shown(value)} is not a style.", "Use hex, or sha256 for sha256=hex.")
        return signing.SignatureStyle.HEX
    return str(value)


def _secret(value: Any, check: Check) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        check.wrong("secret", "is not a text.", "Send the secret as a text, or leave it out to get one.")
        return None
    try:
        return signing.parse_secret(value).text
    except signing.BadWebhookSecret as error:
        check.wrong("secret", str(error), "Leave it out to get a secret that fits.")
        return None


def _disable_after_days(value: Any, check: Check) -> int:
    low, high = DISABLE_DAYS
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        check.wrong("disable_after_days", f"{_shown(value)} is not a number of days.", f"Use {low} to {high}.")
        return low
    return value


def _metadata(value: Any, check: Check) -> dict[str, Any]:
    if value is None:
        return {}
    fix = 'Send an object such as {"team": "billing"}.'
    if not isinstance(value, dict):
        check.wrong("metadata", "is not an object.", fix)
        return {}
    size = _size("metadata", value, check)
    if size > MAX_METADATA_BYTES:
        check.wrong("metadata", f"has {size:,} bytes.", f"Use at most {MAX_METADATA_BYTES:,}.")
    return cast("dict[str, Any]", value)


def _flag(path: str) -> Callable[[Any, Check], bool]:
    def flag(value: Any, check: Check) -> bool:
        if not isinstance(value, bool):
            check.wrong(path, f"{_shown(value)} is neither true nor false.", "Send true or false.")
        return value is True

    return flag


def _size(path: str, value: Any, check: Check) -> int:
    """Bytes of a document as JSON; notes what JSON, or a database's text, cannot carry."""
    try:
        text = jsjson.stringify(value)
    except jsjson.NotJson as error:
        check.wrong(path, str(error), "Send plain JSON: finite numbers, texts, lists and objects.")
        return 0
    if not texts.is_storable(value):
        check.wrong(path, "holds a text with a NUL or half a character.", "Take those characters out.")
    return len(text.encode())


def _shown(value: Any) -> str:
    return repr(value)[:100]


_FIELDS: Final[Mapping[str, Callable[[Any, Check], Any]]] = {
    "url": _url,
    "events": _events,
    "name": _name,
    "filter": _filter,
    "headers": _headers,
    "verify_ssl": _flag("verify_ssl"),
    "timeout": _timeout,
    "retry_policy": _retry_policy,
    "rate_limit": _rate_limit,
    "signature_style": _signature_style,
    "secret": _secret,
    "is_active": _flag("is_active"),
    "auto_disable": _flag("auto_disable"),
    "disable_after_days": _disable_after_days,
    "metadata": _metadata,
    "external_ref": _reference,
}
