"""How sources prove who they are: the known schemes as data, and the settings of one that are free to choose. Pure.

What each signs, and how, is from its vendor's documentation and library: Stripe, GitHub, Shopify, Slack, Twilio, HubSpot (v3), Xero, Uber
Eats, Deliveroo, Intuit, and Standard Webhooks 1.0.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from backend.core.errors import FieldError

MAX_TOLERANCE: Final = 3600
DEFAULT_TOLERANCE: Final = 300
MAX_SECRET: Final = 1000


class Scheme(StrEnum):
    """The ways of verification beside the token in the address."""

    NONE = "none"
    HMAC = "hmac"
    STRIPE = "stripe"
    GITHUB = "github"
    SHOPIFY = "shopify"
    SLACK = "slack"
    TWILIO = "twilio"
    HUBSPOT = "hubspot"
    XERO = "xero"
    INTUIT = "intuit"
    UBER_EATS = "uber_eats"
    DELIVEROO = "deliveroo"
    STANDARD_WEBHOOKS = "standard_webhooks"
    BASIC = "basic"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature made with a shared secret: where it is, how it is written, and what was signed.

    `signed` is a template of `{body}`, `{timestamp}`, `{id}`, `{url}`, `{method}` and `{header:Name}`. The header's value is split at
    `separator` into entries, of which those that begin with `prefix` are signatures; the time is the entry that begins with
    `timestamp_entry`, or another header. `key` says what the secret's text stands for: itself, or bytes in base64, hex, or
    base64 after `whsec_`.
    """

    header: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    separator: str = ""
    signed: str = "{body}"
    key: str = "text"
    timestamp_header: str = ""
    timestamp_entry: str = ""
    timestamp_unit: str = "s"
    tolerance: int = DEFAULT_TOLERANCE
    id_header: str = ""
    aliases: tuple[tuple[str, str], ...] = ()  # other names of these headers

    @property
    def is_timed(self) -> bool:
        """Whether a time is signed, so that an old request can be told from a new one."""
        return bool(self.timestamp_header or self.timestamp_entry)

    @property
    def is_of_url(self) -> bool:
        """Whether the address is part of what is signed."""
        return "{url}" in self.signed


SIGNATURES: Final[Mapping[Scheme, Signature]] = {
    Scheme.STRIPE: Signature("stripe-signature", prefix="v1=", separator=",", timestamp_entry="t=", signed="{timestamp}.{body}"),
    Scheme.GITHUB: Signature("x-hub-signature-256", prefix="sha256=", id_header="x-github-delivery"),
    Scheme.SHOPIFY: Signature("x-shopify-hmac-sha256", encoding="base64", id_header="x-shopify-webhook-id"),
    Scheme.SLACK: Signature(
        "x-slack-signature", prefix="v0=", timestamp_header="x-slack-request-timestamp", signed="v0:{timestamp}:{body}"
    ),
    Scheme.TWILIO: Signature(
        "x-twilio-signature", algorithm="sha1", encoding="base64", signed="{url}{form}", id_header="i-twilio-idempotency-token"
    ),
    Scheme.HUBSPOT: Signature(
        "x-hubspot-signature-v3",
        encoding="base64",
        timestamp_header="x-hubspot-request-timestamp",
        timestamp_unit="ms",
        signed="{method}{url}{body}{timestamp}",
    ),
    Scheme.XERO: Signature("x-xero-signature", encoding="base64"),
    Scheme.INTUIT: Signature("intuit-signature", encoding="base64"),
    Scheme.UBER_EATS: Signature("x-uber-signature"),
    Scheme.DELIVEROO: Signature(
        "x-deliveroo-hmac-sha256", signed="{header:x-deliveroo-sequence-guid} {body}", id_header="x-deliveroo-sequence-guid"
    ),
    Scheme.STANDARD_WEBHOOKS: Signature(
        "webhook-signature",
        encoding="base64",
        prefix="v1,",
        separator=" ",
        key="whsec",
        timestamp_header="webhook-timestamp",
        signed="{id}.{timestamp}.{body}",
        id_header="webhook-id",
        aliases=tuple((f"svix-{part}", f"webhook-{part}") for part in ("id", "timestamp", "signature")),
    ),
}
# Headers that name what happened.
EVENT_HEADERS: Final[Mapping[Scheme, str]] = {
    Scheme.GITHUB: "x-github-event",
    Scheme.SHOPIFY: "x-shopify-topic",
    Scheme.DELIVEROO: "x-deliveroo-payload-type",
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "algorithm": ("sha1", "sha256", "sha512"),
    "encoding": ("hex", "base64", "base64url"),
    "key": ("text", "base64", "hex", "whsec"),
    "timestamp_unit": ("s", "ms"),
}
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_PLACEHOLDER: Final = re.compile(r"\{(body|timestamp|id|url|method|header:[A-Za-z0-9_-]{1,100})\}", re.ASCII)
_OF_HMAC: Final = tuple(each.name for each in dataclasses.fields(Signature) if each.name != "aliases")
_OWN: Final[Mapping[Scheme, tuple[str, ...]]] = {Scheme.HMAC: _OF_HMAC, Scheme.BASIC: ("username",), Scheme.HEADER: ("header", "prefix")}
_NEEDED: Final[Mapping[Scheme, str]] = {Scheme.HMAC: "header", Scheme.BASIC: "username", Scheme.HEADER: "header"}


@dataclass(frozen=True, slots=True)
class Verification:
    """A scheme with its settings, without the secrets. `dedupe` is a path in the body, or `header:Name`, of the source's own id."""

    scheme: Scheme
    signature: Signature | None = None
    username: str = ""
    header: str = ""
    prefix: str = ""
    dedupe: str = ""


def parse(document: Mapping[str, Any]) -> tuple[Verification, dict[str, Any], list[FieldError]]:
    """Settings as somebody sent them, without secrets: what they mean, what is kept of them, and every mistake."""
    errors: list[FieldError] = []
    word = document.get("scheme", Scheme.NONE.value)
    scheme = _scheme(word, errors)
    allowed = ("scheme", "dedupe", "tolerance", *_OWN.get(scheme, ()))
    kept: dict[str, Any] = {"scheme": scheme.value}
    for name, value in document.items():
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            told = f"does not belong to the scheme {scheme}."
            errors.append(FieldError(f"verification.{name[:60]}", told, f"Did you mean {near[0]}?" if near else "Leave it out."))
        elif name != "scheme" and value not in (None, ""):
            _check(name, value, errors)
            kept[name] = value
    needed = _NEEDED.get(scheme)
    if needed and needed not in kept:
        errors.append(FieldError(f"verification.{needed}", f"is needed by the scheme {scheme}.", "Send it."))
    if errors:
        return Verification(Scheme.NONE), kept, errors
    return of(kept), kept, []


def of(kept: Mapping[str, Any]) -> Verification:
    """What settings mean that `parse` has kept."""
    scheme = Scheme(kept["scheme"])
    given = {name: value for name, value in kept.items() if name in _OF_HMAC}
    signature = SIGNATURES.get(scheme)
    if scheme is Scheme.HMAC:
        signature = Signature(**given)
    elif signature is not None and "tolerance" in given:
        signature = dataclasses.replace(signature, tolerance=given["tolerance"])
    return Verification(
        scheme,
        signature,
        username=kept.get("username", ""),
        header=kept.get("header", "") if scheme is Scheme.HEADER else "",
        prefix=kept.get("prefix", "") if scheme is Scheme.HEADER else "",
        dedupe=kept.get("dedupe", ""),
    )


def _scheme(word: Any, errors: list[FieldError]) -> Scheme:
    plain = str(word).strip().lower().replace("-", "_").replace(" ", "_")
    if plain in list(Scheme):
        return Scheme(plain)
    near = difflib.get_close_matches(plain[:60], list(Scheme), n=1)
    fix = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(Scheme)}."
    errors.append(FieldError("verification.scheme", f"{str(word)[:40]!r} is no scheme.", fix))
    return Scheme.NONE


def _check(name: str, value: Any, errors: list[FieldError]) -> None:
    path = f"verification.{name}"
    if name == "tolerance":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_TOLERANCE:
            errors.append(FieldError(path, "is no number of seconds.", f"Use 1 to {MAX_TOLERANCE}."))
        return
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        errors.append(FieldError(path, "is no short text.", "Send at most 200 characters that can be shown."))
        return
    if name in _CHOICES and value not in _CHOICES[name]:
        errors.append(FieldError(path, f"{value[:40]!r} is not possible.", f"Use {', '.join(_CHOICES[name])}."))
    elif name in {"header", "timestamp_header", "id_header"} and _HEADER_NAME.fullmatch(value) is None:
        errors.append(FieldError(path, f"{value[:60]!r} is no name of a header.", "Write it as X-Signature."))
    elif name == "signed":
        if "{body}" not in value:
            errors.append(FieldError(path, "leaves out the body, so anybody could change it.", "Write {body} where the raw body stands."))
        elif re.search(r"[{}]", _PLACEHOLDER.sub("", value)):
            errors.append(
                FieldError(path, "holds a brace that is no placeholder.", "Use {body}, {timestamp}, {id}, {url}, {method}, {header:Name}.")
            )


def secrets_of(document: Mapping[str, Any], errors: list[FieldError]) -> tuple[dict[str, Any], dict[str, str] | None]:
    """The settings without the secrets, and the secrets if any were sent: `secret`, and `previous_secret`, which is taken too.

    `has_secret`, which a read answers, says nothing when it is sent back.
    """
    rest = {name: value for name, value in document.items() if name not in {"secret", "previous_secret", "has_secret"}}
    found: dict[str, str] = {}
    for name in ("secret", "previous_secret"):
        value = document.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_SECRET or not value.isprintable():
            errors.append(FieldError(f"verification.{name}", "is no secret.", f"Send a text of 1 to {MAX_SECRET} characters."))
        else:
            found[name] = value.strip()
    return rest, found or None
