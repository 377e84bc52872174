"""What the forms of webhooks send, as the service takes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from backend.core.errors import FieldError, Invalid
from console import inputs

_DELAY: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)?")
_UNITS: Final = {"s": 1, "": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def values(form: Mapping[str, Any], *, settings: bool = False) -> dict[str, Any]:
    """The fields of a webhook's form under the names of `WebhookInput`; with `settings`, those that can be changed.

    Raises `Invalid` for what is no number, header, delay or JSON.
    """
    errors: list[FieldError] = []
    taken: dict[str, Any] = {
        "url": inputs.text(form, "url"),
        "name": inputs.text(form, "name"),
        "events": events(form),
        "filter": inputs.json_object(form, "filter", errors) or None,
        "headers": _headers(inputs.text(form, "headers"), errors),
        "verify_ssl": "verify_ssl" in form,
        "timeout": _number(form, "timeout", errors) or 15.0,
        "retry_policy": _schedule(inputs.text(form, "schedule"), errors),
        "rate_limit": _number(form, "rate_limit", errors),
        "signature_style": inputs.text(form, "style") or "hex",
        "auto_disable": "auto_disable" in form,
        "disable_after_days": int(_number(form, "disable_after", errors) or 5),
        "metadata": inputs.json_object(form, "metadata", errors),
    }
    if not settings and inputs.text(form, "secret"):
        taken["secret"] = inputs.text(form, "secret")
    if errors:
        raise Invalid(*errors)
    return taken


def events(form: Mapping[str, Any]) -> list[str]:
    """What the picker of event types has checked, and what was typed beside it."""
    checked = sorted(name.removeprefix("event:") for name in form if name.startswith("event:"))
    return checked + inputs.text(form, "other_events").replace(",", " ").split()


def header_pairs(text: str, errors: list[FieldError]) -> list[tuple[str, str]]:
    """Lines of `Name: value` as pairs."""
    pairs: list[tuple[str, str]] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            errors.append(FieldError("headers", f"{line.strip()[:60]!r} is no header.", "Write each on a line, as Name: value."))
            continue
        pairs.append((name.strip(), value.strip()))
    return pairs


def _headers(text: str, errors: list[FieldError]) -> dict[str, str]:
    return dict(header_pairs(text, errors))


def _number(form: Mapping[str, Any], name: str, errors: list[FieldError]) -> float | None:
    text = inputs.text(form, name)
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        errors.append(FieldError(name, f"{text[:40]!r} is no number.", "Write it as 2 or 0.5."))
        return None


def _schedule(text: str, errors: list[FieldError]) -> dict[str, Any]:
    if not text:
        return {}
    delays: list[float] = []
    for part in text.replace(";", ",").split(","):
        match = _DELAY.fullmatch(part.strip().lower())
        if match is None:
            errors.append(
                FieldError("retry_policy", f"{part.strip()[:40]!r} is no delay.", "Write delays as 5s, 5m, 2h, separated by commas.")
            )
            return {}
        delays.append(float(match[1]) * _UNITS[match[2] or ""])
    return {"schedule": delays}
