"""What the records of a module need after its definition changed: done at once where there are few, else in batches by cron.

A walk through all records writes each with the fields that the module has now, and fills the index of those that are new;
what a removed field left in the indexes is purged. What unique fields need is in `backend.records.uniqueness`. Records of a
deleted module go the same way, the module last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import orjson
from sqlalchemy import delete, tuple_, update
from sqlmodel import Session, col, select

from backend.models import Module, Record, RecordDue, RecordUnique, RecordValue
from backend.records import definition, uniqueness, writing
from backend.records.definition import Definition

FILL, PURGE, WALK = "fill", "purge", "walk"
BATCH: Final = 500
_AT_ONCE: Final = 4  # batches within the transaction of the change


def keys_in(row: Module) -> list[str]:
    """The keys that no new field may have, since something of a removed one is still there."""
    return [chore["key"] for chore in row.chores if chore["kind"] == PURGE]


def plan(row: Module, old: Definition) -> None:
    """Note on a changed module what its records need."""
    new = definition.from_row(row)
    was, now = {field.key for field in old.fields}, {field.key for field in new.fields}
    if was == now:
        return
    added = [{"kind": FILL, "key": key} for key in sorted(now - was)]
    removed = [{"kind": PURGE, "key": key} for key in sorted(was - now)]
    kept = [chore for chore in row.chores if chore["kind"] != WALK and chore["key"] not in was - now]
    row.chores = [*kept, *added, *removed, {"kind": WALK, "after": ""}]
    row.shape += 1


def begin(session: Session, row: Module) -> None:
    """Do the first batches now; what is left is for cron."""
    for _ in range(_AT_ONCE):
        if not step(session, row):
            return


def step(session: Session, row: Module) -> bool:
    """Do one batch of a module's chores, its row being locked; whether there may be more.

    Raises `Conflict` where records have the same value in a field that is being made unique.
    """
    if row.deleted_at is not None:
        return _demolish(session, row)
    claim = next((chore for chore in row.chores if chore["kind"] == uniqueness.CLAIM), None)
    if claim is not None:
        uniqueness.claim_some(session, row, claim)
        return bool(row.chores)
    release = next((chore for chore in row.chores if chore["kind"] == uniqueness.RELEASE), None)
    if release is not None:
        place = {"workspace_id": row.workspace_id, "module_id": row.id, "field": release["key"]}
        if not _delete_some(session, (RecordUnique.hash,), RecordUnique, place):
            row.chores = [chore for chore in row.chores if chore != release]
        return bool(row.chores)
    walk = next((chore for chore in row.chores if chore["kind"] == WALK), None)
    if walk is not None:
        after = _walk(session, definition.from_row(row), walk["after"])
        if after is None:
            _done(row, WALK, FILL)
        else:
            row.chores = [{"kind": WALK, "after": after} if chore == walk else chore for chore in row.chores]
        return bool(row.chores)
    # Only then are the removed fields' values in no record any more, and their keys free.
    purge = next((chore for chore in row.chores if chore["kind"] == PURGE), None)
    if purge is not None and not _purge(session, row, purge["key"]):
        row.chores = [chore for chore in row.chores if chore != purge]
    return bool(row.chores)


def _done(row: Module, *kinds: str) -> None:
    row.chores = [chore for chore in row.chores if chore["kind"] not in kinds]
    row.revision += 1


def _walk(session: Session, module: Definition, after: str) -> str | None:
    """Renew a batch of records; the id of the last, None when all are done."""
    query = select(Record.id, Record.body).where(*_of(Record, module), col(Record.id) > after).order_by(col(Record.id)).limit(BATCH)
    rows = session.exec(query.with_for_update()).all()
    missing: list[dict[str, Any]] = []
    for record_id, body in rows:
        kept = module.values(body)
        pairs = writing.index(module, kept)
        missing += writing.value_rows(module, record_id, [pair for pair in pairs if pair[0] in module.unfilled])
        document = orjson.loads(body)
        renewed = module.body(record_id, kept, document["created_at"], document["updated_at"])
        session.exec(update(Record).where(col(Record.id) == record_id).values(body=renewed, shape=module.shape))
    writing.insert_missing(session, missing)
    return rows[-1][0] if len(rows) == BATCH else None


def _purge(session: Session, row: Module, key: str) -> bool:
    """Delete a batch of what a removed field left; whether there was anything."""
    place = {"workspace_id": row.workspace_id, "module_id": row.id}
    session.exec(delete(RecordDue).filter_by(**place, field=key))
    values = _delete_some(session, (RecordValue.value, RecordValue.record_id), RecordValue, {**place, "field": key})
    return _delete_some(session, (RecordUnique.hash,), RecordUnique, {**place, "field": key}) or values


def _demolish(session: Session, row: Module) -> bool:
    """Delete a batch of a deleted module's records, at last the module; whether there may be more."""
    place = {"workspace_id": row.workspace_id, "module_id": row.id}
    session.exec(delete(RecordDue).filter_by(**place))
    found = (
        _delete_some(session, (RecordValue.field, RecordValue.value, RecordValue.record_id), RecordValue, place),
        _delete_some(session, (RecordUnique.field, RecordUnique.hash), RecordUnique, place),
        _delete_some(session, (Record.id,), Record, place),
    )
    if not any(found):
        session.delete(row)
    return any(found)


def _delete_some(session: Session, columns: Sequence[Any], table: type[Any], place: dict[str, str]) -> bool:
    """Delete at most a batch of a table's rows at a place; whether there were any."""
    there: Sequence[Any] = cast("Any", session).exec(cast("Any", select)(*columns).filter_by(**place).limit(BATCH)).all()
    if there:
        key = tuple_(*(col(column) for column in columns)) if len(columns) > 1 else col(columns[0])
        session.exec(delete(table).filter_by(**place).where(key.in_(there)))
    return bool(there)


def _of(table: type[Any], module: Definition) -> tuple[Any, Any]:
    return table.workspace_id == module.workspace_id, table.module_id == module.id
