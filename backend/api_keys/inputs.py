"""What may be said about a key, and what is wrong with it: every problem at once. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from backend.api_keys import scopes
from backend.core import jsjson, texts
from backend.core.errors import FieldError, Invalid

MIN_LIMIT: Final = 1
MAX_LIMIT: Final = 1_000_000
DEFAULT_LIMIT_PER_MINUTE: Final = 100
LIMIT_FIELDS: Final = {"limit_per_minute": "per_minute", "limit_per_hour": "per_hour", "limit_per_day": "per_day"}
MAX_NETWORKS: Final = 200
MAX_METADATA_BYTES: Final = 16_384
MAX_ROTATE_DAYS: Final = 3650
MAX_OVERLAP_HOURS: Final = 168


class Unset(Enum):
    """The one value of a field that was not given."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
Limit = int | None | Unset


@dataclass(frozen=True, slots=True)
class KeyInput:
    """A key to be made. A limit of None is no limit; when no limit is given at all, 100 per minute holds."""

    name: str
    scopes: Sequence[str]
    description: str = ""
    limit_per_minute: Limit = UNSET
    limit_per_hour: Limit = UNSET
    limit_per_day: Limit = UNSET
    allowed_ips: Sequence[str] = ()
    expires_at: datetime | None = None
    owner_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rotate_every_days: int | None = None
    external_ref: str | None = None
    is_active: bool = True


CHANGEABLE: Final = tuple(f.name for f in fields(KeyInput))


def check(values: Mapping[str, Any], *, now: datetime, modules: Collection[str] = ()) -> dict[str, Any]:
    """The given fields of `KeyInput` made canonical: text trimmed, scopes sorted, networks written in their shortest form.

    Raises `Invalid` with everything that is wrong.
    """
    clean: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in values.items():
        if value is UNSET:
            continue
        try:
            clean[name] = _check_field(name, value, now, modules)
        except Invalid as problem:
            errors.extend(problem.errors)
    if errors:
        raise Invalid(*errors)
    return clean


def with_default_limit(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with 100 per minute where no limit was given; an explicit None is given, and means unlimited."""
    given = {name: values.get(name) for name in LIMIT_FIELDS}
    if not any(name in values for name in LIMIT_FIELDS):
        given["limit_per_minute"] = DEFAULT_LIMIT_PER_MINUTE
    return {**values, **given}


def check_overlap(hours: float) -> None:
    """Raise `Invalid` unless `hours` is a possible overlap of two secrets: 0 to 168."""
    if not 0 <= hours <= MAX_OVERLAP_HOURS:
        raise Invalid(
            FieldError(
                "overlap_hours",
                f"{hours:g} is out of range.",
                f"Use 0 (at once) to {MAX_OVERLAP_HOURS} hours (7 days).",
            )
        )


def parse_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """An address or a CIDR range as a network; one of v4-mapped addresses as that of v4. Raises `ValueError`."""
    network = ipaddress.ip_network(text.strip(), strict=False)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


def _check_field(name: str, value: Any, now: datetime, modules: Collection[str]) -> Any:
    if name in LIMIT_FIELDS:
        return _bounded(f"rate_limit.{LIMIT_FIELDS[name]}", value, MIN_LIMIT, MAX_LIMIT, "requests, or null for no limit")
    if name == "scopes":
        return _scopes(value, modules)
    if name == "expires_at":
        return _expiry(value, now)
    rule = _RULES.get(name)
    return rule(value) if rule is not None else value


def _text(name: str, value: str, *, least: int, most: int) -> str:
    text = value.strip()
    if least <= len(text) <= most:
        return text
    what = "is empty." if len(text) < least else f"has {len(text)} characters."
    raise Invalid(FieldError(name, what, f"Use {least} to {most} characters."))


def _scopes(value: Sequence[str], modules: Collection[str]) -> list[str]:
    if not value:
        raise Invalid(FieldError("scopes", "is empty, so the key could do nothing.", "Give at least one, such as webhooks:read."))
    return sorted(scopes.parse(value, modules))


def _bounded(path: str, value: int | None, least: int, most: int, unit: str) -> int | None:
    if value is None or least <= value <= most:
        return value
    raise Invalid(FieldError(path, f"{value} is out of range.", f"Use {least:,} to {most:,} {unit}."))


def _networks(value: Sequence[str]) -> list[str]:
    found: list[str] = []
    errors: list[FieldError] = []
    for index, text in enumerate(value):
        try:
            network = parse_network(text)
        except ValueError:
            fix = "Write an address or a range, such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32."
            errors.append(FieldError(f"allowed_ips[{index}]", f"{text!r} is no IP address or CIDR range.", fix))
            continue
        found.append(str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network))
    if len(value) > MAX_NETWORKS:
        errors.append(FieldError("allowed_ips", f"has {len(value)} entries.", f"Use at most {MAX_NETWORKS}; join neighbours into ranges."))
    if errors:
        raise Invalid(*errors)
    return list(dict.fromkeys(found))


def _expiry(value: datetime | None, now: datetime) -> datetime | None:
    if value is None:
        return None
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if moment <= now:
        raise Invalid(FieldError("expires_at", "is not in the future.", "Give a later time, or leave it out for a key without end."))
    return moment


def _metadata(value: Mapping[str, Any]) -> dict[str, Any]:
    try:
        size = len(jsjson.stringify_bytes(dict(value)))
    except jsjson.NotJson as error:
        raise Invalid(FieldError("metadata", str(error), "Give a JSON object.")) from None
    if not texts.is_storable(value):
        raise Invalid(FieldError("metadata", "holds a text with U+0000 or half of a surrogate pair.", "Take those characters out."))
    if size > MAX_METADATA_BYTES:
        raise Invalid(FieldError("metadata", f"has {size:,} bytes as JSON.", f"Use at most {MAX_METADATA_BYTES:,}."))
    return dict(value)


_RULES: Final[dict[str, Callable[[Any], Any]]] = {
    "name": lambda value: _text("name", value, least=1, most=120),
    "description": lambda value: _text("description", value or "", least=0, most=1000),
    "allowed_ips": lambda value: _networks(value or ()),
    "metadata": lambda value: _metadata(value or {}),
    "rotate_every_days": lambda value: _bounded("rotate_every", value, 1, MAX_ROTATE_DAYS, "days"),
    "external_ref": lambda value: value and _text("external_ref", value, least=1, most=200),
}
