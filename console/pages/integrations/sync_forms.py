"""What the form of an integration's syncs shows and sends: direction, modules, rules, and which column goes with which field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backend.integrations.directions import Choice
from backend.integrations.entry import Column
from backend.models import Module
from console import inputs

PULL: Final = "pull:"  # before the names of columns that are brought
PUSH: Final = "push:"  # before those that are written from another module
RULES: Final = ("direction", "module", "push_module", "conflict", "removed", "removed_field")
_LEFT: Final = ["", "Left alone"]


@dataclass
class ChoiceRow:
    """One select: its options are values with their words."""

    name: str
    label: str
    about: str
    value: str
    options: list[list[str]] = field(default_factory=list)


@dataclass
class SyncForm:
    """The whole form. `summary` says in a sentence what a sync does now."""

    can_choose: bool = False
    summary: str = ""
    scope: str = ""
    first: str = ""
    rules: list[ChoiceRow] = field(default_factory=list)
    brought: list[ChoiceRow] = field(default_factory=list)
    written: list[ChoiceRow] = field(default_factory=list)


def form_of(choice: Choice, provider: str, modules: Sequence[Module]) -> SyncForm:
    """The form for what is chosen now."""
    plan, sync, push = choice.plan, choice.sync, choice.push
    if not choice.directions:
        return SyncForm()
    fields = {module.name: module.fields for module in modules}
    return SyncForm(
        can_choose=True,
        summary=_summary(choice, provider),
        scope=choice.missing_scope if plan.pushes else "",
        first="The first sync that writes looks at every record of the module." if plan.pushes else "",
        rules=_rules(choice, provider, fields),
        brought=_mapping(PULL, sync.columns if sync is not None else (), plan.pull, fields.get(plan.module)),
        written=[] if choice.is_shared or push is None else _mapping(PUSH, choice.push_columns, plan.push, fields.get(plan.push_module)),
    )


def changes(form: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, as the service takes it."""
    found: dict[str, Any] = {name: inputs.text(form, name) for name in RULES if name in form}
    for prefix, name in ((PULL, "mapping"), (PUSH, "push_mapping")):
        sent = {key.removeprefix(prefix): inputs.text(form, key) for key in form if key.startswith(prefix)}
        found |= {name: sent} if sent else {}
    return found


def _summary(choice: Choice, provider: str) -> str:
    plan = choice.plan
    brings = f"brings {choice.sync.label.lower()} into the module {plan.module}" if choice.sync is not None and plan.pulls else ""
    records = "its records" if brings and plan.push_module == plan.module else f"records of the module {plan.push_module}"
    writes = f"writes {records} to {provider}" if plan.pushes else ""
    return f"A sync {' and '.join(part for part in (brings, writes) if part)}, each time what has changed since the last one."


def _rules(choice: Choice, provider: str, fields: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[ChoiceRow]:
    plan, sync, push = choice.plan, choice.sync, choice.push
    told = {"pull": f"Bring from {provider}", "push": f"Write to {provider}", "both": "Both ways"}
    directions = [[each.value, told[each]] for each in choice.directions]
    rows = [ChoiceRow("direction", "Direction", "What goes which way.", plan.direction, directions)] if push is not None else []
    if sync is not None:
        rows.append(ChoiceRow("module", "Module", "Made by the first sync if there is none.", plan.module, _names(fields, plan.module)))
    if push is not None and not choice.is_shared:
        about = f"Its records are written to {provider}."
        rows.append(ChoiceRow("push_module", "Module to write", about, plan.push_module, _names(fields, plan.push_module)))
    if push is not None and choice.is_shared:
        about = "Whose value stays where both changed the same field since the last sync. Other fields keep their changes from both sides."
        options = [["provider", f"That of {provider}"], ["crossdock", "Ours"]]
        rows.append(ChoiceRow("conflict", "When both changed a field", about, plan.conflict, options))
    if sync is not None and sync.removal is not None:
        options = [["keep", "Keep the record"], ["mark", "Mark it in a yes/no field"], ["delete", "Delete the record"]]
        rows.append(ChoiceRow("removed", f"When {provider} has removed an item", "", plan.removed, options))
        flags = [str(each["name"]) for each in fields.get(plan.module, ()) if each["type"] == "boolean"]
        marks = [["", "None"], *([name, name] for name in flags)]
        about = "Where removed items are marked: one of the module's yes/no fields."
        rows.append(ChoiceRow("removed_field", "Field that marks it", about, plan.removed_field, marks))
    return rows


def _names(fields: Mapping[str, Any], chosen: str) -> list[list[str]]:
    return [[name, name] for name in sorted({*fields, chosen})]


def _mapping(
    prefix: str, columns: Sequence[Column], mapping: Mapping[str, str], fields: Sequence[Mapping[str, Any]] | None
) -> list[ChoiceRow]:
    names = sorted({str(each["name"]) for each in fields} | set(mapping.values())) if fields is not None else sorted(mapping.values())
    options = [_LEFT, *([name, name] for name in names)]
    told = {each.name: "Only brought: the provider makes it." if each.read_only else "" for each in columns}
    return [ChoiceRow(prefix + each.name, each.label, told[each.name], mapping.get(each.name, ""), options) for each in columns]
