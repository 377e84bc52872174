"""Rules of a module: which further events a change of a record publishes. Pure.

`{"when": "created", "publish": …}`; `{"when": "changes", "field": …, "publish": …}` when a field gets another value;
`{"when": "becomes", "field": "status", "value": "done", "publish": "task.completed"}`; and `{"when": "due", "field":
"scheduled_at", "publish": …, "requires": […], "otherwise": …, "set": {…}, "otherwise_set": {…}}` once that time has come.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from backend.core.errors import FieldError
from backend.records import names, values
from backend.records.fields import Field, FieldType

MAX_RULES: Final = 50
NOW: Final = "now"


class When(StrEnum):
    """What sets a rule off."""

    CREATED = "created"
    CHANGES = "changes"
    BECOMES = "becomes"
    DUE = "due"


_PARTS: Final[dict[When, frozenset[str]]] = {
    When.CREATED: frozenset({"when", "publish"}),
    When.CHANGES: frozenset({"when", "field", "publish"}),
    When.BECOMES: frozenset({"when", "field", "value", "publish"}),
    When.DUE: frozenset({"when", "field", "publish", "requires", "otherwise", "set", "otherwise_set"}),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; its fields are named by their keys, so that it outlives a renaming.

    When due, `set` is written into the record, or `otherwise_set` if one of `requires` is empty; "now" there is the time.
    """

    when: When
    publish: str
    field: str = ""
    value: Any = None
    requires: tuple[str, ...] = ()
    otherwise: str = ""
    set: tuple[tuple[str, Any], ...] = ()
    otherwise_set: tuple[tuple[str, Any], ...] = ()

    def document(self, name_of: Mapping[str, str]) -> dict[str, Any]:
        """As it is answered, and with keys for names as it is stored."""
        shown: dict[str, Any] = {"when": self.when.value}
        if self.field:
            shown["field"] = name_of[self.field]
        if self.when is When.BECOMES:
            shown["value"] = self.value
        shown["publish"] = self.publish
        if self.when is When.DUE:
            shown["requires"] = [name_of[key] for key in self.requires]
            shown["otherwise"] = self.otherwise or None
            shown["set"] = {name_of[key]: value for key, value in self.set}
            shown["otherwise_set"] = {name_of[key]: value for key, value in self.otherwise_set}
        return shown

    def keys(self) -> frozenset[str]:
        """The keys of every field that it names."""
        named = {*self.requires, *(key for key, _ in (*self.set, *self.otherwise_set))}
        return frozenset(named | {self.field} if self.field else named)


def stored(document: Mapping[str, Any]) -> Rule:
    """A rule from what `document` made of it for storing."""
    return Rule(
        when=When(document["when"]),
        publish=document["publish"],
        field=document.get("field", ""),
        value=document.get("value"),
        requires=tuple(document.get("requires", ())),
        otherwise=document.get("otherwise") or "",
        set=tuple(document.get("set", {}).items()),
        otherwise_set=tuple(document.get("otherwise_set", {}).items()),
    )


def decide(rules: Sequence[Rule], before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """The types to publish when a record's values become `after`; it had none if it was just created."""
    found: dict[str, None] = {}
    for rule in rules:
        value = after.get(rule.field)
        changed = before is None or before.get(rule.field) != value
        if (
            (rule.when is When.CREATED and before is None)
            or (rule.when is When.CHANGES and changed and value is not None)
            or (rule.when is When.BECOMES and changed and value == rule.value)
        ):
            found[rule.publish] = None
    return list(found)


def parse_all(documents: Sequence[Mapping[str, Any]], fields: Sequence[Field]) -> tuple[list[Rule], list[FieldError]]:
    """The rules that `documents` define over `fields`, and every mistake in them; whether types exist is for the caller."""
    if len(documents) > MAX_RULES:
        return [], [FieldError("rules", f"has {len(documents)} items.", f"Use at most {MAX_RULES}.")]
    by_name = {name: field for field in fields for name in (field.name, names.camel(field.name))}
    found: list[Rule] = []
    errors: list[FieldError] = []
    for index, document in enumerate(documents):
        wrong: list[FieldError] = []
        rule = _parse({names.snake(name): value for name, value in document.items()}, f"rules[{index}]", by_name, wrong)
        if rule is not None and not wrong:
            found.append(rule)
        errors += wrong
    return found, errors


def _parse(parts: Mapping[str, Any], path: str, by_name: Mapping[str, Field], errors: list[FieldError]) -> Rule | None:
    kind = parts.get("when")
    if kind not in list(When):
        near = difflib.get_close_matches(str(kind), list(When), n=1)
        fix = f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(When)}."
        errors.append(FieldError(f"{path}.when", "is missing." if kind is None else "is no trigger.", fix))
        return None
    when = When(kind)
    errors.extend(
        FieldError(f"{path}.{name}", f"is not part of a rule for {when}.", f"Such a rule has {', '.join(sorted(_PARTS[when]))}.")
        for name in sorted(parts.keys() - _PARTS[when])
    )
    publish = _type_name(parts.get("publish"), f"{path}.publish", errors)
    if when is When.CREATED:
        return Rule(when, publish)
    field = _field(parts.get("field"), f"{path}.field", by_name, errors)
    if field is None:
        return None
    if when is When.CHANGES:
        return Rule(when, publish, field.key)
    if when is When.BECOMES:
        return Rule(when, publish, field.key, value=_value(field, parts.get("value"), f"{path}.value", errors))
    if field.type is not FieldType.DATETIME:
        errors.append(FieldError(f"{path}.field", f"is a {field.type} field.", "A rule for due needs a datetime field."))
    otherwise = parts.get("otherwise")
    return Rule(
        when,
        publish,
        field.key,
        requires=_requires(parts.get("requires"), f"{path}.requires", by_name, errors),
        otherwise=_type_name(otherwise, f"{path}.otherwise", errors) if otherwise is not None else "",
        set=_set(parts.get("set"), f"{path}.set", by_name, errors),
        otherwise_set=_set(parts.get("otherwise_set"), f"{path}.otherwise_set", by_name, errors),
    )


def _type_name(given: Any, path: str, errors: list[FieldError]) -> str:
    if isinstance(given, str) and given:
        return given
    errors.append(FieldError(path, "is missing." if given is None else "is no event type.", "Name the event type to publish."))
    return ""


def _field(name: Any, path: str, by_name: Mapping[str, Field], errors: list[FieldError]) -> Field | None:
    found = by_name.get(name) if isinstance(name, str) else None
    if found is None:
        near = difflib.get_close_matches(str(name), by_name, n=1)
        told = "is missing." if name is None else f"{str(name)[:70]!r} is no field of this module."
        errors.append(FieldError(path, told, f"Did you mean {near[0]}?" if near else "Name a field of this module."))
    return found


def _value(field: Field, given: Any, path: str, errors: list[FieldError]) -> Any:
    try:
        value = values.check(field, given)
    except values.Unfit as wrong:
        errors.append(wrong.at(path))
        return None
    if value is None:
        errors.append(FieldError(path, "is missing.", "Say which value sets the rule off."))
    return value


def _requires(given: Any, path: str, by_name: Mapping[str, Field], errors: list[FieldError]) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        errors.append(FieldError(path, "is no list of fields.", "Send a list of names of fields."))
        return ()
    fields = [_field(name, f"{path}[{index}]", by_name, errors) for index, name in enumerate(cast("list[Any]", given))]
    return tuple(dict.fromkeys(field.key for field in fields if field is not None))


def _set(given: Any, path: str, by_name: Mapping[str, Field], errors: list[FieldError]) -> tuple[tuple[str, Any], ...]:
    if given is None:
        return ()
    if not isinstance(given, dict):
        errors.append(FieldError(path, "is no object of fields and values.", 'Write it as {"status": "published"}.'))
        return ()
    found: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", given).items():
        field = _field(name, f"{path}.{name}", by_name, errors)
        if field is None:
            continue
        try:
            found[field.key] = value if value == NOW and field.type is FieldType.DATETIME else values.check(field, value)
        except values.Unfit as wrong:
            errors.append(wrong.at(f"{path}.{name}"))
    return tuple(found.items())
