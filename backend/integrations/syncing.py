"""Runs syncs: one worker at a time, page by page, from where the last one stood; kill, 429 and failure lose and double nothing.

A page is asked for with no transaction open. Its items are stored in small batches; the place moves on with the last of them. Whoever
takes over after a kill begins that page again: its items are known by their links, so nothing is stored twice.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import orjson
from sqlalchemy import and_, or_, update
from sqlmodel import Session, col, select

from backend.core import clock, db, ids, lifecycle, queue
from backend.core.egress_calls import Caller, Reply
from backend.core.errors import CrossdockError, NotFound, Unavailable
from backend.core.logging import logger
from backend.integrations import calls, failures, flows, landing, paging, queries, refreshing, schedule, templates, timeline
from backend.integrations.connection import Connection
from backend.integrations.entry import Call, Sync
from backend.integrations.failures import Failure, Kind, ProviderFailed
from backend.integrations.paging import Place
from backend.integrations.service import offer
from backend.models import Integration, IntegrationSync

LEASE: Final = timedelta(seconds=90)  # longer than a page may take: a refresh, an answer, a batch
SLICE_SECONDS: Final = 20.0
BATCH: Final = 25
MOST_TRIES: Final = 8
_OFFER: Final = timedelta(seconds=10)
_OFFERED: Final = 50
_COUNTED: Final = ("seen", "created", "updated", "unchanged", "failed")

_log = logger(__name__)


class _Lost(Exception):
    """Somebody else runs the sync by now, or it was cancelled."""


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer, taken apart."""

    document: Any
    items: list[Any]
    url: str


def offer_waiting() -> int:
    """Hand syncs that nobody runs to the workers; how many."""
    now = clock.now()
    with db.transaction() as session:
        is_free = and_(col(IntegrationSync.finished_at).is_(None), col(IntegrationSync.lease_until) <= now)
        found = session.exec(select(IntegrationSync.id).where(is_free).limit(_OFFERED)).all()
    if not found:
        return 0
    for identifier in found:
        offer(identifier)
    return len(found)


def run(sync_id: str) -> None:
    """Go on with a sync until it is over, its slice of time is, or the provider asks to wait. Does nothing if somebody else runs it."""
    owner = ids.new("own")
    sync = _take(sync_id, owner)
    if sync is None:
        return
    try:
        _Run(sync, owner).go()
    except _Lost:
        _log.info("sync.lost", sync=sync_id)
    except Unavailable:
        raise
    except ProviderFailed as error:
        _stop(sync_id, owner, error.failure)
    except CrossdockError as error:
        failure = Failure(Kind.SETTINGS, error.detail[:400], "Change the module or the settings, then sync again.")
        _stop(sync_id, owner, failure)
    except Exception:
        _log.exception("sync.broke", sync=sync_id)
        told = "The sync broke off by a fault of ours; the log of the worker has the reason."
        _stop(sync_id, owner, Failure(Kind.ANSWER, told, "Sync again; if it breaks off again, report it."))
        raise


class _Run:
    """One worker's turn at a sync."""

    def __init__(self, sync: IntegrationSync, owner: str) -> None:
        self._sync, self._owner = sync, owner
        self._until = time.monotonic() + SLICE_SECONDS

    def go(self) -> None:
        sync = self._sync
        found = flows.connected(sync.workspace_id, sync.integration_id)
        spec = found.entry.sync
        if spec is None:
            raise NotFound(f"Nothing is brought from {found.entry.name}.")
        place = _place(sync) or self._first(found, spec)
        with calls.open_caller() as caller:
            while True:
                begun = time.monotonic()
                following = self._page(found, spec, place, caller)
                if following is None:
                    return None
                place = following
                if time.monotonic() > self._until or lifecycle.stop_requested():
                    return self._hand_over()
                lifecycle.wait(1 / found.entry.per_second - (time.monotonic() - begun))
                found = flows.connected(sync.workspace_id, sync.integration_id)

    def _first(self, found: Connection, spec: Sync) -> Place:
        """The place of the first page; with the token that stands for now, where the provider gives one beforehand."""
        place = paging.begin(spec, self._sync.cursor, clock.now())
        way = spec.incremental
        if way.start is not None and place.token is None:
            with calls.open_caller() as caller:
                reply = calls.retrying(found, lambda one: calls.require(one, way.start or spec.call, caller), refreshing.again)
            place = dataclasses.replace(place, newest=templates.dig_first(reply.json(), (way.start_path,)) or None)
        with db.transaction(write=True) as session:
            landing.prepare(session, self._sync.workspace_id, spec, self._sync.module)
            self._mine(session)
        return place

    def _page(self, found: Connection, spec: Sync, place: Place, caller: Caller) -> Place | None:
        """Bring one page; the place of the next one, None after the last."""
        place = dataclasses.replace(place, counted={name: getattr(self._sync, name) for name in _COUNTED})
        page = self._ask(found, spec, place, caller)
        if page is None:  # the place of the sync before is no longer known there: everything is read again
            with db.transaction(write=True) as session:
                sync = self._mine(session)
                sync.cursor, sync.is_full = None, True
                self._sync = sync
            return self._first(found, spec)
        fresh = [item for item in page.items if not paging.is_known(spec.incremental, self._sync.cursor, item)]
        for start in range(0, len(fresh), BATCH):
            self._store(spec, place, fresh[start : start + BATCH])
        names = [landing.identify(spec, item) for item in page.items]
        step = paging.after(spec, place, page.document, page.items, url=page.url, ids=names, done=len(fresh) < len(page.items))
        following = step.next
        if following is not None and place.newest and spec.incremental.start is not None:
            following = dataclasses.replace(following, newest=place.newest)
        cursor = step.cursor
        if spec.incremental.start is not None and place.token is None and place.newest:
            cursor = {"token": place.newest}
        self._move(found, spec, following, cursor, page.document)
        return following

    def _ask(self, found: Connection, spec: Sync, place: Place, caller: Caller) -> _Page | None:
        way = spec.incremental
        is_later = place.token is not None and way.call is not None
        call: Call = found.call("sync", way.call if is_later and way.call is not None else spec.call)
        values = paging.variables(spec, place)
        link = place.url
        own = templates.request(call, {**found.values, **values}).url if link else None
        if link and own and not calls.same_origin(link, own):
            raise failures.failed(Kind.ANSWER, f"{found.entry.name} names a further page on another host, which is not asked.")
        if link is not None:
            call = call.model_copy(update={"query": {}})

        def ask(one: Connection) -> Reply:
            reply = calls.ask(one, call, caller, values=values, url=link)
            if reply.status in way.gone and (place.token or self._sync.cursor):
                return reply
            wrong = failures.of_answer(one.entry, reply)
            if wrong is not None:
                raise ProviderFailed(one.scrubbed(wrong))
            return reply

        reply: Reply = calls.retrying(found, ask, refreshing.again)
        if reply.status in way.gone:
            return None
        document = _read(spec, reply)
        path = way.items if is_later and way.items is not None else spec.items
        url = link or templates.request(call, {**found.values, **values}).url
        return _Page(document, _items(document, path), url)

    def _store(self, spec: Sync, place: Place, items: list[Any]) -> None:
        with db.transaction(write=True) as session:
            sync = self._mine(session)
            if sync.page != place.document():
                sync.page = place.document()
            counts = landing.land(session, sync, spec, items)
            for name in _COUNTED:
                setattr(sync, name, getattr(sync, name) + getattr(counts, name))
            self._sync = sync

    def _move(self, found: Connection, spec: Sync, following: Place | None, cursor: dict[str, Any], document: Any) -> None:
        with db.transaction(write=True) as session:
            sync = self._mine(session)
            sync.pages, sync.tries = sync.pages + 1, 0
            total = templates.dig(document, spec.paging.total) if spec.paging.total and spec.paging.kind != "page" else None
            sync.total = int(total) if isinstance(total, int) else sync.total
            if following is not None:
                sync.page = following.document()
            else:
                _finish(session, sync, cursor, found)
            self._sync = sync
            db.after_commit(session, lambda: queue.publish(sync.workspace_id, timeline.TOPIC), key=(timeline.TOPIC, sync.workspace_id))

    def _hand_over(self) -> None:
        """Let others have their turn: this worker has other work too."""
        with db.transaction(write=True) as session:
            sync = self._mine(session)
            sync.status, sync.owner, sync.lease_until = "queued", None, clock.now() + _OFFER
            identifier = sync.id
            db.after_commit(session, functools.partial(offer, identifier))

    def _mine(self, session: Session) -> IntegrationSync:
        """The row, still ours, its lease renewed. Raises `_Lost`."""
        renewed = (
            update(IntegrationSync)
            .where(
                col(IntegrationSync.id) == self._sync.id,
                col(IntegrationSync.owner) == self._owner,
                col(IntegrationSync.finished_at).is_(None),
            )
            .values(lease_until=clock.now() + LEASE)
        )
        if session.connection().execute(renewed).rowcount != 1:
            raise _Lost
        return session.get_one(IntegrationSync, self._sync.id)


def _take(sync_id: str, owner: str) -> IntegrationSync | None:
    now = clock.now()
    is_new = and_(col(IntegrationSync.owner).is_(None), col(IntegrationSync.status) == "queued")
    statement = (
        update(IntegrationSync)
        .where(
            col(IntegrationSync.id) == sync_id,
            col(IntegrationSync.finished_at).is_(None),
            or_(is_new, col(IntegrationSync.lease_until) <= now),
        )
        .values(owner=owner, lease_until=now + LEASE, status="running")
    )
    with db.transaction(write=True) as session:
        if session.connection().execute(statement).rowcount != 1:
            return None
        sync = session.get_one(IntegrationSync, sync_id)
        sync.started_at = sync.started_at or now
        counted: dict[str, int] = (sync.page or {}).get("counted") or {}
        for name, value in counted.items():  # a page that was begun is begun again
            setattr(sync, name, value)
        return sync


def _place(sync: IntegrationSync) -> Place | None:
    return Place(**sync.page) if sync.page else None


def _read(spec: Sync, reply: Reply) -> Any:
    if spec.format == "json":
        return reply.json()
    try:
        return [orjson.loads(line) for line in reply.body.splitlines() if line.strip()]
    except ValueError:
        raise failures.failed(Kind.ANSWER, "The export holds a line that is no JSON.") from None


def _items(document: Any, path: str) -> list[Any]:
    found = list(templates.dig_all(document, path))
    if "*" in path:
        return found
    return cast("list[Any]", found[0]) if found and isinstance(found[0], list) else []


def _finish(session: Session, sync: IntegrationSync, cursor: dict[str, Any], found: Connection) -> None:
    now = clock.now()
    sync.status, sync.finished_at, sync.owner, sync.page = "done", now, None, None
    row = queries.one(session, sync.workspace_id, sync.integration_id, lock=True)
    row.sync_cursor, row.synced_at, row.updated_at = cursor or None, now, now
    timeline.well(row)
    detail = {"sync_id": sync.id, **{name: getattr(sync, name) for name in _COUNTED}}
    what = found.entry.sync.label.lower() if found.entry.sync is not None else sync.resource
    told = f"{sync.seen:,} {what} were read: {sync.created:,} new, {sync.updated:,} changed, {sync.unchanged:,} as before, {sync.failed:,} failed."
    timeline.note(session, row, "synced", told, detail=detail)


def _stop(sync_id: str, owner: str, failure: Failure) -> None:
    """Wait, where that may help, else end the sync and say why."""
    with db.transaction(write=True) as session:
        sync = session.get_one(IntegrationSync, sync_id)
        if sync.owner != owner or sync.finished_at is not None:
            return
        row = queries.one(session, sync.workspace_id, sync.integration_id, lock=True)
        sync.tries += 1
        sync.error, sync.next_step, sync.error_class, sync.owner = failure.cause, failure.next_step, failure.kind, None
        if failure.passes and sync.tries < MOST_TRIES:
            sync.status, sync.lease_until = "waiting", schedule.retry_at(sync.tries, failure.retry_after, clock.now())
            timeline.hold(row, failure)
            return
        _fail(session, sync, row, failure)


def _fail(session: Session, sync: IntegrationSync, row: Integration, failure: Failure) -> None:
    sync.status, sync.finished_at = "failed", clock.now()
    timeline.note(session, row, "sync_failed", failure.cause, failure=failure, detail={"sync_id": sync.id, "seen": sync.seen})
    timeline.ail(session, row, failure)
    about = {"integration_id": row.id, "provider": row.provider, "name": row.name}
    timeline.publish(session, row, "sync.failed", {**about, "sync_id": sync.id, "error": failure.cause})
