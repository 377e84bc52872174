"""Event types of a workspace: the built-in ones and its own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any

from sqlmodel import Session, col, select

from backend.audit import service as audit
from backend.core import clock, ids, jsjson, permissions, texts
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound
from backend.event_types.catalogue import BUILT_IN, EventTypeInfo
from backend.models import EventType

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_MAX_NAME = 100
_MAX_OBJECT_BYTES = 256 * 1024
_PLACES = {name: index for index, name in enumerate(BUILT_IN)}
CHANGEABLE = frozenset({"description", "group", "json_schema", "sample", "deprecated", "archived"})


def all_types(session: Session, *, actor: Actor, archived: bool = False) -> list[EventTypeInfo]:
    """Every type that the workspace can publish, the built-in ones first; with the archived ones if asked."""
    permissions.require(actor, permissions.EVENTS_READ)
    query = select(EventType).where(EventType.workspace_id == actor.workspace_id).order_by(col(EventType.name))
    own = [_info(row) for row in session.exec(query).all()]
    return [*BUILT_IN.values(), *(info for info in own if archived or not info.archived)]


def place(info: EventTypeInfo) -> str:
    """Where a type stands in the list: the built-in ones in their own order, then the workspace's by name."""
    return f"0 {_PLACES[info.name]:05}" if info.name in _PLACES else f"1 {info.name}"


def get(session: Session, *, actor: Actor, name: str) -> EventTypeInfo:
    """One type. Raises `NotFound`."""
    permissions.require(actor, permissions.EVENTS_READ)
    return BUILT_IN.get(name) or _info(_own(session, actor, name))


def sample(session: Session, *, actor: Actor, name: str) -> dict[str, Any]:
    """The sample data of a type. Raises `NotFound`."""
    return get(session, actor=actor, name=name).sample


def known_names(session: Session, workspace_id: str) -> frozenset[str]:
    """The names that may be published and subscribed to in a workspace."""
    query = select(EventType.name).where(EventType.workspace_id == workspace_id, col(EventType.archived_at).is_(None))
    return frozenset(BUILT_IN) | frozenset(session.exec(query).all())


def unknown(name: str, names: Collection[str], *, path: str) -> FieldError:
    """The error for a name that is no event type, with the nearest that is one."""
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]}? " if near else ""
    return FieldError(path, f"{name!r} is not an event type.", f"{hint}GET /api/v1/event-types lists them; add your own there.")


def create(
    session: Session,
    *,
    actor: Actor,
    name: str,
    description: str = "",
    group: str = "",
    json_schema: dict[str, Any] | None = None,
    sample: dict[str, Any] | None = None,
) -> EventTypeInfo:
    """Add a type. Raises `Invalid` for a bad name, `Conflict` if it exists."""
    permissions.require(actor, permissions.EVENTS_WRITE)
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise Invalid(FieldError("name", f"{name!r} is not a name for an event type.", "Use words joined by dots, such as invoice.paid."))
    _check_objects({"json_schema": json_schema, "sample": sample})
    if name in BUILT_IN or _find(session, actor, name) is not None:
        raise Conflict(f"There is already an event type {name}. Change that one, or use another name.")
    row = EventType(
        id=ids.new("ety"), workspace_id=actor.workspace_id, name=name, description=description, group=group,
        json_schema=json_schema, sample=sample or {}, updated_at=clock.now(),
    )  # fmt: skip
    session.add(row)
    audit.record(session, actor=actor, action="event_type.created", target_kind="event_type", target_id=row.id, target_name=name)
    return _info(row)


def update(session: Session, *, actor: Actor, name: str, changes: dict[str, Any]) -> EventTypeInfo:
    """Change a type of the workspace's own; a new schema is a new version. Raises `NotFound`, `Conflict` for a built-in one."""
    permissions.require(actor, permissions.EVENTS_WRITE)
    row = _changeable(session, actor, name)
    _check_objects({field: changes.get(field) for field in ("json_schema", "sample")})
    now = clock.now()
    for field in CHANGEABLE & changes.keys():
        value = changes[field]
        if field in {"deprecated", "archived"}:
            setattr(row, f"{field}_at", now if value else None)
        else:
            setattr(row, field, value)
    if "json_schema" in changes:
        row.version += 1
    row.updated_at = now
    audit.record(
        session, actor=actor, action="event_type.updated", target_kind="event_type", target_id=row.id, target_name=name,
        after={field: changes[field] for field in sorted(CHANGEABLE & changes.keys())},
    )  # fmt: skip
    return _info(row)


def archive(session: Session, *, actor: Actor, name: str) -> None:
    """Archive a type: it can be published no more, its events stay. Raises `NotFound`, `Conflict` for a built-in one."""
    permissions.require(actor, permissions.EVENTS_DELETE)
    row = _changeable(session, actor, name)
    row.archived_at = row.archived_at or clock.now()
    audit.record(session, actor=actor, action="event_type.archived", target_kind="event_type", target_id=row.id, target_name=name)


def register(session: Session, *, workspace_id: str, group: str, types: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
    """Have these types of a feature, each with its description and sample; built-in ones are there, archived ones come back."""
    query = select(EventType).where(EventType.workspace_id == workspace_id, col(EventType.name).in_(types))
    there = {row.name: row for row in session.exec(query).all()}
    now = clock.now()
    for name, (description, sample) in types.items():
        if name in BUILT_IN:
            continue
        row = there.get(name) or EventType(id=ids.new("ety"), workspace_id=workspace_id, name=name, updated_at=now)
        row.group, row.description, row.sample, row.updated_at, row.archived_at = group[:60], description, sample, now, None
        session.add(row)


def retire(session: Session, *, workspace_id: str, names: Collection[str]) -> None:
    """Archive these types of a feature."""
    query = select(EventType).where(EventType.workspace_id == workspace_id, col(EventType.name).in_(names))
    for row in session.exec(query).all():
        row.archived_at = row.archived_at or clock.now()


def _check_objects(objects: Mapping[str, dict[str, Any] | None]) -> None:
    errors: list[FieldError] = []
    for path, value in objects.items():
        try:
            size = len(jsjson.stringify_bytes(value or {}))
        except jsjson.NotJson as error:
            errors.append(FieldError(path, str(error), "Send plain JSON: finite numbers, texts, lists and objects."))
            continue
        if not texts.is_storable(value):
            errors.append(FieldError(path, "holds a text with U+0000 or half of a surrogate pair.", "Take those characters out."))
        elif size > _MAX_OBJECT_BYTES:
            errors.append(FieldError(path, f"has {size:,} bytes.", f"Use at most {_MAX_OBJECT_BYTES:,}."))
    if errors:
        raise Invalid(*errors)


def _changeable(session: Session, actor: Actor, name: str) -> EventType:
    if name in BUILT_IN:
        raise Conflict(f"{name} is built in and cannot be changed. Add a type of your own beside it.")
    return _own(session, actor, name)


def _own(session: Session, actor: Actor, name: str) -> EventType:
    row = _find(session, actor, name)
    if row is None:
        raise NotFound(f"There is no event type {name}. GET /api/v1/event-types lists them.")
    return row


def _find(session: Session, actor: Actor, name: str) -> EventType | None:
    return session.exec(select(EventType).where(EventType.workspace_id == actor.workspace_id, EventType.name == name)).first()


def _info(row: EventType) -> EventTypeInfo:
    return EventTypeInfo(
        row.name, row.description, row.group or "Your own", row.sample, built_in=False, version=row.version,
        json_schema=row.json_schema, deprecated=row.deprecated_at is not None, archived=row.archived_at is not None,
    )  # fmt: skip
