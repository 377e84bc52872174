"""Puts the items of a sync into a module: each becomes one record, by a link, or by the value that it is matched by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlmodel import Session, col, select

from backend.core import actor as actors
from backend.core import crypto, ids, texts
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, Invalid, NotFound, Unavailable
from backend.integrations import templates
from backend.integrations.entry import Column, Sync
from backend.models import IntegrationLink, IntegrationSync, IntegrationSyncError
from backend.records import definition, modules
from backend.records import service as records
from backend.records.definition import Definition
from backend.records.definitions import ModuleInput

_LONGEST: Final = 9000
_TRUE: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass
class Counts:
    """What became of some items."""

    seen: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    told: dict[str, str] = field(default_factory=dict[str, str])  # what was wrong, by the item's id


def identify(spec: Sync, item: Any) -> str:
    """The id of an item; empty if it has none."""
    parts = [templates.dig_first(item, (path,)) for path in spec.id]
    return texts.storable("/".join(parts))[:200] if all(parts) else ""


def prepare(session: Session, workspace_id: str, spec: Sync, module: str) -> None:
    """Make the module if the workspace has none of that name."""
    actor = _actor(workspace_id)
    try:
        definition.of(session, workspace_id, module)
    except NotFound:
        columns = [
            {"name": each.name, "label": each.label, "type": each.type, "pii": each.pii, "unique": each.name == spec.match}
            for each in spec.columns
        ]
        made = ModuleInput(name=module, label=spec.label, description=f"Brought by integrations: {spec.label}.", fields=columns)
        modules.create(session, actor=actor, input=made)


def land(session: Session, sync: IntegrationSync, spec: Sync, items: Sequence[Any]) -> Counts:
    """Store these items, in this transaction; one that cannot be stored is told of and leaves the others as they are."""
    counts = Counts()
    actor = _actor(sync.workspace_id)
    target = definition.of(session, sync.workspace_id, sync.module, share=True)
    named = [(identify(spec, item), item) for item in items]
    links = _links(session, sync, [name for name, _ in named if name])
    for name, item in named:
        counts.seen += 1
        if not name:
            counts.failed += 1
            counts.told[""] = f"An item has nothing at {' and '.join(spec.id)} that names it."
            continue
        try:
            with session.begin_nested():
                told = _land_one(session, actor, sync, spec, target, links, name, item, counts)
            if told:
                counts.told[name] = told
        except Unavailable:
            raise
        except CrossdockError as error:
            counts.failed += 1
            counts.told[name] = error.detail[:400]
    _note_errors(session, sync, counts.told)
    return counts


def _land_one(
    session: Session,
    actor: Actor,
    sync: IntegrationSync,
    spec: Sync,
    target: Definition,
    links: dict[str, IntegrationLink],
    name: str,
    item: Any,
    counts: Counts,
) -> str:
    values = shape(spec, item, frozenset(target.by_name))
    fingerprint = crypto.fingerprint(orjson.dumps(values, option=orjson.OPT_SORT_KEYS))
    link = links.get(name)
    if link is not None and link.fingerprint == fingerprint:
        counts.unchanged += 1
        return ""
    try:
        found, told = _write(session, actor, sync, spec, target, link, values), ""
    except Invalid as error:
        wrong = {each.path for each in error.errors}
        left = {key: value for key, value in values.items() if key not in wrong}
        if len(left) == len(values) or not left:
            raise
        found = _write(session, actor, sync, spec, target, link, left)
        told = f"Stored without {', '.join(sorted(wrong))}: {error.detail}"[:400]
    counts.created += found.created
    counts.updated += not found.created
    if link is None:
        link = IntegrationLink(
            id=ids.new("lnk"),
            workspace_id=sync.workspace_id,
            integration_id=sync.integration_id,
            resource=sync.resource,
            external_id=name,
            record_id=found.id,
            fingerprint=fingerprint,
        )
    link.record_id, link.fingerprint = found.id, fingerprint
    session.add(link)
    session.flush()
    links[name] = link
    return told


def _write(
    session: Session,
    actor: Actor,
    sync: IntegrationSync,
    spec: Sync,
    target: Definition,
    link: IntegrationLink | None,
    values: Mapping[str, Any],
) -> records.RecordInfo:
    if link is not None:
        try:
            return records.update(session, actor=actor, module=sync.module, record_id=link.record_id, values=values)
        except NotFound:  # somebody deleted it: it comes again
            pass
    given = {name: value for name, value in values.items() if value is not None}
    match = target.by_name.get(spec.match or "")
    if match is not None and match.unique and given.get(match.name):
        return records.upsert(session, actor=actor, module=sync.module, by=match.name, values=given)
    return records.create(session, actor=actor, module=sync.module, values=given)


def shape(spec: Sync, item: Any, known: frozenset[str]) -> dict[str, Any]:
    """The values of a record that an item means, by the names of those columns that the module has."""
    return {each.name: _value(each, templates.dig(item, each.source)) for each in spec.columns if each.name in known}


def _value(column: Column, found: Any) -> Any:
    if found is None or found == "":
        return None
    match column.type:
        case "json":
            return found
        case "boolean":
            return found if isinstance(found, bool) else _TRUE.get(str(found).lower())
        case "number":
            return _number(found)
        case _:
            if isinstance(found, dict | list):
                return texts.storable(orjson.dumps(found).decode())[:_LONGEST]
            return texts.storable(str(found))[:_LONGEST]


def _number(found: Any) -> Any:
    if isinstance(found, int | float):
        return found
    try:
        number = float(str(found))
    except ValueError:
        return found  # the field says what is wrong with it
    return int(number) if number.is_integer() else number


def _links(session: Session, sync: IntegrationSync, names: Sequence[str]) -> dict[str, IntegrationLink]:
    query = select(IntegrationLink).where(
        IntegrationLink.workspace_id == sync.workspace_id,
        IntegrationLink.integration_id == sync.integration_id,
        IntegrationLink.resource == sync.resource,
        col(IntegrationLink.external_id).in_(names),
    )
    return {link.external_id: link for link in session.exec(query).all()}


def _note_errors(session: Session, sync: IntegrationSync, told: Mapping[str, str]) -> None:
    """One row for each item; a page that is begun again tells nothing twice."""
    if not told:
        return
    query = select(IntegrationSyncError.external_id).where(
        IntegrationSyncError.sync_id == sync.id, col(IntegrationSyncError.external_id).in_(list(told))
    )
    there = set(session.exec(query).all())
    session.add_all(
        IntegrationSyncError(
            id=ids.new("ser"),
            workspace_id=sync.workspace_id,
            integration_id=sync.integration_id,
            sync_id=sync.id,
            external_id=name,
            message=message[:400],
        )
        for name, message in told.items()
        if name not in there
    )


def _actor(workspace_id: str) -> Actor:
    return actors.system(workspace_id, "Integrations")
