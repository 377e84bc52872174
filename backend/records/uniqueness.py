"""Fields that become unique, or are so no more, while there are records: at any number of them, a batch in a transaction.

From the change on every new value is held to it: what is not claimed yet is found by its key in the index (`standing`), so a
record that there is keeps its value. A walk through the records, as a chore of the module, claims their values meanwhile; it
goes on where it was after a kill. A field that is no longer unique is so at once, and its claims are deleted in batches.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import Select

from backend.core import db
from backend.core.errors import Conflict, Unavailable
from backend.models import Module, Record, RecordUnique, RecordValue
from backend.records import definition, keys
from backend.records.definition import Definition
from backend.records.fields import Field

CLAIM, RELEASE = "claim", "release"
BATCH: Final = 2_000
_SCANNED: Final = 2_000_000  # index entries that are looked through before a change is taken; the walk sees all
_SHOWN: Final = 3
_GROUPS: Final = 20
_ALIKE: Final = 1_000  # records that one key stands for, read for one value


def plan(session: Session, row: Module, old: Definition) -> None:
    """Note on a changed module what its unique fields need. Raises `Conflict`, naming records that have the same value."""
    new = definition.from_row(row)
    before = {field.key: field for field in old.fields}
    was, now = {key for key, field in before.items() if field.unique}, {field.key for field in new.fields if field.unique}
    gone = {field.key for field in new.fields} & was - now
    fresh = [field for field in new.fields if field.unique and field.key in before.keys() - was]
    for field in fresh:
        if _chore(row, RELEASE, field.key) is not None:
            told = f"{field.name} was unique, and what was noted of its values is still being deleted."
            raise Conflict(f"{told} Try again in a few seconds.")
    _refuse_alike(session, new, fresh)
    kept = [chore for chore in row.chores if not (chore["kind"] == CLAIM and chore["key"] in gone)]
    released = [{"kind": RELEASE, "key": key} for key in sorted(gone)]
    row.chores = [*kept, *({"kind": CLAIM, "key": field.key, "after": ""} for field in fresh), *released]


def claim_some(session: Session, row: Module, chore: dict[str, Any]) -> None:
    """Claim the values of the next records, the module's row being locked. Raises `Conflict` where two have the same."""
    module = definition.from_row(row)
    field = next(field for field in module.fields if field.key == chore["key"])
    query = select(Record.id, Record.body).where(
        Record.workspace_id == module.workspace_id, Record.module_id == module.id, col(Record.id) > chore["after"]
    )
    rows = session.exec(query.order_by(col(Record.id)).limit(BATCH)).all()
    place = {"workspace_id": module.workspace_id, "module_id": module.id, "field": field.key}
    values = [(record_id, module.values(body)[field.key]) for record_id, body in rows]
    wanted = [{**place, "hash": keys.digest(value), "record_id": record_id} for record_id, value in values if value is not None]
    if wanted:
        dialect = sqlite if db.is_sqlite(session) else postgresql
        session.exec(dialect.insert(RecordUnique).on_conflict_do_nothing(), params=wanted)  # type: ignore[arg-type] - both have it
        there = select(RecordUnique.hash, RecordUnique.record_id).filter_by(**place)
        held = dict(session.exec(there.where(col(RecordUnique.hash).in_([each["hash"] for each in wanted]))).all())
        alike = [(held[each["hash"]], each["record_id"]) for each in wanted if held[each["hash"]] != each["record_id"]]
        if alike:
            raise Conflict(_told(field, alike))
    if len(rows) == BATCH:
        row.chores = [{**each, "after": rows[-1][0]} if each == chore else each for each in row.chores]
    else:
        row.chores = [each for each in row.chores if each != chore]
        row.revision += 1


def give_up(row: Module) -> None:
    """Have the field whose values are being claimed not be unique."""
    key = next(chore["key"] for chore in row.chores if chore["kind"] == CLAIM)
    row.fields = [document | {"unique": False} if document["key"] == key else document for document in row.fields]
    row.chores = [{"kind": RELEASE, "key": key} if chore["kind"] == CLAIM and chore["key"] == key else chore for chore in row.chores]
    row.revision += 1


def becoming(row: Module) -> list[str]:
    """The names of the fields whose values are still being claimed."""
    named = {document["key"]: document["name"] for document in row.fields}
    return [named[chore["key"]] for chore in row.chores if chore["kind"] == CLAIM]


def standing(session: Session, module: Definition, field: Field, value: Any, *, besides: str = "") -> str | None:
    """The id of a record that has `value` in a field whose values are not all claimed yet; None if no other has."""
    query = _by_key(module, field, keys.key(field, value)).where(col(Record.id) != besides)
    rows = session.exec(query.limit(_ALIKE + 1)).all()
    found = next((record_id for record_id, body in rows if module.values(body)[field.key] == value), None)
    if found is None and len(rows) > _ALIKE:
        raise Unavailable(f"{field.name} is being made unique, and too many values begin like this one. Try again later.", retry_after=30)
    return found


def _refuse_alike(session: Session, module: Definition, fields: Iterable[Field]) -> None:
    """Raise `Conflict` for values that records share, as far as the index tells them quickly."""
    for field in fields:
        entries = (
            select(RecordValue.value)
            .where(
                RecordValue.workspace_id == module.workspace_id,
                RecordValue.module_id == module.id,
                RecordValue.field == field.key,
                RecordValue.value > keys.NULL,
            )
            .order_by(col(RecordValue.value))
            .limit(_SCANNED)
            .subquery()
        )
        doubled = select(entries.c.value).group_by(entries.c.value).having(func.count() > 1).limit(_GROUPS)
        pairs = (pair for key in session.exec(doubled).all() for pair in _alike(session, module, field, key))
        alike = list(itertools.islice(pairs, _SHOWN + 1))
        if alike:
            raise Conflict(_told(field, alike))


def _alike(session: Session, module: Definition, field: Field, key: str) -> list[tuple[str, str]]:
    """Pairs of records under one key that have the same value: a key stands for texts of any case that begin alike."""
    first: dict[Any, str] = {}
    pairs: list[tuple[str, str]] = []
    for record_id, body in session.exec(_by_key(module, field, key).limit(_ALIKE)).all():
        other = first.setdefault(module.values(body)[field.key], record_id)
        if other != record_id:
            pairs.append((other, record_id))
    return pairs


def _by_key(module: Definition, field: Field, key: str) -> Select[str, str]:
    return (
        select(Record.id, Record.body)
        .join(RecordValue, col(RecordValue.record_id) == col(Record.id))
        .where(
            RecordValue.workspace_id == module.workspace_id,
            RecordValue.module_id == module.id,
            RecordValue.field == field.key,
            RecordValue.value == key,
        )
        .order_by(col(Record.id))
    )


def _told(field: Field, alike: list[tuple[str, str]]) -> str:
    shown = "; ".join(f"{one} and {other}" for one, other in alike[:_SHOWN])
    more = ", and more" if len(alike) > _SHOWN else ""
    return f"{field.name} cannot be unique: records have the same value: {shown}{more}. Change them, then make it unique."


def _chore(row: Module, kind: str, key: str) -> dict[str, Any] | None:
    return next((chore for chore in row.chores if chore["kind"] == kind and chore["key"] == key), None)
