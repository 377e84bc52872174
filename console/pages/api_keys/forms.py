"""What the forms of API keys send, as the service takes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from backend.core.errors import FieldError, Invalid


def changes(form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a key's form under the names of `KeyInput`. Raises `Invalid` for what is no number, date or JSON."""
    errors: list[FieldError] = []

    def whole(name: str) -> int | None:
        text = str(form.get(name) or "").replace(",", "").strip()
        if not text:
            return None
        if not text.isdigit():
            errors.append(FieldError("rate_limit" if name.startswith("limit") else name, f"{text!r} is no whole number."))
            return None
        return int(text)

    values: dict[str, Any] = {
        "name": str(form.get("name") or ""),
        "description": str(form.get("description") or ""),
        "scopes": sorted(name.removeprefix("scope:") for name in form if name.startswith("scope:"))
        + str(form.get("more_scopes") or "").split(),
        "limit_per_minute": whole("limit_per_minute"),
        "limit_per_hour": whole("limit_per_hour"),
        "limit_per_day": whole("limit_per_day"),
        "allowed_ips": str(form.get("allowed_ips") or "").replace(",", " ").split(),
        "rotate_every_days": whole("rotate_every"),
        "expires_at": _end_of_day(str(form.get("expires_at") or ""), errors),
        "metadata": _object(str(form.get("metadata") or ""), errors),
    }
    if errors:
        raise Invalid(*errors)
    return values


def _end_of_day(text: str, errors: list[FieldError]) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.combine(datetime.fromisoformat(text).date(), time(23, 59, 59), UTC)
    except ValueError:
        errors.append(FieldError("expires_at", f"{text!r} is no date.", "Write it as 2027-01-31."))
        return None


def _object(text: str, errors: list[FieldError]) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        errors.append(FieldError("metadata", f"is no JSON: {error}.", 'Write an object such as {"team": "sales"}.'))
        return {}
    if not isinstance(value, dict):
        errors.append(FieldError("metadata", "is no JSON object.", 'Write it as {"team": "sales"}.'))
        return {}
    return value
