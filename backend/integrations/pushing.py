"""Writes records that changed to the provider: one at a time, each with its outcome stored before the next.

What is to be made there is noted before it is sent, with the key of that attempt. Whoever goes on after a kill sends the same with
the same key, or finds by its match what was made; so nothing is made twice. What was brought and stands as it was brought is not
written back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlmodel import Session, col, select

from backend.core import actor as actors
from backend.core import clock, db, ids
from backend.core.errors import NotFound
from backend.integrations import calls, catalogue, failures, flows, landing, plans, queries, writing
from backend.integrations.bases import Bases
from backend.integrations.connection import Connection
from backend.integrations.entry import Push
from backend.integrations.failures import Kind, ProviderFailed
from backend.integrations.plans import Plan
from backend.integrations.turns import Turn
from backend.integrations.writing import Gone, Pace, Unfit, Writer
from backend.models import Integration, IntegrationLink, IntegrationSync
from backend.records import changes
from backend.records.changes import Span
from backend.records.service import RecordInfo

PAGE: Final = 50
MOST_AGAIN: Final = 500
OVERLAP: Final = timedelta(minutes=1)  # a change may be committed a little later than the time that it bears
_PENDING: Final = "?"


@dataclass
class _Job:
    """A record that is to be looked at."""

    at: datetime | None  # None: of those that failed the last time
    record: RecordInfo
    link: IntegrationLink | None
    values: dict[str, Any]  # by column
    changed: set[str]
    writable: frozenset[str]


def run(turn: Turn, plan: Plan) -> bool:
    """Write what changed until everything is, or the turn is over; whether it is everything. Raises `ProviderFailed`, `Lost`."""
    found = flows.connected(turn.sync.workspace_id, turn.sync.integration_id)
    push = plans.pushing(found.entry, found.auth.id)
    if push is None:
        raise NotFound(f"Nothing is written to {found.entry.name}.")
    _check_scope(turn, found, push)
    _begin(turn, plan)
    pace = Pace(found.entry.per_second)
    with calls.open_caller() as caller:
        while page := _page(turn, push, plan):
            idle: list[_Job] = []
            for job in page:
                if _is_idle(job):
                    idle.append(job)
                    continue
                _pass_over(turn, idle)
                idle = []
                found = flows.connected(turn.sync.workspace_id, turn.sync.integration_id)
                _send(turn, plan, Writer(found, push, caller, pace), job)
                if turn.is_over:
                    return False
            _pass_over(turn, idle)
    return True


def finish(row: Integration, sync: IntegrationSync) -> None:
    """Note where the next push begins."""
    page = sync.page or {}
    row.push_cursor = {"at": page.get("until"), "again": page.get("failed") or []}


def _check_scope(turn: Turn, found: Connection, push: Push) -> None:
    """Raise `ProviderFailed` where the provider has said that it did not grant what writing needs."""
    with db.transaction() as session:
        row = queries.one(session, turn.sync.workspace_id, found.id)
        granted, is_asked = row.granted_scopes, push.scope in row.requested_scopes
    if push.scope and granted is not None and push.scope not in granted:
        step = "Reconnect and allow it." if is_asked else f"Ask for the scope {push.scope} under Settings, then reconnect and allow it."
        raise failures.failed(Kind.SCOPE_MISSING, f"{found.entry.name} has not granted {push.scope}, which writing needs.", step=step)


def _begin(turn: Turn, plan: Plan) -> None:
    """Set the span of this push, once."""
    if turn.sync.page is not None:
        return
    with db.transaction(write=True) as session:
        sync = turn.mine(session)
        row = queries.one(session, sync.workspace_id, sync.integration_id)
        cursor = (row.push_cursor or {}) if not sync.is_full else {}
        until = clock.now()
        since = datetime.fromisoformat(str(cursor["at"])) - OVERLAP if cursor.get("at") else None
        again: list[str] = cursor.get("again") or []
        span = Span(since, until)
        actor = actors.system(sync.workspace_id, "Integrations")
        sync.sent_total = changes.count(session, actor=actor, module=plan.push_module, span=span) + len(again)
        sync.page = {"since": since.isoformat() if since else None, "until": until.isoformat(), "again": again}


def _page(turn: Turn, push: Push, plan: Plan) -> list[_Job]:
    """The next records, each with what is known of it; what is about to be made at the provider is noted before this returns."""
    with db.transaction(write=True) as session:
        sync = turn.mine(session)
        place = cast("dict[str, Any]", sync.page)
        actor = actors.system(sync.workspace_id, "Integrations")
        again: list[str] = list(place.get("again") or [])[:PAGE]
        if again:
            rows: list[tuple[datetime | None, RecordInfo]] = [
                (None, each) for each in changes.some(session, actor=actor, module=plan.push_module, record_ids=again)
            ]
            there = {record.id for _, record in rows}
            sync.page = {**place, "again": [each for each in place["again"] if each not in again or each in there]}
            if not rows:
                return _page_of_span(turn, session, sync, push, plan)
            return _jobs(session, sync, push, plan, rows)
        return _page_of_span(turn, session, sync, push, plan)


def _page_of_span(turn: Turn, session: Session, sync: IntegrationSync, push: Push, plan: Plan) -> list[_Job]:
    del turn
    place = cast("dict[str, Any]", sync.page)
    since, after = place.get("since"), place.get("after")
    span = Span(
        datetime.fromisoformat(since) if since else None,
        datetime.fromisoformat(str(place["until"])),
        (datetime.fromisoformat(after[0]), str(after[1])) if after else None,
    )
    actor = actors.system(sync.workspace_id, "Integrations")
    rows = changes.page(session, actor=actor, module=plan.push_module, span=span, limit=PAGE)
    return _jobs(session, sync, push, plan, rows)


def _jobs(session: Session, sync: IntegrationSync, push: Push, plan: Plan, rows: list[Any]) -> list[_Job]:
    links = _links(session, sync, push, [record.id for _, record in rows])
    entry = catalogue.get(queries.one(session, sync.workspace_id, sync.integration_id).provider)
    jobs = [_job(links.get(record.id), at, record, plan, plans.writable(entry)) for at, record in rows]
    for job in jobs:
        if job.link is None:
            job.link = _intend(session, sync, push, job)
    return jobs


def _job(link: IntegrationLink | None, at: datetime | None, record: RecordInfo, plan: Plan, writable: frozenset[str]) -> _Job:
    values = {column: record.document.get(name) for column, name in plan.push.items() if name in record.document}
    bases = Bases.of(link.bases) if link is not None else None
    if bases is not None:
        changed = bases.changed_here(values)
    elif link is not None and link.intent is None and link.fingerprint == _brought(record, plan):
        changed = set[str]()  # it was brought before anything was written, and stands as it was brought
    else:
        changed = {column for column, value in values.items() if value not in (None, "", [])}
    return _Job(at, record, link, values, changed & writable, writable)


def _brought(record: RecordInfo, plan: Plan) -> str:
    return landing.fingerprint_of({name: record.document.get(name) for name in plan.pull.values() if name in record.document})


def _links(session: Session, sync: IntegrationSync, push: Push, record_ids: list[str]) -> dict[str, IntegrationLink]:
    """The link of each record: a real one before one that is only intended, which is forgotten then."""
    query = select(IntegrationLink).where(
        IntegrationLink.workspace_id == sync.workspace_id,
        IntegrationLink.integration_id == sync.integration_id,
        IntegrationLink.resource == push.resource,
        col(IntegrationLink.record_id).in_(record_ids),
    )
    found: dict[str, IntegrationLink] = {}
    for link in session.exec(query.order_by(col(IntegrationLink.id))).all():
        other = found.get(link.record_id)
        if other is None or (other.intent is not None and link.intent is None):
            found[link.record_id] = link
            if other is not None:
                session.delete(other)
        elif link.intent is not None:
            session.delete(link)
    return found


def _intend(session: Session, sync: IntegrationSync, push: Push, job: _Job) -> IntegrationLink:
    link = IntegrationLink(
        id=ids.new("lnk"),
        workspace_id=sync.workspace_id,
        integration_id=sync.integration_id,
        resource=push.resource,
        external_id=_PENDING + job.record.id,
        record_id=job.record.id,
        fingerprint="",
        intent={"values": {name: value for name, value in job.values.items() if value not in (None, "", [])}},
    )
    session.add(link)
    return link


def _is_idle(job: _Job) -> bool:
    """Whether nothing of a record is to be written."""
    link = cast("IntegrationLink", job.link)
    return link.intent is None and (not job.changed or link.gone_at is not None)


def _send(turn: Turn, plan: Plan, writer: Writer, job: _Job) -> None:
    """Write one record, and store what became of it."""
    link = cast("IntegrationLink", job.link)
    try:
        if link.intent is None:
            told, external_id = "updated", link.external_id
            writer.update(external_id, job.record.id, {name: job.values[name] for name in job.changed})
        else:
            told, external_id = _make(turn, plan, writer, job, link)
    except (Unfit, Gone, ProviderFailed) as error:
        if isinstance(error, ProviderFailed) and not writing.is_of_record(error):
            raise
        _refuse(turn, writer.found, job, error)
        return
    with db.transaction(write=True) as session:
        sync = turn.mine(session)
        _know(session, plan, job, external_id, job.values)
        setattr(sync, f"sent_{told}", getattr(sync, f"sent_{told}") + 1)
        _go_on(turn, session, sync, [job])


def _make(turn: Turn, plan: Plan, writer: Writer, job: _Job, link: IntegrationLink) -> tuple[str, str]:
    """Have the item at the provider once, as the record is: what was done, and the item's id."""
    record_id, push = job.record.id, writer.push
    # Without keys nothing tells the provider that this is the same attempt: what is not found is made, as it is now.
    values: Mapping[str, Any] = cast("dict[str, Any]", link.intent)["values"] if push.idempotency else job.values
    there, told = writer.find(record_id, values), "created"
    if there is not None and len(push.create) == 1:
        told, values = "updated", {}
    else:
        there = writer.create(record_id, link.id, values, external_id=there or "")
    _check_free(turn, push, there, record_id)
    with db.transaction(write=True) as session:
        turn.mine(session)
        _know(session, plan, job, there, values)
    differing = {name: value for name, value in job.values.items() if value not in (None, "", []) and value != values.get(name)}
    differing = {name: value for name, value in differing.items() if name in job.writable}
    if differing:
        writer.update(there, record_id, differing)
    return told, there


def _check_free(turn: Turn, push: Push, external_id: str, record_id: str) -> None:
    """Raise `Unfit` if another record is this item already."""
    sync = turn.sync
    query = select(IntegrationLink.record_id).where(
        IntegrationLink.workspace_id == sync.workspace_id,
        IntegrationLink.integration_id == sync.integration_id,
        IntegrationLink.resource == push.resource,
        IntegrationLink.external_id == external_id[:200],
    )
    with db.transaction() as session:
        other = session.exec(query).first()
    if other is not None and other != record_id:
        raise Unfit(f"The provider has it as {external_id[:80]}, which is the record {other} here already. Merge the two records.")


def _know(session: Session, plan: Plan, job: _Job, external_id: str, values: Mapping[str, Any]) -> None:
    """Note what both sides are known to have from now on, in this transaction."""
    link = session.get(IntegrationLink, cast("IntegrationLink", job.link).id)
    if link is None:  # it was taken away meanwhile, with the integration
        return
    bases = Bases.of(link.bases) or Bases()
    link.bases = bases.agreed(values, values, values).document()
    link.external_id, link.intent = external_id[:200], None
    if plan.push_module == plan.module:
        link.fingerprint = _brought(job.record, plan)
    session.add(link)


def _pass_over(turn: Turn, jobs: list[_Job]) -> None:
    """Count records of which nothing is to be written."""
    if not jobs:
        return
    with db.transaction(write=True) as session:
        sync = turn.mine(session)
        sync.sent_unchanged += len(jobs)
        _go_on(turn, session, sync, jobs)


def _refuse(turn: Turn, found: Connection, job: _Job, error: Exception) -> None:
    """Tell of a record that could not be written; it is tried again with the next sync."""
    with db.transaction(write=True) as session:
        sync = turn.mine(session)
        link = session.get(IntegrationLink, cast("IntegrationLink", job.link).id)
        is_gone = isinstance(error, Gone) or (isinstance(error, ProviderFailed) and error.failure.kind is Kind.NOT_FOUND)
        if link is not None and link.intent is not None:
            session.delete(link)  # nothing was made: the next attempt is another, with another key
        elif link is not None and link.intent is None and is_gone:
            link.gone_at = clock.now()
        sync.sent_failed += 1
        session.add(landing.error_row(sync, _words(found, error), record_id=job.record.id))
        if not is_gone:
            place = cast("dict[str, Any]", sync.page)
            sync.page = {**place, "failed": [*(place.get("failed") or []), job.record.id][-MOST_AGAIN:]}
        _go_on(turn, session, sync, [job])


def _words(found: Connection, error: Exception) -> str:
    if isinstance(error, Gone):
        return f"{found.entry.name} has the item no longer. The record stays, and is not written there again."
    if isinstance(error, ProviderFailed):
        return found.scrub(error.failure.cause)
    return str(error)


def _go_on(turn: Turn, session: Session, sync: IntegrationSync, jobs: list[_Job]) -> None:
    """Move the place behind these records."""
    sync.sent_seen, sync.tries = sync.sent_seen + len(jobs), 0
    place, done = cast("dict[str, Any]", sync.page), {job.record.id for job in jobs}
    if place.get("again"):
        place = {**place, "again": [each for each in place["again"] if each not in done]}
    last = jobs[-1]
    sync.page = {**place, "after": [last.at.isoformat(), last.record.id]} if last.at is not None else place
    turn.tell(session)
