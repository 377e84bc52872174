"""What the framework found wrong with a request, in our own words: every error at once, with its path and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from backend.core.errors import BadRequest, CrossdockError, FieldError, Invalid

_FIXES = {
    "missing": "Send it.",
    "string_type": "Send a text.",
    "int_type": "Send a whole number.",
    "int_parsing": "Send a whole number.",
    "int_from_float": "Send a whole number.",
    "float_type": "Send a number.",
    "float_parsing": "Send a number.",
    "bool_type": "Send true or false.",
    "bool_parsing": "Send true or false.",
    "list_type": "Send a list.",
    "dict_type": "Send an object.",
    "model_attributes_type": "Send an object.",
    "datetime_parsing": "Write it as 2026-01-31T09:30:00Z.",
    "datetime_from_date_parsing": "Write it as 2026-01-31T09:30:00Z.",
    "datetime_type": "Write it as 2026-01-31T09:30:00Z.",
}
_LOCATIONS = {"body", "query", "path", "header", "cookie"}


def from_framework(found: Sequence[Any], *, known: Iterable[str] = ()) -> CrossdockError:
    """`BadRequest` for a body that is no JSON, else `Invalid`. `known` are names from which a misspelt field's nearest is taken."""
    for error in found:
        if error["type"] == "json_invalid":
            where = error["loc"][1] if len(error["loc"]) > 1 else 0
            return BadRequest(f"The body is not JSON: {error['ctx']['error']} at character {where}. Send an object.")
    return Invalid(*(_field(error, tuple(known)) for error in found))


def _field(error: Any, known: Sequence[str]) -> FieldError:
    kind: str = error["type"]
    context: dict[str, Any] = error.get("ctx") or {}
    path = _path(error["loc"])
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(path.rpartition(".")[2], known, n=1)
        return FieldError(path, "is not a field of this request.", f"Did you mean {near[0]}?" if near else "Leave it out.")
    if kind == "missing":
        return FieldError(path, "is missing.", _FIXES[kind])
    if kind in _FIXES:
        return FieldError(path, f"is {_what(error.get('input'))}.", _FIXES[kind])
    bounds = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than", "min_length": "at least", "max_length": "at most"}
    for name, words in bounds.items():
        if name in context:
            unit = " characters" if kind.startswith("string") else " items" if "length" in name else ""
            return FieldError(path, "is out of range.", f"Use {words} {context[name]}{unit}.")
    if "expected" in context:
        return FieldError(path, f"is {_what(error.get('input'))}.", f"Use {context['expected']}.")
    message, _, fix = str(error["msg"]).removeprefix("Value error, ").partition("; ")
    return FieldError(path, _sentence(f"{message[0].lower()}{message[1:]}"), _sentence(f"{fix[0].upper()}{fix[1:]}") if fix else "")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "`")) else f"{text}."


def _path(location: Sequence[Any]) -> str:
    parts = [part for position, part in enumerate(location) if position or part not in _LOCATIONS]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    return text or "body"


def _what(value: object) -> str:
    if isinstance(value, str):
        return f"the text {value[:40]!r}" if value else "an empty text"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    kinds: dict[type, str] = {int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(value.__class__, "of another kind")
