"""Records: made, changed, upserted, deleted, read and listed, each change with its events in the same transaction."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlmodel import Session, col, func, select

from backend.audit import service as audit
from backend.core import lenience, pagination, permissions, texts
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound, TooLarge
from backend.models import Module, Record
from backend.records import announcing, definition, finding, names, query, values, writing
from backend.records.definition import Definition
from backend.records.fields import FieldType
from backend.records.writing import Stored

MAX_BYTES: Final = 100 * 1024
_TRIES: Final = 3
# What a read answers beside the fields; sent back with a change, it is left as it is.
_GIVEN: Final = frozenset({"id", "module", "created_at", "updated_at", "createdAt", "updatedAt"})


@dataclass(frozen=True, slots=True)
class RecordInfo:
    """A record: its id, the object that a read answers, and whether it was just made."""

    id: str
    document: dict[str, Any]
    created: bool = False


def create(session: Session, *, actor: Actor, module: str, values: Mapping[str, Any]) -> RecordInfo:
    """Make a record from values by names of fields, camelCase too; what is left out gets its default.

    Raises `NotFound` for the module, `Forbidden`, `Invalid` with every wrong field, `Conflict` for a unique value that is taken.
    """
    found = writable(session, actor, module)
    return _create(session, actor, found, cleaned(session, found, values, is_new=True))


def update(session: Session, *, actor: Actor, module: str, record_id: str, values: Mapping[str, Any]) -> RecordInfo:
    """Change the given fields of a record; null empties one. Publishes nothing if nothing changes. Raises like `create`."""
    found = writable(session, actor, module)
    stored = writing.locked(session, found, record_id)
    if stored is None:
        raise _no_record(found, record_id)
    return _update(session, actor, found, stored, cleaned(session, found, values, is_new=False))


def upsert(session: Session, *, actor: Actor, module: str, by: str, values: Mapping[str, Any], may_create: bool = True) -> RecordInfo:
    """Change the record that has the given value in the unique field `by`, or make it; at the same moment only one is made.

    Without `may_create` a value that no record has is `Invalid`. Raises like `create`, and `Invalid` for a field that is not unique.
    """
    found = writable(session, actor, module)
    field = found.by_name.get(by)
    if field is None or not field.unique:
        raise Invalid(FieldError(by[:80], f"is no unique field of {module}.", "Match by a field that is unique."))
    wanted = cleaned(session, found, values, is_new=False)
    if wanted.get(field.key) is None:
        raise Invalid(FieldError(field.name, "is missing.", "Send the value by which the record is found."))
    for _ in range(_TRIES):
        holder = writing.holder(session, found, field, wanted[field.key])
        if holder is not None:
            stored = writing.locked(session, found, holder)
            if stored is not None and stored.values.get(field.key) == wanted[field.key]:
                return _update(session, actor, found, stored, wanted)
            continue  # it was deleted or changed while we waited for it
        if not may_create:
            told = f"has a value that no record of {module} has."
            raise Invalid(FieldError(field.name, told, "Send one that exists, or let the record be made."))
        fresh = cleaned(session, found, values, is_new=True)
        try:
            return _create(session, actor, found, fresh)
        except Conflict:
            if writing.holder(session, found, field, wanted[field.key]) is None:
                raise  # another unique value is taken
    raise Conflict(f"The record with this {field.name} is changing all the time. Try again.")


def delete(session: Session, *, actor: Actor, module: str, record_id: str) -> None:
    """Delete a record. Raises `NotFound`, `Forbidden`."""
    found = _module(session, actor, module, share=True)
    permissions.require(actor, permissions.RECORDS_DELETE.of(found.name))
    stored = writing.locked(session, found, record_id)
    if stored is None:
        raise _no_record(found, record_id)
    writing.remove(session, found, stored)
    announcing.announce(session, found, announcing.DELETED, stored.id, stored.values, actor=actor)
    note(session, actor, "record.deleted", found, stored.id, None)


def get(session: Session, *, actor: Actor, module: str, record_id: str) -> RecordInfo:
    """One record. Raises `NotFound`, `Forbidden`."""
    found = _readable(session, actor, module)
    statement = select(Record.body).where(Record.workspace_id == found.workspace_id, Record.module_id == found.id, Record.id == record_id)
    body = session.exec(statement).first()
    if body is None:
        raise _no_record(found, record_id)
    return RecordInfo(record_id, found.document(body))


def list_records(session: Session, *, actor: Actor, module: str, parameters: Iterable[tuple[str, str]] = ()) -> pagination.Page[RecordInfo]:
    """A page of records by the parameters of the list (`backend.records.query`), newest first. Raises `Invalid`, `NotFound`."""
    found = _readable(session, actor, module)
    page = finding.find(session, found, query.parse(found, parameters))
    return pagination.Page([RecordInfo(row.id, found.document(row.body)) for row in page.rows], page.next_cursor)


def page_text(session: Session, *, actor: Actor, module: str, parameters: Iterable[tuple[str, str]] = ()) -> str:
    """The same page as the JSON text that the API answers."""
    found = _readable(session, actor, module)
    page = finding.find(session, found, query.parse(found, parameters))
    return _text(",".join([found.text(row.body, row.shape) for row in page.rows]), page.next_cursor)


def quick_page(*, actor: Actor, module: str, parameters: Sequence[tuple[str, str]]) -> Callable[[Session], str | None] | None:
    """What reads a page of all records quickest: stored texts are passed on as they stand.

    None if another page is asked for, or the module is not known here yet; what it reads is None if the module has changed.
    Then `page_text` is the way. Raises `Invalid`, `Forbidden`.
    """
    known = definition.remembered(actor.workspace_id, module)
    if known is None:
        return None
    permissions.require(actor, permissions.RECORDS_READ.of(known.name))
    asked = query.parse(known, parameters)
    if not asked.is_bare:
        return None

    def read(session: Session) -> str | None:
        page = finding.newest(session, known, asked)
        return _text(page.bodies, page.next_cursor) if page is not None else None

    return read


def count(session: Session, *, actor: Actor, module: str) -> int:
    """How many records a module has; the count stops one above `pagination.COUNT_CAP`."""
    found = _readable(session, actor, module)
    some = select(Record.id).where(Record.workspace_id == found.workspace_id, Record.module_id == found.id)
    return session.exec(select(func.count()).select_from(some.limit(pagination.COUNT_CAP + 1).subquery())).one()


def _create(session: Session, actor: Actor, found: Definition, clean: dict[str, Any]) -> RecordInfo:
    stored = writing.add(session, found, clean, created_by=actor.id)
    announcing.announce(session, found, announcing.CREATED, stored.id, clean, actor=actor)
    note(session, actor, "record.created", found, stored.id, None)
    return RecordInfo(stored.id, found.document(stored.body), created=True)


def _update(session: Session, actor: Actor, found: Definition, stored: Stored, changes: Mapping[str, Any]) -> RecordInfo:
    after = {**stored.values, **changes}
    changed = [field.name for field in found.fields if stored.values.get(field.key) != after.get(field.key)]
    if not changed:
        return RecordInfo(stored.id, found.document(stored.body))
    check_size(after)
    body = writing.change(session, found, stored, after)
    announcing.announce(session, found, announcing.UPDATED, stored.id, after, actor=actor, before=stored.values)
    note(session, actor, "record.updated", found, stored.id, changed)
    return RecordInfo(stored.id, found.document(body))


def cleaned(session: Session, found: Definition, given: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    """The given values by key, as they are stored; of a new record all, with defaults. Raises `Invalid` with every mistake."""
    errors: list[FieldError] = []
    clean = _checked(found, given, errors, is_new=is_new)
    wrong = {error.path for error in errors}
    for field in found.fields:
        if is_new and field.key not in clean and wrong.isdisjoint({field.name, names.camel(field.name)}):
            clean[field.key] = field.default
        if field.required and field.key in clean and clean[field.key] in (None, "", []):
            errors.append(FieldError(field.name, "is required.", f"Send a {field.type} value."))
    errors += _dangling(session, found, clean)
    if errors:
        raise Invalid(*errors)
    if is_new:
        check_size(clean)
    return clean


def _checked(found: Definition, given: Mapping[str, Any], errors: list[FieldError], *, is_new: bool) -> dict[str, Any]:
    """The given values that fit, by key; what is wrong with the others goes to `errors`."""
    clean: dict[str, Any] = {}
    for name, value in given.items():
        field = found.by_name.get(name)
        if field is None:
            if not lenience.ignores_unknown_fields() and (is_new or name not in _GIVEN):
                errors.append(_unknown(found, name))
        elif field.key in clean:
            errors.append(FieldError(field.name, "is sent twice, in two spellings.", "Send it once."))
        else:
            try:
                clean[field.key] = values.check(field, value)
            except values.Unfit as unfit:
                errors.append(unfit.at(name))
    return clean


def _dangling(session: Session, found: Definition, clean: Mapping[str, Any]) -> list[FieldError]:
    """References to records that are not there."""
    references = [field for field in found.fields if field.type is FieldType.REFERENCE and clean.get(field.key) is not None]
    if not references:
        return []
    wanted = {clean[field.key] for field in references}
    query_of = (
        select(Record.id, Module.name)
        .join(Module, col(Module.id) == col(Record.module_id))
        .where(Record.workspace_id == found.workspace_id, col(Record.id).in_(wanted), col(Module.deleted_at).is_(None))
    )
    there = dict(session.exec(query_of).all())
    return [
        FieldError(
            field.name, f"refers to no record of {field.module}.", f"Send the id of one; GET /api/v1/records/{field.module} lists them."
        )
        for field in references
        if there.get(clean[field.key]) != field.module
    ]


def check_size(clean: Mapping[str, Any]) -> None:
    """Raise `TooLarge` for values that no record keeps. For this feature's own modules, as the three others without a mark."""
    size = len(orjson.dumps(clean))
    if size > MAX_BYTES:
        raise TooLarge(f"The record has {size:,} bytes; at most {MAX_BYTES:,} are kept. Send less, or a reference instead.")


def _unknown(found: Definition, name: str) -> FieldError:
    if name in _GIVEN:
        return FieldError(name, "is set by the server.", "Leave it out.")
    near = difflib.get_close_matches(name, [field.name for field in found.fields], n=1)
    shown = texts.readable(name[:80])
    return FieldError(shown, f"is no field of {found.name}.", f"Did you mean {near[0]}?" if near else "Leave it out.")


def writable(session: Session, actor: Actor, module: str) -> Definition:
    """The module, which does not change before the end of this transaction. Raises `NotFound`, `Forbidden`."""
    found = _module(session, actor, module, share=True)
    permissions.require(actor, permissions.RECORDS_WRITE.of(found.name))
    return found


def _readable(session: Session, actor: Actor, module: str) -> Definition:
    found = _module(session, actor, module)
    permissions.require(actor, permissions.RECORDS_READ.of(found.name))
    return found


def _module(session: Session, actor: Actor, module: str, *, share: bool = False) -> Definition:
    return definition.of(session, actor.workspace_id, module, share=share)


def _no_record(found: Definition, record_id: str) -> NotFound:
    return NotFound(f"There is no record {texts.readable(record_id[:64])} in {found.name}. GET /api/v1/records/{found.name} lists them.")


def note(session: Session, actor: Actor, action: str, found: Definition, record_id: str, changed: list[str] | None) -> None:
    """The audit trail names the fields; their values are in the record's events."""
    after = noted(found, changed)
    audit.record(session, actor=actor, action=action, target_kind="record", target_id=record_id, target_name=found.singular, after=after)


def noted(found: Definition, changed: list[str] | None) -> dict[str, Any]:
    """What the audit trail says of a change beside what it was done to."""
    return {"module": found.name} if changed is None else {"module": found.name, "fields": changed}


def _text(bodies: str, next_cursor: str | None) -> str:
    cursor = f'"{next_cursor}"' if next_cursor else "null"
    return f'{{"data":[{bodies}],"next_cursor":{cursor},"has_more":{"true" if next_cursor else "false"}}}'
