"""Modules of a workspace: defined, listed, changed and deleted, with their event types; starter sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from backend.audit import service as audit
from backend.core import actor as actors
from backend.core import clock, db, ids, pagination, permissions, queue
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound, Unconfirmed
from backend.event_types import service as event_types
from backend.events import service as events
from backend.models import Module, Record, RecordValue
from backend.records import chores, definition, definitions, keys, starters, uniqueness, values
from backend.records.definition import Definition
from backend.records.definitions import Checked, ModuleInput
from backend.records.fields import Field, FieldType, may_become
from backend.records.starters import StarterSet

TOPIC: Final = "modules"
CHANGEABLE: Final = ("label", "singular", "description", "event_names", "fields", "rules")


@dataclass(frozen=True, slots=True)
class Installed:
    """What installing a starter set did: the modules that it made, and those that were there and stay as they are."""

    name: str
    made: tuple[str, ...]
    kept: tuple[str, ...]


def create(session: Session, *, actor: Actor, input: ModuleInput) -> Module:  # noqa: A002 - the contract's word
    """Define a module; its three event types are there from now on. Raises `Invalid` with every mistake, `Conflict` if it exists."""
    permissions.require(actor, permissions.MODULES_WRITE)
    checked = _check(session, actor, dataclasses.asdict(input))
    existing = _all(session, actor)
    if any(row.name == checked.name for row in existing):
        raise Conflict(f"There is already a module {checked.name}. Change that one, or use another name.")
    _check_singular(checked, existing, None)
    now = clock.now()
    row = Module(
        id=ids.new("mod"),
        workspace_id=actor.workspace_id,
        created_at=now,
        created_by=actor.id,
        updated_at=now,
        **_columns(checked),
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict(f"The module {checked.name} was made at this very moment. Change that one, or use another name.") from None
    _register(session, row)
    _say(session, actor, "created", row, None)
    return row


def get(session: Session, *, actor: Actor, name: str) -> Module:
    """One module. Raises `NotFound`."""
    permissions.require(actor, permissions.MODULES_READ)
    return _existing(session, actor, name)


def list_modules(
    session: Session, *, actor: Actor, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[Module]:
    """Modules, newest first."""
    permissions.require(actor, permissions.MODULES_READ)
    query = select(Module).where(Module.workspace_id == actor.workspace_id, col(Module.deleted_at).is_(None))
    return pagination.fetch(session, query, col(Module.id), limit=limit, cursor=cursor)


def all_modules(session: Session, *, actor: Actor) -> list[Module]:
    """Every module of the workspace, by name."""
    permissions.require(actor, permissions.MODULES_READ)
    return _all(session, actor)


def update(session: Session, *, actor: Actor, name: str, changes: Mapping[str, Any], confirm: bool = False) -> Module:
    """Change the given parts (`CHANGEABLE`). A field is known by its key, else by its name; one that is not given is removed.

    Raises `NotFound`, `Invalid` with every mistake; `Conflict` when a field with data would be renamed or removed without
    `confirm`, or its values would not fit its new type.
    """
    permissions.require(actor, permissions.MODULES_WRITE)
    row = _existing(session, actor, name, lock=True)
    if names_another(changes.get("name"), row.name):
        raise Invalid(FieldError("name", "of a module cannot change.", "Leave it out, and change its label."))
    old = definition.from_row(row)
    before = describe(row)
    given = {part: changes.get(part, before[part]) for part in CHANGEABLE} | {"name": row.name}
    checked = _check(session, actor, given, old, chores.keys_in(row))
    _check_singular(checked, _all(session, actor), row)
    _ask(session, old, checked, confirm=confirm)
    was_singular = row.singular
    for column, value in _columns(checked).items():
        setattr(row, column, value)
    if describe(row) == before:
        return row
    row.revision, row.updated_at = row.revision + 1, clock.now()
    chores.plan(row, old)
    session.flush()
    uniqueness.plan(session, row, old)
    chores.begin(session, row)
    if was_singular != row.singular:
        _retire(session, row, was_singular)
    _register(session, row)
    _say(session, actor, "updated", row, before)
    return row


def give_up_unique(session: Session, row: Module, reason: str) -> None:
    """Have the field that is being made unique not be so, since records have the same value: `reason` names them."""
    before = describe(row)
    uniqueness.give_up(row)
    row.updated_at = clock.now()
    _say(session, actors.system(row.workspace_id), "updated", row, before, reason)


def delete(session: Session, *, actor: Actor, name: str, confirm: bool = False) -> None:
    """Delete a module with all its records. Raises `NotFound`, and `Conflict` if it has records, unless `confirm`."""
    permissions.require(actor, permissions.MODULES_DELETE)
    row = _existing(session, actor, name, lock=True)
    number = _count(session, select(Record.id).where(Record.workspace_id == row.workspace_id, Record.module_id == row.id))
    if number and not confirm:
        raise Unconfirmed(f"{row.label} has {_told(number)}, which would be deleted with it.")
    row.deleted_at = clock.now()
    row.revision += 1
    row.chores = []
    _retire(session, row, row.singular)
    _say(session, actor, "deleted", row, None)
    chores.begin(session, row)


def list_starter_sets(session: Session, *, actor: Actor) -> list[tuple[StarterSet, frozenset[str]]]:
    """The starter sets, each with the names of those of its modules that the workspace has."""
    permissions.require(actor, permissions.MODULES_READ)
    there = {row.name for row in _all(session, actor)}
    return [(one, frozenset(module.name for module in one.modules) & there) for one in starters.SETS.values()]


def install(session: Session, *, actor: Actor, name: str) -> Installed:
    """Make the modules of a starter set that are not there yet; the others stay as they are. Raises `NotFound`."""
    permissions.require(actor, permissions.MODULES_WRITE)
    found = starters.SETS.get(name)
    if found is None:
        raise NotFound(f"There is no starter set {name[:60]!r}. Use one of {', '.join(starters.SETS)}.")
    there = {row.name for row in _all(session, actor)}
    made = [module for module in found.modules if module.name not in there]
    for module in made:
        create(session, actor=actor, input=module)
    return Installed(name, tuple(one.name for one in made), tuple(one.name for one in found.modules if one.name in there))


def describe(row: Module) -> dict[str, Any]:
    """A module as it is answered, without its times."""
    found = definition.from_row(row)
    name_of = {field.key: field.name for field in found.fields}
    return {
        "id": row.id,
        "name": row.name,
        "label": row.label,
        "singular": row.singular,
        "description": row.description,
        "event_names": row.event_names,
        "fields": [field.document() for field in found.fields],
        "rules": [rule.document(name_of) for rule in found.rules],
        "event_types": definitions.types_of(row.singular),
    }


def names_another(given: Any, name: str) -> bool:
    """Whether a name that is sent back with a change is another one."""
    return given is not None and given != name


def _check(session: Session, actor: Actor, given: Mapping[str, Any], old: Definition | None = None, used: Sequence[str] = ()) -> Checked:
    return definitions.check(
        given,
        known_types=event_types.known_names(session, actor.workspace_id),
        modules=[row.name for row in _all(session, actor)],
        known=old.fields if old is not None else (),
        used=used,
    )


def _columns(checked: Checked) -> dict[str, Any]:
    same = {field.key: field.key for field in checked.fields}
    return {
        "name": checked.name,
        "label": checked.label,
        "singular": checked.singular,
        "description": checked.description,
        "event_names": checked.event_names,
        "fields": [field.document() for field in checked.fields],
        "rules": [rule.document(same) for rule in checked.rules],
    }


def _check_singular(checked: Checked, existing: list[Module], own: Module | None) -> None:
    other = next((row for row in existing if row.singular == checked.singular and (own is None or row.id != own.id)), None)
    if other is not None:
        told = f"{checked.singular!r} names the events of the module {other.name}."
        raise Invalid(FieldError("singular", told, "Give this module another singular."))


def _ask(session: Session, old: Definition, checked: Checked, *, confirm: bool) -> None:
    """Raise `Conflict` where data would be renamed or removed without `confirm`, or would not fit any more."""
    now = {field.key: field for field in checked.fields}
    doubts: list[str] = []
    for field in old.fields:
        new = now.get(field.key)
        if new is not None and (new.name, new.type) == (field.name, field.type):
            continue
        number = _filled(session, old, field)
        if not number:
            continue
        if new is None:
            doubts.append(f"Removing {field.name} would delete its values in {_told(number)}.")
        elif not may_become(field.type, new.type):
            told = f"{field.name} is a {field.type} field with values in {_told(number)}, which are no {new.type} values."
            raise Conflict(f"{told} Add another field and remove this one.")
        elif new.name != field.name:
            doubts.append(f"Renaming {field.name} to {new.name} would change {_told(number)} for everybody who reads them.")
    if doubts and not confirm:
        raise Unconfirmed(" ".join(doubts))


def _filled(session: Session, old: Definition, field: Field) -> int:
    """How many records have a value in a field, counted up to 10,001."""
    if field.type is FieldType.JSON:
        return _count(session, select(Record.id).where(Record.workspace_id == old.workspace_id, Record.module_id == old.id))
    return _count(
        session,
        select(RecordValue.record_id).where(
            RecordValue.workspace_id == old.workspace_id,
            RecordValue.module_id == old.id,
            RecordValue.field == field.key,
            RecordValue.value > keys.NULL,
        ),
    )


def _count(session: Session, statement: Any) -> int:
    return session.exec(select(func.count()).select_from(statement.limit(pagination.COUNT_CAP + 1).subquery())).one()


def _told(number: int) -> str:
    if number > pagination.COUNT_CAP:
        return f"more than {pagination.COUNT_CAP:,} records"
    return f"{number:,} record{'s' if number > 1 else ''}"


def _all(session: Session, actor: Actor) -> list[Module]:
    query = select(Module).where(Module.workspace_id == actor.workspace_id, col(Module.deleted_at).is_(None)).order_by(col(Module.name))
    return list(session.exec(query).all())


def _existing(session: Session, actor: Actor, name: str, *, lock: bool = False) -> Module:
    query = select(Module).where(Module.workspace_id == actor.workspace_id, Module.name == name, col(Module.deleted_at).is_(None))
    row = session.exec(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFound(f"There is no module {name[:60]!r} in this workspace. GET /api/v1/modules lists them.")
    return row


def _register(session: Session, row: Module) -> None:
    """Have the module's event types, each with a sample made from its fields."""
    found = definition.from_row(row)
    sample = {field.key: values.sample(field) for field in found.fields}
    data = found.data("rec_01k5z7q0v6e3tbn8m2c4d9f1hj", sample)
    event_types.register(
        session,
        workspace_id=row.workspace_id,
        group=row.label,
        types={
            name: (
                f"A record of {row.label} was {name.rpartition('.')[2]}.",
                data | ({"previous": {}} if name.endswith(".updated") else {}),
            )
            for name in definitions.types_of(row.singular)
        },
    )


def _retire(session: Session, row: Module, singular: str) -> None:
    event_types.retire(session, workspace_id=row.workspace_id, names=definitions.types_of(singular))


def _say(session: Session, actor: Actor, action: str, row: Module, before: dict[str, Any] | None, reason: str | None = None) -> None:
    """Note and publish what became of a module."""
    after = describe(row)
    data = {part: after[part] for part in ("id", "name", "label", "singular")} | {"fields": [field["name"] for field in after["fields"]]}
    was, now = audit.changes(before, after) if before is not None else (None, after)
    if was is not None:
        data["previous"] = {part: [field["name"] for field in value] if part == "fields" else value for part, value in was.items()}
    audit.record(
        session, actor=actor, action=f"module.{action}", target_kind="module", target_id=row.id, target_name=row.name,
        before=after if action == "deleted" else was, after=None if action == "deleted" else now, reason=reason,
    )  # fmt: skip
    events.publish(session, actor=actor, type=f"module.{action}", data=data)
    workspace_id = row.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, TOPIC), key=(TOPIC, workspace_id))
