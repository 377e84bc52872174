"""How a payload becomes the values of a record or an order: parsed with every mistake named, applied without I/O. Pure.

A mapping is `{"source.path": "field"}`, or a list of `{"source", "target", "transform"?, "default"?, "required"?, "type"?, "each"?}`.
`each` maps the items of a list one by one, with paths from the item.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from backend.core.errors import FieldError
from backend.incoming import paths, transforms
from backend.incoming.paths import MISSING, Path
from backend.incoming.transforms import Transform, Unfit

MAX_RULES: Final = 200
MAX_ITEMS: Final = 500
MAX_LEVELS: Final = 3
_PARTS: Final = frozenset({"source", "target", "transform", "default", "required", "type", "each"})
TYPES: Final = ("text", "number", "boolean", "list", "object", "date", "datetime")


@dataclass(frozen=True, slots=True)
class Rule:
    """One field: where its value comes from, what is done to it, and what it must be."""

    source: Path | None
    target: str
    transforms: tuple[Transform, ...] = ()
    default: Any = MISSING
    required: bool = False
    type: str | None = None
    each: tuple[Rule, ...] = ()

    def document(self) -> dict[str, Any]:
        """As it is stored and answered."""
        found: dict[str, Any] = {"source": self.source.text if self.source is not None else "", "target": self.target}
        if self.transforms:
            found["transform"] = [each.document() for each in self.transforms]
        if self.default is not MISSING:
            found["default"] = self.default
        if self.required:
            found["required"] = True
        if self.type is not None:
            found["type"] = self.type
        if self.each:
            found["each"] = [rule.document() for rule in self.each]
        return found


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one rule: the value as it came (`MISSING` if it did not) and as it goes into the field."""

    source: str
    target: str
    given: Any
    value: Any


@dataclass(slots=True)
class Mapped:
    """What a payload becomes, and everything that keeps it from becoming that."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    cells: list[Cell] = field(default_factory=list[Cell])
    errors: list[FieldError] = field(default_factory=list[FieldError])


def parse(
    given: Any, *, targets: Collection[str] | None, errors: list[FieldError], path: str = "field_mapping", level: int = 1
) -> tuple[Rule, ...]:
    """The rules that were sent; mistakes go to `errors`. `targets` are the fields that there are, None if any name will do."""
    if isinstance(given, Mapping):
        given = [{"source": source, "target": target} for source, target in cast("Mapping[str, Any]", given).items()]
    if not isinstance(given, list):
        errors.append(FieldError(path, "is no mapping.", 'Send {"source.path": "field"}, or a list of {"source", "target"}.'))
        return ()
    entries = cast("list[Any]", given)
    if len(entries) > MAX_RULES:
        errors.append(FieldError(path, f"has {len(entries)} entries.", f"Use at most {MAX_RULES}."))
        return ()
    rules: list[Rule] = []
    for index, entry in enumerate(entries):
        rule = _parse(entry, f"{path}[{index}]", targets, errors, level)
        if rule is None:
            continue
        if any(rule.target == other.target for other in rules):
            errors.append(
                FieldError(
                    f"{path}[{index}].target", f"{rule.target!r} is mapped twice.", "Map each field once; use join for several sources."
                )
            )
            continue
        rules.append(rule)
    return tuple(rules)


def stored(documents: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The rules that `Rule.document` made documents of."""
    return parse(list(documents), targets=None, errors=[])


def apply(rules: Sequence[Rule], payload: Any) -> Mapped:
    """What a payload becomes; every mistake at once, each with the field and the place in the payload. Raises like `Path.read`."""
    mapped = Mapped()
    for rule in rules:
        paths.spend(1)
        given = rule.source.read(payload) if rule.source is not None else MISSING
        try:
            value = _each(rule, given, mapped) if rule.each and given is not MISSING else given
            for transform in rule.transforms:
                value = transform.apply(value, payload)
            if (value is MISSING or value is None) and rule.default is not MISSING:
                value = rule.default
            _check(rule, value)
        except Unfit as unfit:
            mapped.errors.append(FieldError(rule.target, f"{_place(rule) or 'the payload'} {unfit.message}", unfit.fix))
            mapped.cells.append(Cell(_place(rule), rule.target, given, MISSING))
            continue
        mapped.cells.append(Cell(_place(rule), rule.target, given, value))
        if value is not MISSING:
            mapped.values[rule.target] = value
    return mapped


def _place(rule: Rule) -> str:
    return rule.source.text if rule.source is not None else ""


def _each(rule: Rule, given: Any, mapped: Mapped) -> Any:
    """The items of a list, each mapped."""
    if given is None:
        return None
    if not isinstance(given, list):
        raise Unfit(f"is {transforms.kind(given)}, no list.", "Choose a source that is a list, or map its fields one by one.")
    items = cast("list[Any]", given)
    if len(items) > MAX_ITEMS:
        raise Unfit(f"has {len(items):,} items.", f"At most {MAX_ITEMS} are mapped.")
    found: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        inner = apply(rule.each, item)
        mapped.errors += [FieldError(f"{rule.target}[{index}].{each.path}", each.message, each.fix) for each in inner.errors]
        found.append(inner.values)
    return found


def _check(rule: Rule, value: Any) -> None:
    if value is MISSING or value is None or value == "":
        if rule.required:
            word = "empty" if value == "" else transforms.kind(value)
            raise Unfit(f"is {word}, and the field is required.", "Have the source send it, or give a default.")
        return
    if rule.type is not None and not _is(value, rule.type):
        raise Unfit(f"is {transforms.kind(value)}, not {rule.type}.", f"Add a transform that makes a {rule.type} of it.")


def _is(value: Any, wanted: str) -> bool:
    if wanted == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    kinds: dict[str, type] = {"text": str, "boolean": bool, "list": list, "object": dict, "date": str, "datetime": str}
    return isinstance(value, kinds[wanted])


def _parse(entry: Any, path: str, targets: Collection[str] | None, errors: list[FieldError], level: int) -> Rule | None:
    if not isinstance(entry, dict):
        errors.append(FieldError(path, "is no entry of a mapping.", 'Send {"source": "data.email", "target": "email"}.'))
        return None
    document = cast("dict[str, Any]", entry)
    before = len(errors)
    for name in document.keys() - _PARTS:
        near = difflib.get_close_matches(name, _PARTS, n=1)
        fix = f"Did you mean {near[0]}?" if near else "Leave it out."
        errors.append(FieldError(f"{path}.{name[:60]}", "is not part of an entry.", fix))
    target = document.get("target")
    if not isinstance(target, str) or not target.strip():
        errors.append(FieldError(f"{path}.target", "is missing.", "Name the field that takes the value."))
    elif targets is not None and target not in targets:
        near = difflib.get_close_matches(target[:100], list(targets), n=1)
        known = ", ".join(list(targets)[:12])
        errors.append(
            FieldError(f"{path}.target", f"{target[:60]!r} is no field.", f"Did you mean {near[0]}?" if near else f"Use one of {known}.")
        )
    source = _source(document.get("source", ""), f"{path}.source", errors)
    changes = transforms.parse(document.get("transform"), f"{path}.transform", errors)
    required, kind = document.get("required", False), document.get("type")
    if not isinstance(required, bool):
        errors.append(FieldError(f"{path}.required", "is neither true nor false.", "Send true or false."))
    if kind is not None and kind not in TYPES:
        errors.append(FieldError(f"{path}.type", f"{str(kind)[:40]!r} is no type.", f"Use one of {', '.join(TYPES)}."))
    each = _nested(document.get("each"), f"{path}.each", errors, level)
    if len(errors) > before or not isinstance(target, str):
        return None
    default = document.get("default", MISSING)
    return Rule(source, target.strip(), changes, default, bool(required), kind, each)


def _source(given: Any, path: str, errors: list[FieldError]) -> Path | None:
    if not isinstance(given, str):
        errors.append(FieldError(path, "is no path.", "Write it as data.items[0].id, or in JMESPath."))
        return None
    try:
        return paths.of(given) if given.strip() else None
    except paths.BadPath as error:
        errors.append(FieldError(path, f"{error}.", "Write it as data.items[0].id, or in JMESPath."))
        return None


def _nested(given: Any, path: str, errors: list[FieldError], level: int) -> tuple[Rule, ...]:
    if given is None:
        return ()
    if level >= MAX_LEVELS:
        errors.append(FieldError(path, "is nested too deeply.", f"Use at most {MAX_LEVELS} levels."))
        return ()
    return parse(given, targets=None, errors=errors, path=path, level=level + 1)
