"""Names that older systems gave to the fields of a webhook, turned into ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

_RENAMED: Final = {
    "isActive": "is_active",
    "active": "is_active",
    "enabled": "is_active",
    "webhookUrl": "url",
    "webhook_url": "url",
    "eventTypes": "events",
    "event_types": "events",
    "id": "external_ref",
}
_RETRY: Final = {
    "maxRetries": "max_retries",
    "initialDelay": "initial_delay",
    "maxDelay": "max_delay",
    "backoffMultiplier": "multiplier",
    "backoff_multiplier": "multiplier",
}
_RETRY_OBJECTS: Final = ("retryConfig", "retry_config", "retryPolicy", "retry_policy")
_MILLISECONDS: Final = ("backoffMs", "backoff_ms")


def translate(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same body under our names. Where a field is given under several names, ours wins."""
    found = {name: value for name, value in body.items() if name not in _RENAMED and name not in _RETRY_OBJECTS}
    for older, name in _RENAMED.items():
        if older in body and name not in body:
            found.setdefault(name, body[older])
    retry = _retry_policy(body, found)
    if retry is not _ABSENT:
        found["retry_policy"] = retry
    return found


_ABSENT: Final = object()


def _retry_policy(body: Mapping[str, Any], found: dict[str, Any]) -> Any:
    merged: dict[str, Any] = {}
    given = [body[name] for name in _RETRY_OBJECTS if name in body]
    for value in given:
        if not isinstance(value, Mapping):
            return value  # None, or what the check refuses
        merged |= _retry_fields(cast("Mapping[str, Any]", value))
    for name in ("max_retries", "maxRetries"):
        if name in found:
            retries = found.pop(name)
            merged.setdefault("max_retries", retries)
    return merged if merged or given else _ABSENT


def _retry_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, item in value.items():
        if name in _MILLISECONDS:
            is_number = isinstance(item, int | float) and not isinstance(item, bool)
            fields["initial_delay"] = item / 1000 if is_number else item
        else:
            fields[_RETRY.get(name, name)] = item
    return fields
