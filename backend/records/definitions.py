"""What may be said of a module, and what is wrong with it: every mistake at once. Pure, but for the event types that exist."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from backend.api_keys import scopes
from backend.core import texts
from backend.core.errors import FieldError, Invalid
from backend.event_types import service as event_types
from backend.records import announcing, fields, names, rules, values
from backend.records.fields import Field
from backend.records.rules import Rule
from backend.webhooks import matching

SNAKE, CAMEL = "snake", "camel"
MAX_LABEL: Final = 100
MAX_DESCRIPTION: Final = 1000
# What a module may not be named: resources of scopes that mean something else, and the last segment of a path.
_TAKEN: Final = frozenset(scopes.RESOURCES) - frozenset(scopes.RECORD_NAMES)
# The first words of events that are not about records.
_TAKEN_SINGULARS: Final = frozenset({"record", "module", "order", *(name.partition(".")[0] for name in matching.OPERATIONAL)})


@dataclass(frozen=True, slots=True)
class ModuleInput:
    """A module to be made; fields and rules as documents."""

    name: str
    label: str = ""
    fields: Sequence[Mapping[str, Any]] = ()
    singular: str = ""
    description: str = ""
    event_names: str = SNAKE
    rules: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A definition without a mistake."""

    name: str
    label: str
    singular: str
    description: str
    event_names: str
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]


def types_of(singular: str) -> list[str]:
    """The event types that a module brings: `contact.created`, `contact.updated`, `contact.deleted`."""
    return [f"{singular}.{action}" for action in announcing.ACTIONS]


def check(
    given: Mapping[str, Any],
    *,
    known_types: Collection[str],
    modules: Collection[str],
    known: Sequence[Field] = (),
    used: Sequence[str] = (),
) -> Checked:
    """The definition that `given` (all parts of `ModuleInput`) means. `known` are the fields there are, `used` keys of former ones.

    `modules` are the names to which references may point. Raises `Invalid` with every mistake.
    """
    errors: list[FieldError] = []
    name = _name(given.get("name"), errors)
    singular = _singular(given.get("singular") or names.singular(name), errors)
    label = _text(given.get("label") or names.label(name), "label", MAX_LABEL, errors)
    description = _text(given.get("description") or "", "description", MAX_DESCRIPTION, errors)
    style = given.get("event_names") or SNAKE
    if style not in {SNAKE, CAMEL}:
        errors.append(FieldError("event_names", "is no way to write names.", "Use snake or camel."))
    found, wrong = fields.parse_all(_documents(given.get("fields"), "fields", errors), known, used)
    errors += wrong
    found = [_with_default(field, index, errors) for index, field in enumerate(found)] if not wrong else found
    errors += [
        FieldError(f"fields[{index}].module", f"{field.module!r} is no module of this workspace.", _nearest(field.module, {*modules, name}))
        for index, field in enumerate(found)
        if field.module is not None and field.module not in {*modules, name}
    ]
    parsed, wrong_rules = rules.parse_all(_documents(given.get("rules"), "rules", errors), found)
    errors += wrong_rules if not wrong else []
    errors += _unpublishable(parsed, {*known_types, *types_of(singular)})
    if errors:
        raise Invalid(*errors)
    return Checked(name, label, singular, description, style, tuple(found), tuple(parsed))


def _name(given: Any, errors: list[FieldError]) -> str:
    name = names.snake(given) if isinstance(given, str) else ""
    if not names.is_name(name):
        told = "is missing." if given in (None, "") else f"{str(given)[:70]!r} is not a name for a module."
        errors.append(FieldError("name", texts.readable(told), "Use up to 60 lower-case letters, digits and _, such as contacts."))
    elif name in _TAKEN:
        errors.append(FieldError("name", f"{name!r} is the name of something else.", "Use another name."))
    return name


def _singular(given: Any, errors: list[FieldError]) -> str:
    singular = names.snake(given) if isinstance(given, str) else ""
    if not names.is_name(singular):
        errors.append(FieldError("singular", "is not a word.", "Use lower-case letters, digits and _, such as contact."))
    elif singular in _TAKEN_SINGULARS:
        told = f"{singular!r} names events of another kind."
        errors.append(FieldError("singular", told, "Give the module another singular, by which its events are named."))
    return singular


def _text(given: Any, path: str, most: int, errors: list[FieldError]) -> str:
    if not isinstance(given, str) or len(given) > most or not texts.is_storable(given):
        errors.append(FieldError(path, "is no text of that length.", f"Send at most {most} characters."))
        return ""
    return given.strip()


def _documents(given: Any, path: str, errors: list[FieldError]) -> list[Mapping[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list | tuple):
        errors.append(FieldError(path, "is no list.", "Send a list of objects."))
        return []
    items = cast("Sequence[Any]", given)
    wrong = [
        FieldError(f"{path}[{index}]", "is no object.", "Send an object.") for index, item in enumerate(items) if not isinstance(item, dict)
    ]
    errors += wrong
    return [] if wrong else list(items)


def _with_default(field: Field, index: int, errors: list[FieldError]) -> Field:
    if field.default is None:
        return field
    try:
        return fields.stored({**field.document(), "default": values.check(field, field.default)})
    except values.Unfit as wrong:
        errors.append(wrong.at(f"fields[{index}].default"))
        return field


def _unpublishable(parsed: Sequence[Rule], known_types: Collection[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, rule in enumerate(parsed):
        for part, name in (("publish", rule.publish), ("otherwise", rule.otherwise)):
            if name and name in matching.OPERATIONAL:
                errors.append(FieldError(f"rules[{index}].{part}", "reports on the product itself.", "Publish a type of your own."))
            elif name and name not in known_types:
                errors.append(event_types.unknown(name, known_types, path=f"rules[{index}].{part}"))
    return errors


def _nearest(name: str | None, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name or "", known, n=1)
    return f"Did you mean {near[0]}?" if near else "Make that module first."
