"""Many upserts of one module at once: the same as one by one, with a fraction of the statements.

What is common is done together: a value that is unique besides, a rule of a moment, a key that comes twice, a field that is
becoming unique are left to the one-by-one way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection
from sqlmodel import Session, col, select

from backend.audit import service as audit
from backend.core import bulk, clock, ids
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.events import service as events
from backend.models import Record, RecordUnique
from backend.records import announcing, keys, service, writing
from backend.records.definition import Definition
from backend.records.fields import Field
from backend.records.rules import When
from backend.records.service import RecordInfo
from backend.records.writing import Stored

_PLACE: Final = ("workspace_id", "module_id")
_RECORD: Final = bulk.Insert("record", ("id", "created_at", *_PLACE, "body", "shape", "created_by", "updated_at"))
_UNIQUE: Final = bulk.Insert("record_unique", (*_PLACE, "field", "hash", "record_id"))
_VALUE: Final = bulk.Insert("record_value", (*_PLACE, "field", "value", "record_id"))
_UPDATE: Final = bulk.update(
    "record", {"body": "text", "shape": "int", "updated_at": "timestamptz"}, {"id": "text", "workspace_id": "text"}
)
_UNINDEX: Final = bulk.delete("record_value", dict.fromkeys((*_PLACE, "field", "value", "record_id"), "text"))


@dataclass(frozen=True, slots=True)
class Wish:
    """The values of one record, and who wants it."""

    actor: Actor
    values: Mapping[str, Any]


@dataclass(slots=True)
class _Change:
    """One record that is made or changed: its values by key, now and before."""

    actor: Actor
    record_id: str
    body: str
    after: Mapping[str, Any]
    before: Mapping[str, Any] | None
    commands: list[events.Command]


def upsert_many(
    session: Session, *, module: str, by: str, wishes: Sequence[Wish], may_create: bool = True
) -> list[RecordInfo | CrossdockError | None]:
    """What became of each wish, in their order, as `service.upsert` would have it; None for one that is left to that.

    Nothing that is left may be done before those that were done here. All are of one workspace. Raises what the database raises,
    after which nothing of it may be committed.
    """
    results: list[RecordInfo | CrossdockError | None] = [None] * len(wishes)
    found = service.writable(session, wishes[0].actor, module)
    field = found.by_name.get(by)
    if field is None or not field.unique or found.unclaimed or any(rule.when is When.DUE for rule in found.rules):
        return results
    clean: dict[str, tuple[int, dict[str, Any]]] = {}
    twice: set[str] = set()
    for index, wish in enumerate(wishes):
        try:
            wanted = service.cleaned(session, found, wish.values, is_new=False)
        except CrossdockError as error:
            results[index] = error
            continue
        digest = keys.digest(wanted[field.key]) if wanted.get(field.key) is not None else ""
        if digest in clean or not digest:
            twice.add(digest)
        else:
            clean[digest] = (index, wanted)
    stored = _stored(session, found, field, [digest for digest in clean if digest not in twice])
    changes: list[_Change] = []
    for digest, (index, wanted) in clean.items():
        if digest in twice:
            continue  # the first of two must not be done before the second in another way
        try:
            decided = _decide(session, found, field, wishes[index], wanted, stored.get(digest), may_create=may_create)
        except CrossdockError as error:
            results[index] = error
            continue
        if isinstance(decided, _Change):
            changes.append(decided)
            results[index] = RecordInfo(decided.record_id, found.document(decided.body), created=decided.before is None)
        else:
            results[index] = decided
    _write(session, found, field, changes)
    return results


def _stored(session: Session, found: Definition, field: Field, digests: Sequence[str]) -> dict[str, Stored]:
    """The records that hold these values, locked, by the digest of the value."""
    place = (RecordUnique.workspace_id == found.workspace_id, RecordUnique.module_id == found.id, RecordUnique.field == field.key)
    holders = dict(session.exec(select(RecordUnique.record_id, RecordUnique.hash).where(*place, col(RecordUnique.hash).in_(digests))).all())
    query = select(Record.id, Record.body).where(
        Record.workspace_id == found.workspace_id, Record.module_id == found.id, col(Record.id).in_(holders)
    )
    rows = session.exec(query.order_by(col(Record.id)).with_for_update()).all()
    return {holders[record_id]: Stored(record_id, body, found.values(body), orjson.loads(body)["created_at"]) for record_id, body in rows}


def _decide(
    session: Session, found: Definition, field: Field, wish: Wish, wanted: dict[str, Any], stored: Stored | None, *, may_create: bool
) -> _Change | RecordInfo | None:
    """The change that a wish comes to; what there is if nothing changes; None if it is left to the one-by-one way."""
    if stored is None:
        if not may_create:
            return None
        fresh = service.cleaned(session, found, wish.values, is_new=True)
        if _is_further_unique(found, field, fresh, {}):
            return None
        record_id = ids.new("rec")
        moment = clock.rfc3339(ids.created_at(record_id))
        commands = announcing.commands(found, announcing.CREATED, record_id, fresh, actor=wish.actor)
        return _Change(wish.actor, record_id, found.body(record_id, fresh, moment, moment), fresh, None, commands)
    after = {**stored.values, **wanted}
    if stored.values.get(field.key) != wanted[field.key] or _is_further_unique(found, field, after, stored.values):
        return None
    if all(stored.values.get(each.key) == after.get(each.key) for each in found.fields):
        return RecordInfo(stored.id, found.document(stored.body))
    service.check_size(after)
    body = found.body(stored.id, after, stored.created_at, clock.rfc3339(clock.now()))
    commands = announcing.commands(found, announcing.UPDATED, stored.id, after, actor=wish.actor, before=stored.values)
    return _Change(wish.actor, stored.id, body, after, stored.values, commands)


def _is_further_unique(found: Definition, field: Field, after: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether another value that must be unique comes or goes."""
    return any(each.unique and each.key != field.key and after.get(each.key) != before.get(each.key) for each in found.fields)


def _write(session: Session, found: Definition, field: Field, changes: Sequence[_Change]) -> None:
    if not changes:
        return
    connection = session.connection()
    place = (found.workspace_id, found.id)
    made = [change for change in changes if change.before is None]
    changed = sorted((change for change in changes if change.before is not None), key=lambda each: each.record_id)
    _UNIQUE.run(connection, sorted((*place, field.key, keys.digest(each.after[field.key]), each.record_id) for each in made))
    _RECORD.run(connection, [_row(connection, found, each) for each in made])
    now = bulk.moment(connection, clock.now())
    _UPDATE.run(connection, [(each.body, found.shape, now, each.record_id, found.workspace_id) for each in changed])
    gone: list[tuple[str, ...]] = []
    new: list[tuple[str, ...]] = []
    for change in changes:
        before = writing.index(found, change.before) if change.before is not None else set[tuple[str, str]]()
        after = writing.index(found, change.after)
        gone += [(*place, *pair, change.record_id) for pair in before - after]
        new += [(*place, *pair, change.record_id) for pair in after - before]
    _UNINDEX.run(connection, sorted(gone))
    _VALUE.run(connection, sorted(new))
    audit.record_all(session, [_entry(found, change) for change in changes])
    announcing.publish_all(session, found, [command for change in changes for command in change.commands])


def _row(connection: Connection, found: Definition, change: _Change) -> tuple[Any, ...]:
    at = bulk.moment(connection, ids.created_at(change.record_id))
    return (change.record_id, at, found.workspace_id, found.id, change.body, found.shape, change.actor.id, at)


def _entry(found: Definition, change: _Change) -> audit.Entry:
    before, after = change.before, change.after
    names = None if before is None else [each.name for each in found.fields if before.get(each.key) != after.get(each.key)]
    return audit.Entry(
        actor=change.actor,
        action="record.created" if before is None else "record.updated",
        target_kind="record",
        target_id=change.record_id,
        target_name=found.singular,
        after=service.noted(found, names),
    )
