"""How bodies of the older systems' paths differ from ours: camelCase, upper-case status words, one number as the rate limit. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode

from pydantic.alias_generators import to_camel

from backend.gateway.older_table import Older

# Objects of users' own content, or of standards' own names: what is in them is not ours to rename.
_OPAQUE: Final = frozenset(
    {"metadata", "data", "headers", "filter", "sample", "json_schema", "body", "payload", "previous", "changes", "samples"}
)
_STATUSES: Final = frozenset({"status", "previous_status", "allowed_statuses"})
# What the older systems call the states of a delivery.
_DELIVERIES: Final = {"waiting": "PENDING", "sending": "PENDING", "delivered": "SUCCESS", "dead": "FAILED"}
_ACTIVE: Final = {"ACTIVE": True, "ENABLED": True, "INACTIVE": False, "DISABLED": False}
_PER: Final = {"per_minute": 1, "per_hour": 60, "per_day": 60 * 24}  # minutes
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SWITCHED: Final = ("/api/v1/api-keys", "/api/v1/webhooks", "/api/v1/integrations")


def query(row: Older, path: str, text: str) -> str:
    """A query under our names; `path` is where the call is answered."""
    found: list[tuple[str, str]] = []
    for name, value in parse_qsl(text, keep_blank_values=True):
        ours = _HUMPS.sub("_", name).lower()
        is_ours = ours == "status" and not row.are_records and not _lists_deliveries(path)
        found.append((ours, value.lower() if is_ours else value))
    return "&".join(part for part in (urlencode(found), row.query) if part)


def body(row: Older, path: str, sent: Any) -> Any:
    """A request's body under our names, as far as the routes do not know the older ones themselves."""
    if row.are_records or not isinstance(sent, Mapping):
        return sent
    found = dict(cast("Mapping[str, Any]", sent))
    if path.startswith("/api/v1/api-keys"):
        for name in ("rateLimit", "rate_limit"):
            if isinstance(found.get(name), int) and not isinstance(found[name], bool):
                found[name] = {row.window: found[name]}
    if path.startswith(_SWITCHED) and isinstance(word := found.get("status"), str) and word.upper() in _ACTIVE:
        del found["status"]
        if not {"is_active", "isActive", "active", "enabled"} & found.keys():
            found["is_active"] = _ACTIVE[word.upper()]
    return found


def answer(row: Older, path: str, given: Any) -> Any:
    """The body of an answer as the older systems wrote it."""
    if row.are_records:
        return _record(given)
    return _camel(given, row, are_deliveries=_lists_deliveries(path))


def problem(given: Mapping[str, Any], *, called: str, answered: str) -> dict[str, Any]:
    """A problem as the older systems told it: `errors` as sentences, 400 for what is not valid, paths as they were called."""
    found = {**given, "instance": called}
    for name in ("detail", "message"):
        found[name] = str(given.get(name, "")).replace(answered, called)
    found["errors"] = [_sentence(each) for each in cast("list[Mapping[str, str]]", given.get("errors") or [])]
    if given.get("status") == 422:
        found |= {"status": 400, "statusCode": 400}
    if found["errors"]:
        found["detail"] = found["message"] = " ".join(found["errors"])
    return found


def _lists_deliveries(path: str) -> bool:
    is_history = path.startswith("/api/v1/webhooks/") and path.endswith("/events")
    return is_history or "/deliveries" in path or path == "/api/v1/logs/webhooks"


def _sentence(error: Mapping[str, str]) -> str:
    path = ".".join(to_camel(part) for part in error["path"].split("."))
    return f"{path} {error['message']} {error['fix']}".strip()


def _record(given: Any) -> Any:
    """A record, or a page of records, with its members in camelCase and their values as they are."""
    if not isinstance(given, Mapping):
        return given
    found = {to_camel(name): value for name, value in cast("Mapping[str, Any]", given).items()}
    if isinstance(rows := found.get("data"), list) and "hasMore" in found:
        found["data"] = [_record(row) for row in cast("list[Any]", rows)]
    return found


def _camel(value: Any, row: Older, *, are_deliveries: bool) -> Any:
    if isinstance(value, list):
        return [_camel(each, row, are_deliveries=are_deliveries) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, each in cast("dict[str, Any]", value).items():
        if name in _OPAQUE and isinstance(each, dict):
            found[to_camel(name)] = each
        elif name in _STATUSES:
            found[to_camel(name)] = _words(each, are_deliveries=are_deliveries)
        elif name == "rate_limit" and isinstance(each, dict):
            limits = cast("dict[str, int | None]", each)
            found["rateLimit"] = _one_number(limits, row.window)
            found |= {to_camel(f"rate_limit_{window}"): limit for window, limit in limits.items()}
        else:
            found[to_camel(name)] = _camel(each, row, are_deliveries=are_deliveries)
    return found


def _words(value: Any, *, are_deliveries: bool) -> Any:
    if isinstance(value, list):
        return [_words(each, are_deliveries=are_deliveries) for each in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    return _DELIVERIES.get(value, value.upper()) if are_deliveries else value.upper()


def _one_number(limits: Mapping[str, int | None], window: str) -> int | None:
    """The limit of the window that the path speaks of; where there is none, what the next one comes to over that time."""
    if (limit := limits.get(window)) is not None:
        return limit
    known = [(name, limit) for name in _PER if (limit := limits.get(name)) is not None]
    return max(1, known[0][1] * _PER[window] // _PER[known[0][0]]) if known else None
