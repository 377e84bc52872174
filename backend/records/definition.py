"""A module as records are written and read by it; kept in memory until it changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlmodel import Session, col, select

from backend.core.errors import NotFound
from backend.models import Module
from backend.records import fields, names, rules
from backend.records.fields import Field
from backend.records.rules import Rule

_KEPT: Final = 2000


@dataclass(frozen=True, slots=True)
class Definition:
    """What a module says, with what follows from it. `by_name` has the camelCase names too."""

    id: str
    workspace_id: str
    name: str
    singular: str
    is_camel: bool
    fields: tuple[Field, ...]
    by_name: Mapping[str, Field]
    rules: tuple[Rule, ...]
    unfilled: frozenset[str]
    unclaimed: frozenset[str]
    shape: int
    revision: int
    is_plain: bool

    def body(self, record_id: str, values: Mapping[str, Any], created_at: str, updated_at: str) -> str:
        """The text that is stored of a record, from its values by key and its times as RFC 3339."""
        document: dict[str, Any] = {"id": record_id, "module": self.name}
        for field in self.fields:
            document[field.key] = values.get(field.key)
        document["created_at"], document["updated_at"] = created_at, updated_at
        return orjson.dumps(document).decode()

    def text(self, body: str, shape: int) -> str:
        """A stored text as it is answered: as it stands, unless fields came, went or were renamed since it was written."""
        if self.is_plain and shape == self.shape:
            return body
        return orjson.dumps(self.document(body)).decode()

    def document(self, body: str) -> dict[str, Any]:
        """A stored text as the object that is answered."""
        kept: dict[str, Any] = orjson.loads(body)
        shown: dict[str, Any] = {"id": kept["id"], "module": self.name}
        for field in self.fields:
            shown[field.name] = kept.get(field.key)
        shown["created_at"], shown["updated_at"] = kept["created_at"], kept["updated_at"]
        return shown

    def values(self, body: str) -> dict[str, Any]:
        """The values in a stored text, by key."""
        kept: dict[str, Any] = orjson.loads(body)
        return {field.key: kept.get(field.key) for field in self.fields}

    def data(self, record_id: str, values: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The `data` of an event about a record; with the values that changed as they were `before`."""
        found: dict[str, Any] = {"id": record_id, "module": self.name}
        style = names.camel if self.is_camel else str
        for field in self.fields:
            found[style(field.name)] = values.get(field.key)
        if before is not None:
            changed = [field for field in self.fields if before.get(field.key) != values.get(field.key)]
            found["previous"] = {style(field.name): before.get(field.key) for field in changed}
        return found


# By workspace and name; true while the row has this id and revision.
_cache: OrderedDict[tuple[str, str], Definition] = OrderedDict()


def of(session: Session, workspace_id: str, name: str, *, share: bool = False) -> Definition:
    """The module as this transaction sees it. With `share` it cannot change before the end of it. Raises `NotFound`."""
    query = select(Module.id, Module.revision).where(
        Module.workspace_id == workspace_id, Module.name == name, col(Module.deleted_at).is_(None)
    )
    found = session.exec(query.with_for_update(read=True) if share else query).first()
    if found is None:
        raise NotFound(f"There is no module {name[: names.MAX_NAME]} in this workspace. GET /api/v1/modules lists them.")
    kept = _cache.get((workspace_id, name))
    if kept is not None and (kept.id, kept.revision) == tuple(found):
        return kept
    return remember(from_row(session.get_one(Module, found[0], populate_existing=True)), name)


def by_id(session: Session, workspace_id: str, module_id: str) -> Definition | None:
    """The module with an id; None if it was deleted."""
    query = select(Module).where(Module.id == module_id, Module.workspace_id == workspace_id, col(Module.deleted_at).is_(None))
    row = session.exec(query).first()
    return from_row(row) if row is not None else None


def remembered(workspace_id: str, name: str) -> Definition | None:
    """The module as this process last saw it; whoever uses it compares its revision."""
    return _cache.get((workspace_id, name))


def remember(definition: Definition, name: str) -> Definition:
    """Keep a definition under the name by which it was asked for."""
    _cache[definition.workspace_id, name] = definition
    if len(_cache) > _KEPT:
        _cache.popitem(last=False)
    return definition


def from_row(row: Module) -> Definition:
    """The definition that a row holds."""
    found = tuple(fields.stored(document) for document in row.fields)
    return Definition(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        singular=row.singular,
        is_camel=row.event_names == "camel",
        fields=found,
        by_name={name: field for field in found for name in (names.camel(field.name), field.name)},
        rules=tuple(rules.stored(document) for document in row.rules),
        unfilled=frozenset(chore["key"] for chore in row.chores if chore["kind"] == "fill"),
        unclaimed=frozenset(chore["key"] for chore in row.chores if chore["kind"] == "claim"),
        shape=row.shape,
        revision=row.revision,
        is_plain=all(field.key == field.name for field in found),
    )
