"""Puts the items of a sync into a module: each becomes one record, by a link, or by the value that it is matched by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from sqlmodel import Session, col, select

from backend.core import actor as actors
from backend.core import clock, crypto, ids, texts
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, Invalid, NotFound, Unavailable
from backend.integrations import templates
from backend.integrations.bases import Bases
from backend.integrations.entry import Column, Sync
from backend.integrations.plans import Plan, Removed
from backend.models import IntegrationLink, IntegrationSync, IntegrationSyncError
from backend.records import definition, modules
from backend.records import service as records
from backend.records.definition import Definition
from backend.records.definitions import ModuleInput

_LONGEST: Final = 9000
_MESSAGE_CHARS: Final = 400
_TRUE: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass
class Counts:
    """What became of some items."""

    seen: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    removed: int = 0
    told: dict[str, str] = field(default_factory=dict[str, str])  # what was wrong, by the item's id


def identify(spec: Sync, item: Any) -> str:
    """The id of an item; empty if it has none."""
    parts = [templates.dig_first(item, (path,)) for path in spec.id]
    return texts.storable("/".join(parts))[:200] if all(parts) else ""


def prepare(session: Session, workspace_id: str, spec: Sync, plan: Plan) -> None:
    """Make the module if the workspace has none of that name."""
    actor = _actor(workspace_id)
    try:
        definition.of(session, workspace_id, plan.module)
    except NotFound:
        wanted = [
            {
                "name": plan.pull[each.name],
                "label": each.label,
                "type": each.type,
                "pii": each.pii,
                "unique": each.name == spec.match,
            }
            for each in spec.columns
            if each.name in plan.pull
        ]
        made = ModuleInput(name=plan.module, label=spec.label, description=f"Brought by integrations: {spec.label}.", fields=wanted)
        modules.create(session, actor=actor, input=made)


def land(session: Session, sync: IntegrationSync, spec: Sync, items: Sequence[Any], plan: Plan) -> Counts:
    """Store these items, in this transaction; one that cannot be stored is told of and leaves the others as they are."""
    counts = Counts()
    target = definition.of(session, sync.workspace_id, sync.module, share=True)
    named = [(identify(spec, item), item) for item in items]
    links = _links(session, sync, [name for name, _ in named if name])
    landing = _Landing(session, _actor(sync.workspace_id), sync, spec, plan, target, links)
    for name, item in named:
        counts.seen += 1
        if not name:
            counts.failed += 1
            counts.told[""] = f"An item has nothing at {' and '.join(spec.id)} that names it."
            continue
        try:
            with session.begin_nested():
                told = landing.remove(name, item, counts) if is_removed(spec, item) else landing.put(name, item, counts)
            if told:
                counts.told[name] = told
        except Unavailable:
            raise
        except CrossdockError as error:
            counts.failed += 1
            counts.told[name] = error.detail[:400]
    _note_errors(session, sync, counts.told)
    return counts


def is_removed(spec: Sync, item: Any) -> bool:
    """Whether the provider says of an item that it has removed it; everything in its list of removed ones is."""
    way = spec.removal
    if way is None:
        return False
    if not way.path:
        return way.call is not None and spec.call == way.call
    found = templates.dig(item, way.path)
    return found in way.equals if way.equals else found is not None


@dataclass(frozen=True, slots=True)
class _Landing:
    """Where items go."""

    session: Session
    actor: Actor
    sync: IntegrationSync
    spec: Sync
    plan: Plan
    target: Definition
    links: dict[str, IntegrationLink]

    def put(self, name: str, item: Any, counts: Counts) -> str:
        """Store an item; what was left out of it, in words."""
        there = shape(self.spec, item, self._known())
        values = {self.plan.pull[column]: value for column, value in there.items()}
        fingerprint = fingerprint_of(values)
        link = self.links.get(name)
        if link is not None and link.fingerprint == fingerprint and link.gone_at is None:
            counts.unchanged += 1
            return ""
        before = self._record(link)
        wanted = self._wanted(link, there, before)
        try:
            found, told = self._write(link, before, wanted), ""
        except Invalid as error:
            wrong = {each.path for each in error.errors}
            left = {key: value for key, value in wanted.items() if key not in wrong}
            if len(left) == len(wanted) or not left:
                raise
            found = self._write(link, before, left)
            told = f"Stored without {', '.join(sorted(wrong))}: {error.detail}"[:400]
        is_same = before is not None and found.document.get("updated_at") == before.get("updated_at")
        counts.created += found.created
        counts.unchanged += is_same
        counts.updated += not found.created and not is_same
        self._know(link, name, there, fingerprint, found, set(wanted))
        return told

    def remove(self, name: str, item: Any, counts: Counts) -> str:
        """Do with the record what is to be done when the provider has removed its item.

        A record that stays takes what the provider still says of the item, such as a status.
        """
        link = self.links.get(name)
        if link is None or link.gone_at is not None:
            counts.unchanged += 1
            return ""
        try:
            if self.plan.removed is Removed.DELETE:
                records.delete(self.session, actor=self.actor, module=self.sync.module, record_id=link.record_id)
            else:
                told = shape(self.spec, item, self._known())
                values: dict[str, Any] = {self.plan.pull[column]: value for column, value in told.items() if value is not None}
                if self.plan.removed is Removed.MARK:
                    values[self.plan.removed_field] = True
                records.update(self.session, actor=self.actor, module=self.sync.module, record_id=link.record_id, values=values)
        except NotFound:  # somebody deleted it here as well
            pass
        link.gone_at, link.fingerprint = clock.now(), ""
        self.session.add(link)
        counts.removed += 1
        return ""

    def _known(self) -> frozenset[str]:
        return frozenset(column for column, name in self.plan.pull.items() if name in self.target.by_name)

    def _record(self, link: IntegrationLink | None) -> dict[str, Any] | None:
        if link is None:
            return None
        try:
            return records.get(self.session, actor=self.actor, module=self.sync.module, record_id=link.record_id).document
        except NotFound:  # somebody deleted it: it comes again
            return None

    def _wanted(self, link: IntegrationLink | None, there: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
        """What is to be written to the record, by field: where both directions go, only what changed at the provider."""
        columns = set(there)
        bases = Bases.of(link.bases) if link is not None else None
        if before is not None and bases is not None and self.plan.pushes:
            columns = bases.changed_there(there)
            if self.plan.is_crossdock_first:
                columns -= bases.changed_here({column: before.get(self.plan.pull[column]) for column in there})
        wanted = {self.plan.pull[column]: there[column] for column in there if column in columns}
        if link is not None and link.gone_at is not None and self.plan.removed is Removed.MARK and before is not None:
            wanted[self.plan.removed_field] = False  # it is there again
        return wanted

    def _write(self, link: IntegrationLink | None, before: Mapping[str, Any] | None, values: dict[str, Any]) -> records.RecordInfo:
        session, actor, module = self.session, self.actor, self.sync.module
        if link is not None and before is not None:
            return records.update(session, actor=actor, module=module, record_id=link.record_id, values=values)
        given = {name: value for name, value in values.items() if value is not None}
        match = self.target.by_name.get(self.plan.pull.get(self.spec.match or "", ""))
        if match is None or not match.unique or not given.get(match.name):
            return records.create(session, actor=actor, module=module, values=given)
        if self.plan.is_crossdock_first:
            there = _holder(session, actor, module, match.name, given[match.name])
            if there is not None:  # what it has stays, and is written to the provider
                missing = {name: value for name, value in given.items() if there.document.get(name) in (None, "", [])}
                return records.update(session, actor=actor, module=module, record_id=there.id, values=missing)
        return records.upsert(session, actor=actor, module=module, by=match.name, values=given)

    def _know(
        self,
        link: IntegrationLink | None,
        name: str,
        there: Mapping[str, Any],
        fingerprint: str,
        found: records.RecordInfo,
        written: set[str],
    ) -> None:
        """Note what both sides are known to have from now on."""
        sync = self.sync
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
        here = {column: found.document.get(self.plan.pull[column]) for column in there}
        is_new = link.bases is None or link.record_id != found.id or found.created
        agreed = {column for column in there if self.plan.pull[column] in written and there[column] is not None}
        agreed = {column for column in agreed if not self.plan.is_crossdock_first or not is_new or here[column] == there[column]}
        bases = (Bases() if is_new else Bases.of(link.bases)) or Bases()
        emptied = {column for column in there if not is_new and self.plan.pull[column] in written}
        link.bases = bases.agreed(there, here, agreed | emptied).document()
        link.record_id, link.fingerprint, link.gone_at = found.id, fingerprint, None
        self.session.add(link)
        self.session.flush()
        self.links[name] = link


def fingerprint_of(values: Mapping[str, Any]) -> str:
    """The fingerprint of what was brought, by field."""
    return crypto.fingerprint(orjson.dumps(values, option=orjson.OPT_SORT_KEYS))


def _holder(session: Session, actor: Actor, module: str, field_name: str, value: Any) -> records.RecordInfo | None:
    found = records.list_records(session, actor=actor, module=module, parameters=[(field_name, str(value)), ("limit", "1")]).data
    return found[0] if found else None


def shape(spec: Sync, item: Any, known: frozenset[str]) -> dict[str, Any]:
    """The values that an item has, by those columns that are brought."""
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


def error_row(sync: IntegrationSync, message: str, *, external_id: str = "", record_id: str = "") -> IntegrationSyncError:
    """What a sync could not do with an item of the provider, or with a record; to be added."""
    return IntegrationSyncError(
        id=ids.new("ser"),
        workspace_id=sync.workspace_id,
        integration_id=sync.integration_id,
        sync_id=sync.id,
        external_id=external_id,
        record_id=record_id,
        message=message[:_MESSAGE_CHARS],
    )


def _note_errors(session: Session, sync: IntegrationSync, told: Mapping[str, str]) -> None:
    """One row for each item; a page that is begun again tells nothing twice."""
    if not told:
        return
    query = select(IntegrationSyncError.external_id).where(
        IntegrationSyncError.sync_id == sync.id, col(IntegrationSyncError.external_id).in_(list(told))
    )
    there = set(session.exec(query).all())
    session.add_all(error_row(sync, message, external_id=name) for name, message in told.items() if name not in there)


def _actor(workspace_id: str) -> Actor:
    return actors.system(workspace_id, "Integrations")
