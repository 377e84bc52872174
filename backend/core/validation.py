"""What the framework found wrong with a request, in our own words: every error at once, with its path and what would be right."""

from __future__ import annotations

import difflib
import functools
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

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
    "model_type": "Send an object.",
    "datetime_parsing": "Write it as 2026-01-31T09:30:00Z.",
    "datetime_from_date_parsing": "Write it as 2026-01-31T09:30:00Z.",
    "datetime_type": "Write it as 2026-01-31T09:30:00Z.",
}
_KINDS = {"int", "float", "str", "bool", "none"}
_COMPOSED = re.compile(r"[a-z-]+\[.+\]\Z")  # list[str], function-before[_whole(), int]
_LOCATIONS = {"body", "query", "path", "header", "cookie"}


def from_framework(found: Sequence[Any], *, known: Iterable[str] = ()) -> CrossdockError:
    """`BadRequest` for a body that is no JSON, else `Invalid`. `known` are names from which a misspelt field's nearest is taken."""
    for error in found:
        if error["type"] == "json_invalid":
            where = error["loc"][1] if len(error["loc"]) > 1 else 0
            return BadRequest(f"The body is not JSON: {error['ctx']['error']} at character {where}. Send an object.")
    return Invalid(*_once([(_field(error, tuple(known)), _is_of_choice(error["loc"])) for error in found]))


def from_reading(cause: BaseException) -> BadRequest:
    """What keeps the framework from reading a body that may be JSON, from what Python's reader raised."""
    if isinstance(cause, RecursionError):
        return BadRequest("The body is nested too deeply. Flatten it: a few levels are plenty.")
    if isinstance(cause, UnicodeDecodeError):
        return BadRequest(f"The body is not UTF-8 at byte {cause.start}. Send JSON in UTF-8.")
    if isinstance(cause, ValueError):  # of JSON's own errors the framework tells; the limit is Python's
        return BadRequest(f"A number in the body has more than {sys.get_int_max_str_digits():,} digits. Send it as a text.")
    return BadRequest("The body could not be read to its end. Send it again.")


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


def _once(found: Sequence[tuple[FieldError, bool]]) -> list[FieldError]:
    """One error for each path where a value may be of several kinds, and none for a value that is wrong inside."""
    inside = [error.path for error, of_choice in found if of_choice]
    told: dict[str, FieldError] = {}
    for error, of_choice in found:
        earlier = told.get(error.path)
        if not of_choice or earlier is None:
            if not (of_choice and any(path.startswith((f"{error.path}.", f"{error.path}[")) for path in inside)):
                told[error.path] = error
        elif error.fix and error.fix not in earlier.fix:
            fix = f"{earlier.fix.rstrip('.')}, or {error.fix[0].lower()}{error.fix[1:]}" if earlier.fix else error.fix
            told[error.path] = FieldError(error.path, earlier.message, fix)
    return list(told.values())


def _is_of_choice(location: Sequence[Any]) -> bool:
    """Whether an error is that of one kind among several that a value may be of; the framework names the kind like a field."""
    return any(_names_kind(location, position) for position in range(len(location)))


def _names_kind(location: Sequence[Any], position: int) -> bool:
    part, first = location[position], int(location[0] in _LOCATIONS)
    if not isinstance(part, str) or position <= first:
        return False
    return part in _KINDS or _COMPOSED.match(part) is not None or part in _names_of_models()


@functools.cache
def _names_of_models() -> frozenset[str]:
    found: set[type[BaseModel]] = set()
    waiting: list[type[BaseModel]] = [BaseModel]
    while waiting:
        new = [each for each in waiting.pop().__subclasses__() if each not in found]
        found.update(new)
        waiting += new
    return frozenset(each.__name__ for each in found)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "`")) else f"{text}."


def _path(location: Sequence[Any]) -> str:
    parts = [part for position, part in enumerate(location) if (position or part not in _LOCATIONS) and not _names_kind(location, position)]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    return text or "body"


def _what(value: object) -> str:
    if isinstance(value, str):
        return f"the text {value[:40]!r}" if value else "an empty text"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    kinds: dict[type, str] = {int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(value.__class__, "of another kind")
