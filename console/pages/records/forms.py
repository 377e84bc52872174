"""What the forms of modules and records send, as the services take it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.core.errors import FieldError, Invalid
from backend.records import values
from backend.records.fields import CHOICES, SIZED, Field, FieldType
from console import inputs
from console.pages.records.rows import FieldRow

PREFIX: Final = "f:"
_FLAGS: Final = ("required", "unique", "pii")


def record(form: Mapping[str, Any], fields: Sequence[Field], *, is_new: bool) -> tuple[dict[str, Any], list[FieldError]]:
    """The values of a record's form by names of fields, and what of them is no value of its field.

    Such a one is among the values too, as something that the service refuses, so that it tells every mistake at once. Of a new
    record what is empty is left out, so that it gets its default.
    """
    given: dict[str, Any] = {}
    wrong: list[FieldError] = []
    for field in fields:
        try:
            value = _value(form, field)
        except values.Unfit as unfit:
            wrong.append(unfit.at(field.name))
            value = math.nan
        if not (is_new and value in (None, [])):
            given[field.name] = value
    return given, wrong


def told(error: Invalid, wrong: Sequence[FieldError]) -> Invalid:
    """The mistakes that the service tells, with those that were seen here in the words for what was typed."""
    seen = {each.path: each for each in wrong}
    return Invalid(*(seen.get(each.path, each) for each in error.errors))


def module(form: Mapping[str, Any], rows: Sequence[FieldRow]) -> dict[str, Any]:
    """A module's form under the names of `ModuleInput`. Raises `Invalid` for rules that are no JSON."""
    errors: list[FieldError] = []
    rules = inputs.json_value(form, "rules", errors)
    if rules is not None and not isinstance(rules, list):
        errors.append(FieldError("rules", "is no list.", "Begin with [ and end with ]."))
    if errors:
        raise Invalid(*errors)
    return {
        "label": inputs.text(form, "label"),
        "singular": inputs.text(form, "singular"),
        "description": inputs.text(form, "description"),
        "event_names": inputs.text(form, "event_names") or "snake",
        "fields": [_field(form, row) for row in rows],
        "rules": rules or [],
    }


def _field(form: Mapping[str, Any], row: FieldRow) -> dict[str, Any]:
    def part(name: str) -> str:
        return inputs.text(form, f"{row.id}:{name}")

    kind = FieldType(row.kind)
    document: dict[str, Any] = {
        "name": part("name") or None,
        "label": part("label"),
        "type": kind.value,
        "description": part("description"),
        **{flag: f"{row.id}:{flag}" in form for flag in _FLAGS},
    }
    if row.key:
        document["key"] = row.key
    if kind in CHOICES:
        document["options"] = [line.strip() for line in part("options").splitlines() if line.strip()]
    if kind is FieldType.REFERENCE:
        document["module"] = part("module")
    if kind in SIZED and part("max_length"):
        document["max_length"] = int(part("max_length")) if part("max_length").isdigit() else part("max_length")
    if part("default"):
        document["default"] = _default(kind, part("default"))
    return document


def _default(kind: FieldType, text: str) -> Any:
    """A default as JSON where it is no text; what is none is left to the service to refuse."""
    if kind not in (FieldType.NUMBER, FieldType.BOOLEAN, FieldType.MULTI_SELECT, FieldType.JSON):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return math.nan if kind is FieldType.JSON else text


def _value(form: Mapping[str, Any], field: Field) -> Any:
    """What was typed into a field; None for nothing. Raises `Unfit`."""
    name = PREFIX + field.name
    if field.type is FieldType.MULTI_SELECT:
        return [option for option in field.options if f"{name}:{option}" in form]
    text = str(form.get(name) or "")
    if not text.strip():
        return None
    if field.type is FieldType.JSON:
        try:
            return json.loads(text)
        except ValueError as error:
            raise values.Unfit(f"is no JSON: {error}.", "Close every quote and bracket.") from None
    if field.type is FieldType.DATETIME:
        return values.read(field, f"{text if len(text) > 16 else f'{text}:00'}Z")
    return values.read(field, text if field.type is FieldType.TEXT else text.strip())
