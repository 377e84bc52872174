"""What the forms of API keys send, as the service takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from backend.core.errors import FieldError, Invalid
from console import inputs


def changes(form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a key's form under the names of `KeyInput`. Raises `Invalid` for what is no number, date or JSON."""
    errors: list[FieldError] = []

    def limit(name: str) -> int | None:
        return inputs.whole(form, name, errors, path="rate_limit")

    values: dict[str, Any] = {
        "name": str(form.get("name") or ""),
        "description": str(form.get("description") or ""),
        "scopes": sorted(name.removeprefix("scope:") for name in form if name.startswith("scope:"))
        + str(form.get("more_scopes") or "").split(),
        "limit_per_minute": limit("limit_per_minute"),
        "limit_per_hour": limit("limit_per_hour"),
        "limit_per_day": limit("limit_per_day"),
        "allowed_ips": str(form.get("allowed_ips") or "").replace(",", " ").split(),
        **({"owner_id": form["owner_id"] or None} if "owner_id" in form else {}),
        "rotate_every_days": inputs.whole(form, "rotate_every", errors),
        "expires_at": _end_of_day(str(form.get("expires_at") or ""), errors),
        "metadata": inputs.json_object(form, "metadata", errors),
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
