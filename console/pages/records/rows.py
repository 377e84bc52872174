"""What the browser is told of modules and records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backend.core.errors import Invalid
from backend.models import Module
from backend.records import modules
from backend.records.fields import SORTABLE, Field, FieldType
from backend.records.service import RecordInfo
from backend.records.starters import StarterSet
from console import words
from console.pages.records import filters

MOST_COLUMNS: Final = 6
_CUT: Final = 80
_LONG: Final = 500  # a text that may be longer has more than one line
_MANY_LINES: Final = frozenset({"notes", "description", "content", "body", "message", "text", "comment", "comments", "details"})
_NAMES: Final = ("full_name", "name", "title", "subject", "label")
_RIGHT: Final = frozenset({FieldType.NUMBER})
_CONTROLS: Final = {
    FieldType.BOOLEAN: "yes",
    FieldType.SELECT: "choice",
    FieldType.MULTI_SELECT: "choices",
    FieldType.JSON: "json",
    FieldType.REFERENCE: "reference",
}
_HTML: Final = {FieldType.DATE: "date", FieldType.DATETIME: "datetime-local"}
_TOLD: Final[dict[FieldType, Callable[[Any], str]]] = {
    FieldType.BOOLEAN: lambda value: "Yes" if value else "No",
    FieldType.MULTI_SELECT: ", ".join,
    FieldType.NUMBER: lambda value: f"{value:,}",
    FieldType.DATETIME: lambda value: str(value).replace("T", " ")[:16],
}
_HELP: Final = {
    FieldType.DATETIME: "In UTC.",
    FieldType.JSON: "Any JSON.",
    FieldType.PHONE: "Such as +44 20 7946 0123.",
}


@dataclass
class ModuleRow:
    """A module in the list."""

    name: str
    label: str
    about: str
    fields: str
    records: str
    events: list[str]


@dataclass
class SetRow:
    """A starter set: `modules` are the label of each and whether it is there."""

    name: str
    label: str
    about: str
    is_complete: bool
    modules: list[list[str]] = field(default_factory=list)


@dataclass
class HeadRow:
    """A column of a list of records; `path` sorts by it, empty where that is not possible."""

    name: str
    label: str
    is_right: bool
    path: str
    order: str


@dataclass
class CellRow:
    """A value in a list."""

    text: str
    is_right: bool


@dataclass
class RecordRow:
    """A record in a list."""

    id: str
    path: str
    title: str
    at: str
    cells: list[CellRow] = field(default_factory=list)


@dataclass
class ChoiceRow:
    """A field whose value can be picked as a filter."""

    name: str
    label: str
    value: str
    options: list[str]


@dataclass
class ConditionRow:
    """A filter, and the address without it."""

    told: str
    path: str


@dataclass
class InputRow:
    """A field of a record's form; `options` are pairs of a value and its words, `picked` those of several that are chosen."""

    name: str
    label: str
    kind: str
    html: str
    value: str
    about: str
    required: bool
    picked: list[str]
    options: list[list[str]] = field(default_factory=list)


@dataclass
class FieldRow:
    """A field of a module in the editor; `id` names its controls as long as the page is open."""

    id: str
    key: str = ""
    name: str = ""
    label: str = ""
    kind: str = "text"
    required: bool = False
    unique: bool = False
    pii: bool = False
    options: str = ""
    most: str = ""
    default: str = ""
    module: str = ""
    about: str = ""


def module_row(module: Module, number: int) -> ModuleRow:
    """A row of the list."""
    described = modules.describe(module)
    return ModuleRow(
        name=module.name,
        label=module.label,
        about=module.description,
        fields=words.number(len(module.fields)),
        records=words.capped(number),
        events=list(described["event_types"]),
    )


def set_row(found: StarterSet, there: frozenset[str]) -> SetRow:
    """A starter set, and what of it is there."""
    return SetRow(
        name=found.name,
        label=found.label,
        about=found.description,
        is_complete=len(there) == len(found.modules),
        modules=[
            [module.label or module.name.replace("_", " ").capitalize(), "yes" if module.name in there else ""] for module in found.modules
        ],
    )


def shown_fields(fields: Sequence[Field]) -> list[Field]:
    """The fields that a list has columns for."""
    return [each for each in fields if each.type is not FieldType.JSON][:MOST_COLUMNS]


def record_row(record: RecordInfo, shown: Sequence[Field], titles: Mapping[str, str], path: str) -> RecordRow:
    """A row of a list; `titles` are those of the records that it refers to, by id."""
    texts = [told(each, record.document.get(each.name), titles) for each in shown]
    return RecordRow(
        id=record.id,
        path=f"{path}/{record.id}",
        title=(texts[0] if texts else "") or f"…{record.id[-8:]}",
        at=str(record.document["updated_at"]),
        cells=[CellRow(text, is_right(each)) for each, text in list(zip(shown, texts, strict=True))[1:]],
    )


def choice_rows(fields: Sequence[Field], pairs: filters.Pairs) -> list[ChoiceRow]:
    """The first few fields whose value can be picked."""
    return [
        ChoiceRow(each.name, each.label, filters.picked(pairs, each.name), list(filters.options(each)))
        for each in fields
        if filters.options(each)
    ][:4]


def is_right(each: Field) -> bool:
    """Whether its values stand at the right of their column."""
    return each.type in _RIGHT


def can_sort(each: Field) -> bool:
    """Whether a list can be in the order of a field."""
    return each.type in SORTABLE


def title(fields: Sequence[Field], document: Mapping[str, Any]) -> str:
    """What people call a record: its name, else the first of its texts."""
    given = [str(document[name]) for name in ("first_name", "last_name") if document.get(name)]
    if given:
        return " ".join(given)
    texts = [each.name for each in fields if each.type in (FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE)]
    return next((str(document[name])[:_CUT] for name in (*_NAMES, *texts) if document.get(name)), "")


def told(each: Field, value: Any, titles: Mapping[str, str]) -> str:
    """A value in a list."""
    if value is None or value == []:
        return ""
    write = _TOLD.get(each.type)
    if write is not None:
        return write(value)
    if each.type is FieldType.REFERENCE:
        return titles.get(value) or f"…{str(value)[-8:]}"
    return str(value)[:_CUT]


def input_row(each: Field, value: Any, others: Sequence[tuple[str, str]]) -> InputRow:
    """A control with the value of a record; `others` are the id and the title of records that a reference may point to."""
    kind, html = _control(each)
    options = [[option, option] for option in each.options] if each.type is not FieldType.REFERENCE else [list(pair) for pair in others]
    return InputRow(
        name=each.name,
        label=f"{each.label} (required)" if each.required else each.label,
        kind=kind,
        html=html,
        value=_written(each, value),
        about=" ".join(part for part in (each.description, _about(each)) if part),
        required=each.required,
        picked=list(value or []) if each.type is FieldType.MULTI_SELECT else [],
        options=options,
    )


def field_row(identifier: str, document: Mapping[str, Any]) -> FieldRow:
    """A field in the editor."""
    default = document["default"]
    return FieldRow(
        id=identifier,
        key=document["key"],
        name=document["name"],
        label=document["label"],
        kind=document["type"],
        required=document["required"],
        unique=document["unique"],
        pii=document["pii"],
        options="\n".join(document["options"]),
        most=str(document["max_length"] or ""),
        default="" if default is None else default if isinstance(default, str) else json.dumps(default, ensure_ascii=False),
        module=document["module"] or "",
        about=document["description"],
    )


def field_errors(error: Invalid, identifiers: Sequence[str]) -> dict[str, str]:
    """The mistakes in a definition by control: `f3:name` for a part of a field, else the name of the module's own part."""
    found: dict[str, str] = {}
    for item in error.errors:
        head, _, part = item.path.partition("].")
        index = head.removeprefix("fields[") if head.startswith("fields[") else ""
        place = f"{identifiers[int(index)]}:{part.partition('[')[0]}" if index.isdigit() and part else head.partition("[")[0]
        sentence = f"{item.message[:1].upper()}{item.message[1:]} {item.fix}".strip()
        found[place] = f"{found[place]} {sentence}" if place in found else sentence
    return found


def _control(each: Field) -> tuple[str, str]:
    """Which control a field has, and the type of its input."""
    if each.type is FieldType.TEXT and (each.name in _MANY_LINES or (each.max_length or 0) > _LONG):
        return "area", ""
    return _CONTROLS.get(each.type, "line"), _HTML.get(each.type, "text")


def _about(each: Field) -> str:
    if each.type is FieldType.REFERENCE:
        return f"The id of a record of {each.module}."
    unique = "No two records have the same." if each.unique else ""
    return " ".join(part for part in (_HELP.get(each.type, ""), unique) if part)


def _written(each: Field, value: Any) -> str:
    """A value as its control holds it."""
    if value is None:
        return ""
    if each.type is FieldType.BOOLEAN:
        return "true" if value else "false"
    if each.type is FieldType.JSON:
        return json.dumps(value, indent=2, ensure_ascii=False)
    if each.type is FieldType.DATETIME:
        return str(value)[:19]
    return str(value)
