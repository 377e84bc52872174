"""What the browser is told of a mapping that is being built: the leaves of a sample, the fields that take them, and what is tried."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backend.incoming import inputs, paths
from backend.incoming.inputs import Target
from backend.incoming.replaying import Rehearsal
from backend.orders.inputs import ItemInput
from backend.records.definition import Definition
from console import words

# What can be done to a value by a choice: the word, and the transforms that it stands for. Anything else is written as JSON.
CHANGES: Final[dict[str, tuple[str, list[dict[str, Any]]]]] = {
    "": ("As it is", []),
    "trim": ("Trimmed", [{"name": "trim"}]),
    "lower": ("Trimmed, lower case", [{"name": "trim"}, {"name": "lower"}]),
    "upper": ("Upper case", [{"name": "upper"}]),
    "number": ("As a number", [{"name": "number"}]),
    "hundredth": ("As a number, ÷ 100", [{"name": "number", "divide_by": 100}]),
    "boolean": ("As yes or no", [{"name": "boolean"}]),
    "datetime": ("As a time", [{"name": "date"}]),
    "date": ("As a date", [{"name": "date", "to": "date"}]),
    "text": ("As a text", [{"name": "text"}]),
}
ITEMS: Final = "items"  # the field of an order whose parts are fields of their own here: items.product_id and so on
_PARTS: Final = {name: each.is_required() for name, each in ItemInput.model_fields.items() if name != "modifiers"}
_SHOWN: Final = 120


@dataclass
class LeafRow:
    """A place of the sample, with its value as text."""

    path: str
    value: str


@dataclass
class RuleRow:
    """A field of the target, and what is mapped to it; `change` is one of `CHANGES`, or `custom` with what it does in `told`."""

    target: str
    label: str
    kind: str
    needed: bool
    source: str = ""
    change: str = ""
    told: str = ""
    fallback: str = ""


@dataclass
class CellRow:
    """One field of what a request would have become."""

    target: str
    given: str
    value: str
    before: str
    changed: bool


@dataclass
class TrialRow:
    """What one of the last requests would have become."""

    id: str
    outcome: str
    sentence: str
    at: str
    cells: list[CellRow] = field(default_factory=list)


def leaf_rows(payload: Any) -> list[LeafRow]:
    """The places of a sample."""
    return [LeafRow(path or "@", _short(value)) for path, value in paths.leaves(payload)]


def in_list(leaf: str, known: str) -> tuple[str, str]:
    """A place in a list as the list and the place in its item: the list that is `known` already, else the outermost. Empty if in none."""
    if known and (found := re.match(re.escape(known) + r"\[\d+\]\.?(.*)", leaf)):
        return known, found[1]
    found = re.match(r"(.*?)\[\d+\]\.?(.*)", leaf)
    return (found[1] or "@", found[2]) if found else ("", "")


def rule_rows(mapping: Sequence[Mapping[str, Any]], target: Target, module: Definition | None) -> list[RuleRow]:
    """A row for each field of the target, with what is mapped to it; those that are needed come first, an order's items with their parts."""
    by_target = {str(rule["target"]): rule for rule in mapping}
    kinds = {each.name: (each.label, each.type.value) for each in module.fields} if module is not None else {}
    rows = [RuleRow(name, *kinds.get(name, (_label(name), "text")), name in target.needed) for name in target.fields]
    for row in rows:
        if (rule := by_target.get(row.target)) is not None:
            _fill(row, rule)
    rows.sort(key=lambda row: not row.needed)
    if target.kind != inputs.ORDERS:
        return rows
    return [each for row in rows for each in ([row, *_part_rows(row, by_target.get(ITEMS, {}))] if row.target == ITEMS else [row])]


def rules_of(rows: Iterable[RuleRow], mapping: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The mapping that rows say; what a row cannot show of a rule stays as it is."""
    by_target = {str(rule["target"]): dict(rule) for rule in mapping}
    shown = list(rows)
    found = [_rule(row, by_target.get(row.target, {})) for row in shown if "." not in row.target and _is_mapped(row)]
    for rule in found:
        if rule["target"] == ITEMS and any(row.target.startswith(f"{ITEMS}.") for row in shown):
            _put_parts(rule, shown)
    return found


def trial_row(found: Rehearsal) -> TrialRow:
    """What one request would have become."""
    cells = [CellRow(cell.target, _short(cell.given), _short(cell.value), _short(cell.before), cell.changed) for cell in found.cells]
    told = " ".join(f"{each['path']}: {each['message']} {each['fix']}".strip() for each in found.errors)
    return TrialRow(found.request.id, found.outcome, told or found.sentence, words.moment(found.request.created_at), cells)


def _part_rows(items: RuleRow, rule: Mapping[str, Any]) -> list[RuleRow]:
    """A row for each part of an item; the row of the items itself then only says where they are."""
    items.kind = "list"
    parts = {str(each["target"]): each for each in rule.get("each") or []}
    rows = [RuleRow(f"{ITEMS}.{name}", f"Each item: {_label(name).lower()}", "text", needed) for name, needed in _PARTS.items()]
    for row in rows:
        if (part := parts.get(row.target.removeprefix(f"{ITEMS}."))) is not None:
            _fill(row, part)
    return rows


def _put_parts(rule: dict[str, Any], rows: Iterable[RuleRow]) -> None:
    """Say in the rule of the items what its parts are; parts that have no row stay."""
    before = {str(each["target"]): dict(each) for each in rule.pop("each", None) or []}
    each = [part for name, part in before.items() if name not in _PARTS]
    for row in rows:
        name = row.target.removeprefix(f"{ITEMS}.")
        if name != row.target and _is_mapped(row):
            each.append({**_rule(row, before.get(name, {})), "target": name})
    if each:
        rule["each"] = each


def _is_mapped(row: RuleRow) -> bool:
    return bool(row.source or row.change == "custom" or row.fallback)


def _rule(row: RuleRow, before: Mapping[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {**before, "source": row.source, "target": row.target}
    if row.change != "custom":
        rule["transform"] = CHANGES[row.change][1]
    if not row.fallback:
        rule.pop("default", None)
    elif str(before.get("default")) != row.fallback:
        rule["default"] = row.fallback
    return rule


def _fill(row: RuleRow, rule: Mapping[str, Any]) -> None:
    row.source = str(rule.get("source") or "")
    transforms = rule.get("transform") or []
    row.change = next((name for name, (_, known) in CHANGES.items() if known == transforms), "custom")
    row.told = _short("; ".join(_told(each) for each in transforms)) if row.change == "custom" else ""
    row.fallback = "" if rule.get("default") is None else str(rule["default"])


def _told(transform: Mapping[str, Any]) -> str:
    """What a transform does, for whoever does not read JSON; the JSON where words would be longer."""
    match transform:
        case {"name": "constant", "value": value}:
            return f"always {_short(value)}"
        case {"name": "lookup", "table": dict(table)}:
            pairs = [f"{name} → {_short(value)}" for name, value in table.items()]
            return ", ".join([*pairs, *([f"else {_short(transform['otherwise'])}"] if "otherwise" in transform else [])])
        case {"name": "join", "with": list(others)}:
            return f"joined with {', '.join(map(str, others))}"
        case _:
            return json.dumps(transform, ensure_ascii=False)


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _short(value: Any) -> str:
    if value is None:
        return "null"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
