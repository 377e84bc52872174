"""Writes records with everything by which they are found: index keys, words, unique values, and the moments of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from backend.core import clock, db, ids
from backend.core.errors import Conflict
from backend.models import Record, RecordDue, RecordUnique, RecordValue
from backend.records import keys, uniqueness
from backend.records.definition import Definition
from backend.records.fields import Field
from backend.records.rules import When

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it stands: its values by key, its times as RFC 3339."""

    id: str
    body: str
    values: Values
    created_at: str


def locked(session: Session, definition: Definition, record_id: str) -> Stored | None:
    """The record, which nobody else changes before the end of this transaction; None if there is none."""
    query = select(Record.body).where(
        Record.workspace_id == definition.workspace_id, Record.module_id == definition.id, Record.id == record_id
    )
    body = session.exec(query.with_for_update()).first()
    if body is None:
        return None
    return Stored(record_id, body, definition.values(body), orjson.loads(body)["created_at"])


def holder(session: Session, definition: Definition, field: Field, value: Any) -> str | None:
    """The id of the record that has `value` in a unique field."""
    query = select(RecordUnique.record_id).where(
        RecordUnique.workspace_id == definition.workspace_id,
        RecordUnique.module_id == definition.id,
        RecordUnique.field == field.key,
        RecordUnique.hash == keys.digest(value),
    )
    found = session.exec(query).first()
    if found is None and field.key in definition.unclaimed:
        return uniqueness.standing(session, definition, field, value)
    return found


def add(session: Session, definition: Definition, values: Values, *, created_by: str) -> Stored:
    """Insert a record. Raises `Conflict`, naming the field and the record that has its value, when a unique value is taken."""
    record_id = ids.new("rec")
    at = ids.created_at(record_id)
    moment = clock.rfc3339(at)
    body = definition.body(record_id, values, moment, moment)
    place = {"workspace_id": definition.workspace_id, "module_id": definition.id}
    claim(
        session, definition, record_id, [field for field in definition.fields if field.unique and values.get(field.key) is not None], values
    )
    row = {**place, "id": record_id, "body": body, "shape": definition.shape, "created_by": created_by, "created_at": at, "updated_at": at}
    session.exec(insert(Record), params=[row])
    _index(session, definition, record_id, index(definition, values))
    _schedule(session, definition, record_id, values, None)
    return Stored(record_id, body, values, moment)


def change(session: Session, definition: Definition, stored: Stored, values: Values) -> str:
    """Write new values over a locked record; its new body. Raises `Conflict` like `add`."""
    moment = clock.rfc3339(clock.now())
    body = definition.body(stored.id, values, stored.created_at, moment)
    moved = [field for field in definition.fields if field.unique and stored.values.get(field.key) != values.get(field.key)]
    _release(session, definition, stored, [field for field in moved if stored.values.get(field.key) is not None])
    claim(session, definition, stored.id, [field for field in moved if values.get(field.key) is not None], values)
    session.exec(
        update(Record)
        .where(col(Record.id) == stored.id, col(Record.workspace_id) == definition.workspace_id)
        .values(body=body, shape=definition.shape, updated_at=datetime.fromisoformat(moment))
    )
    before, after = index(definition, stored.values), index(definition, values)
    _unindex(session, definition, stored.id, before - after)
    _index(session, definition, stored.id, after - before)
    _schedule(session, definition, stored.id, values, stored.values)
    return body


def remove(session: Session, definition: Definition, stored: Stored) -> None:
    """Delete a locked record with everything that belongs to it."""
    _release(
        session, definition, stored, [field for field in definition.fields if field.unique and stored.values.get(field.key) is not None]
    )
    _unindex(session, definition, stored.id, index(definition, stored.values))
    session.exec(delete(RecordDue).where(col(RecordDue.record_id) == stored.id, col(RecordDue.workspace_id) == definition.workspace_id))
    session.exec(delete(Record).where(col(Record.id) == stored.id, col(Record.workspace_id) == definition.workspace_id))


def index(definition: Definition, values: Values) -> set[tuple[str, str]]:
    """Every (field, key) under which a record with these values stands."""
    pairs = [(field, values.get(field.key)) for field in definition.fields]
    found = {(field.key, key) for field, value in pairs for key in keys.keys(field, value)}
    return found | {(keys.WORDS, word) for word in keys.words(pairs)}


def claim(session: Session, definition: Definition, record_id: str, fields: Iterable[Field], values: Values) -> None:
    """Take the unique values for a record. Raises `Conflict` if another has one of them."""
    place = {"workspace_id": definition.workspace_id, "module_id": definition.id, "record_id": record_id}
    # In one order, so that two transactions that want the same values never wait for each other in a circle.
    claimed = sorted(fields, key=lambda field: field.key)
    rows = [{**place, "field": field.key, "hash": keys.digest(values[field.key])} for field in claimed]
    if not rows:
        return
    for field in claimed:
        if field.key in definition.unclaimed and (
            other := uniqueness.standing(session, definition, field, values[field.key], besides=record_id)
        ):
            raise _taken(field, other)
    try:
        with session.begin_nested():
            session.exec(insert(RecordUnique), params=rows)
    except IntegrityError:
        for field in claimed:
            other = holder(session, definition, field, values[field.key])
            if other is not None and other != record_id:
                raise _taken(field, other) from None
        raise Conflict("A value that must be unique was taken at this very moment. Try again.") from None


def _taken(field: Field, other: str) -> Conflict:
    told = f"{field.name} must be unique, and the record {other} has this value already."
    return Conflict(f"{told} Change that record, or send another value.")


def insert_missing(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Insert index keys, leaving those that are there."""
    if rows:
        dialect = sqlite if db.is_sqlite(session) else postgresql
        session.exec(dialect.insert(RecordValue).on_conflict_do_nothing(), params=rows)  # type: ignore[arg-type] - both have it


def value_rows(definition: Definition, record_id: str, pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """The rows of index keys."""
    place = {"workspace_id": definition.workspace_id, "module_id": definition.id, "record_id": record_id}
    return [{**place, "field": field, "value": key} for field, key in sorted(pairs)]


def _index(session: Session, definition: Definition, record_id: str, pairs: Iterable[tuple[str, str]]) -> None:
    rows = value_rows(definition, record_id, pairs)
    if rows:
        session.exec(insert(RecordValue), params=rows)


def _unindex(session: Session, definition: Definition, record_id: str, pairs: Iterable[tuple[str, str]]) -> None:
    gone = sorted(pairs)
    if gone:
        session.exec(
            delete(RecordValue).where(
                col(RecordValue.workspace_id) == definition.workspace_id,
                col(RecordValue.module_id) == definition.id,
                tuple_(col(RecordValue.field), col(RecordValue.value), col(RecordValue.record_id)).in_(
                    [(field, key, record_id) for field, key in gone]
                ),
            )
        )


def _release(session: Session, definition: Definition, stored: Stored, fields: Iterable[Field]) -> None:
    for field in fields:
        session.exec(
            delete(RecordUnique).where(
                col(RecordUnique.workspace_id) == definition.workspace_id,
                col(RecordUnique.module_id) == definition.id,
                col(RecordUnique.field) == field.key,
                col(RecordUnique.hash) == keys.digest(stored.values[field.key]),
                col(RecordUnique.record_id) == stored.id,
            )
        )


def _schedule(session: Session, definition: Definition, record_id: str, values: Values, before: Values | None) -> None:
    """Note when rules look at the record again."""
    for key in {rule.field for rule in definition.rules if rule.when is When.DUE}:
        value = values.get(key)
        if before is not None:
            if before.get(key) == value:
                continue
            session.exec(delete(RecordDue).where(col(RecordDue.record_id) == record_id, col(RecordDue.field) == key))
        if value is not None:
            row = {"record_id": record_id, "field": key, "workspace_id": definition.workspace_id, "module_id": definition.id}
            session.exec(insert(RecordDue), params=[{**row, "due_at": datetime.fromisoformat(value)}])
