"""Conditions on an event, the one grammar of API, console and docs: parsed with every mistake named, evaluated without I/O.

`{"all": […]}`, `{"any": […]}`, `{"not": {…}}` and `{"field": "data.total", "op": "gte", "value": 10}`. A field is a path of
names and list positions joined by dots, from the top of the event (`type`, `timestamp`, `data.…`).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from backend.core import jsjson
from backend.core.errors import FieldError, Invalid

MAX_DEPTH: Final = 8
MAX_CONDITIONS: Final = 100
MAX_PATH: Final = 200
MAX_CHOICES: Final = 200
_MISSING: Final = object()
_SHOWN: Final = 60
_GROUPS: Final = ("all", "any", "not")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison."""

    field: tuple[str, ...]
    op: str
    value: Any

    def __str__(self) -> str:
        path = ".".join(self.field)
        if self.op == "exists":
            return f"{path} {'exists' if self.value else 'is absent'}"
        return f"{path} {self.op} {_short(self.value)}"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; an empty one does."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One part holds at least."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


Filter = Condition | All | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a filter takes an event, and if not, the condition that decided it: `data.total gte 10 (was 4)`."""

    matched: bool
    failed_condition: str | None = None


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def decide(found: Any, wanted: Any) -> bool:
        if _is_number(found) and _is_number(wanted):
            return compare(found, wanted)
        return isinstance(found, str) and isinstance(wanted, str) and compare(found, wanted)

    return decide


def _equal(found: Any, wanted: Any) -> bool:
    """Equal as JSON values: true is not 1."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return found == wanted


def _contains(found: Any, wanted: Any) -> bool:
    if isinstance(found, str):
        return isinstance(wanted, str) and wanted in found
    return isinstance(found, list) and any(_equal(item, wanted) for item in cast("list[Any]", found))


OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": _equal,
    "ne": lambda found, wanted: not _equal(found, wanted),
    "gt": _ordered(lambda found, wanted: found > wanted),
    "gte": _ordered(lambda found, wanted: found >= wanted),
    "lt": _ordered(lambda found, wanted: found < wanted),
    "lte": _ordered(lambda found, wanted: found <= wanted),
    "in": lambda found, wanted: any(_equal(found, one) for one in wanted),
    "contains": _contains,
    "starts_with": lambda found, wanted: isinstance(found, str) and found.startswith(wanted),
    "exists": lambda found, wanted: (found is not _MISSING) is wanted,
}


def parse(document: Any, *, path: str = "filter") -> Filter:
    """The filter that a document means. Raises `Invalid` with every mistake, each with its path and what would be right."""
    errors: list[FieldError] = []
    parsed = _parse(document, path, 1, errors)
    if parsed is not None and _count(parsed) > MAX_CONDITIONS:
        errors.append(FieldError(path, f"has more than {MAX_CONDITIONS} conditions.", "Use `in` with a list instead of many `eq`."))
    if errors or parsed is None:
        raise Invalid(*errors)
    return parsed


def evaluate(filter: Filter, event: Mapping[str, Any]) -> Verdict:  # noqa: A002 - the field's name
    """Whether the filter takes the event, the whole envelope. A comparison with an absent field is false, `ne` true."""
    if _holds(filter, event):
        return Verdict(matched=True)
    return Verdict(matched=False, failed_condition=_told(filter, event))


def deciding(filter: Filter, event: Mapping[str, Any]) -> Filter | None:  # noqa: A002 - the field's name
    """The smallest part that makes the filter refuse the event: a condition, an `any` or a `not`; None if it takes it."""
    return None if _holds(filter, event) else _decisive(filter, event)


def document(filter: Filter) -> dict[str, Any]:  # noqa: A002 - the field's name
    """The document that `parse` reads as this filter."""
    match filter:
        case Condition():
            return {"field": ".".join(filter.field), "op": filter.op, "value": filter.value}
        case All():
            return {"all": [document(part) for part in filter.parts]}
        case AnyOf():
            return {"any": [document(part) for part in filter.parts]}
        case Not():
            return {"not": document(filter.part)}


def _holds(part: Filter, event: Mapping[str, Any]) -> bool:
    match part:
        case Condition():
            found = _find(event, part.field)
            if found is _MISSING and part.op not in {"exists", "ne"}:
                return False
            return OPERATORS[part.op](found, part.value)
        case All():
            return all(_holds(one, event) for one in part.parts)
        case AnyOf():
            return any(_holds(one, event) for one in part.parts)
        case Not():
            return not _holds(part.part, event)


def _decisive(part: Filter, event: Mapping[str, Any]) -> Filter:
    """What makes `part`, which is false, false."""
    if isinstance(part, All):
        return _decisive(next(one for one in part.parts if not _holds(one, event)), event)
    if isinstance(part, AnyOf) and len(part.parts) == 1:
        return _decisive(part.parts[0], event)
    return part


def _told(part: Filter, event: Mapping[str, Any]) -> str:
    """Why `part`, which is false, is false."""
    match part:
        case Condition():
            return str(part) if part.op == "exists" else f"{part} (was {_short(_find(event, part.field))})"
        case All():
            return _told(_decisive(part, event), event)
        case AnyOf():
            shown = " and ".join(_told(one, event) for one in part.parts[:3])
            return shown + (" and more" if len(part.parts) > 3 else "") if part.parts else "any of nothing"
        case Not():
            return f"not ({_words(part.part)})"


def _words(part: Filter) -> str:
    match part:
        case Condition():
            return str(part)
        case All():
            return " and ".join(_words(one) for one in part.parts) or "always"
        case AnyOf():
            return " or ".join(_words(one) for one in part.parts) or "never"
        case Not():
            return f"not ({_words(part.part)})"


def _find(event: Any, path: tuple[str, ...]) -> Any:
    found = event
    for step in path:
        if isinstance(found, Mapping):
            found = cast("Mapping[str, Any]", found).get(step, _MISSING)
        elif isinstance(found, list) and step.isascii() and step.isdigit():
            items = cast("list[Any]", found)
            found = items[int(step)] if len(step) < 7 and int(step) < len(items) else _MISSING
        else:
            return _MISSING
    return found


def _parse(document: Any, path: str, depth: int, errors: list[FieldError]) -> Filter | None:
    if depth > MAX_DEPTH:
        errors.append(FieldError(path, f"is nested deeper than {MAX_DEPTH} levels.", "Flatten it."))
        return None
    if not isinstance(document, dict):
        errors.append(FieldError(path, "is no condition.", 'Write it as {"field": "data.total", "op": "gte", "value": 10}.'))
        return None
    body = cast("dict[str, Any]", document)
    groups = [name for name in _GROUPS if name in body]
    if len(groups) == 1 and len(body) == 1:
        return _parse_group(groups[0], body[groups[0]], path, depth, errors)
    if groups:
        errors.append(FieldError(path, "mixes a group with something else.", "Put each of all, any, not in an object of its own."))
        return None
    return _parse_condition(body, path, errors)


def _parse_group(name: str, value: Any, path: str, depth: int, errors: list[FieldError]) -> Filter | None:
    where = f"{path}.{name}"
    if name == "not":
        part = _parse(value, where, depth + 1, errors)
        return Not(part) if part is not None else None
    if not isinstance(value, list) or not value:
        errors.append(FieldError(where, "is no list of conditions.", f'Write it as {{"{name}": [{{…}}, {{…}}]}}.'))
        return None
    items = cast("list[Any]", value)
    if len(items) > MAX_CONDITIONS:
        errors.append(FieldError(where, f"has more than {MAX_CONDITIONS} parts.", "Use `in` with a list instead of many `eq`."))
        return None
    parts = [_parse(item, f"{where}[{index}]", depth + 1, errors) for index, item in enumerate(items)]
    known = tuple(part for part in parts if part is not None)
    return All(known) if name == "all" else AnyOf(known)


def _parse_condition(body: dict[str, Any], path: str, errors: list[FieldError]) -> Filter | None:
    before = len(errors)
    errors.extend(
        FieldError(f"{path}.{name}", "is not part of a condition.", "A condition has field, op and value.")
        for name in sorted(body.keys() - {"field", "op", "value"})
    )
    field, op = body.get("field"), body.get("op")
    if not isinstance(field, str) or not field or len(field) > MAX_PATH or not all(field.split(".")):
        errors.append(FieldError(f"{path}.field", "is no path to a field.", "Write it from the top of the event, such as data.total."))
    if not isinstance(op, str) or op not in OPERATORS:
        near = difflib.get_close_matches(str(op), OPERATORS, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(OPERATORS)}."
        errors.append(FieldError(f"{path}.op", f"{_short(op)} is no operator.", fix))
    elif (problem := _problem(op, body, f"{path}.value")) is not None:
        errors.append(problem)
    if len(errors) > before:
        return None
    value = body.get("value", True) if op == "exists" else body["value"]
    return Condition(tuple(cast("str", field).split(".")), cast("str", op), value)


def _problem(op: str, body: dict[str, Any], path: str) -> FieldError | None:
    value = body.get("value", True if op == "exists" else _MISSING)
    if value is _MISSING:
        return FieldError(path, "is missing.", "Say what to compare with.")
    if op == "in" and not (isinstance(value, list) and 0 < len(cast("list[Any]", value)) <= MAX_CHOICES):
        return FieldError(path, "is no list of choices.", f"Send a list of 1 to {MAX_CHOICES} values.")
    if op in {"gt", "gte", "lt", "lte"} and not (_is_number(value) or isinstance(value, str)):
        return FieldError(path, "has no order.", "Send a number, or a text (times compare as RFC 3339 texts).")
    if op == "starts_with" and not isinstance(value, str):
        return FieldError(path, "is no text.", "Send the text that the field begins with.")
    if op == "exists" and not isinstance(value, bool):
        return FieldError(path, "is neither true nor false.", "Send true for present, false for absent.")
    return None


def _count(part: Filter) -> int:
    match part:
        case Condition():
            return 1
        case All() | AnyOf():
            return sum(_count(one) for one in part.parts)
        case Not():
            return _count(part.part)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    try:
        text = "absent" if value is _MISSING else jsjson.stringify(value)
    except jsjson.NotJson:
        text = "a value"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
