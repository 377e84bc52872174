"""Owns what was typed into the controls of a form, as values: texts, whole numbers, JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backend.core.errors import FieldError


def text(form: Mapping[str, Any], name: str) -> str:
    """A text without the spaces around it."""
    return str(form.get(name) or "").strip()


def whole(form: Mapping[str, Any], name: str, errors: list[FieldError], *, path: str = "") -> int | None:
    """A whole number, with commas or without; None where nothing was typed. What is none goes to `errors`, at `path` or its name."""
    typed = text(form, name).replace(",", "")
    if not typed:
        return None
    if not (typed.isascii() and typed.isdigit()):
        errors.append(FieldError(path or name, f"{typed[:40]!r} is not a whole number of 0 or more.", "Write it in digits, as 30."))
        return None
    return int(typed)


def not_json(path: str, error: ValueError) -> FieldError:
    """What is wrong at `path` with a text that the parser of JSON refused, by its place in it."""
    place = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
    return FieldError(path, f"is not JSON: it goes wrong{place}.", "Close every quote and bracket, and put names in double quotes.")


def json_value(form: Mapping[str, Any], name: str, errors: list[FieldError]) -> Any:
    """A JSON value; None where nothing was typed. What is none goes to `errors`."""
    typed = text(form, name)
    if not typed:
        return None
    try:
        return json.loads(typed)
    except ValueError as error:
        errors.append(not_json(name, error))
        return None


def json_object(form: Mapping[str, Any], name: str, errors: list[FieldError]) -> dict[str, Any]:
    """A JSON object, empty where nothing was typed. What is none goes to `errors`."""
    value = json_value(form, name, errors)
    if value is None or isinstance(value, dict):
        return value or {}
    errors.append(FieldError(name, "is no JSON object.", "Begin with { and end with }."))
    return {}
