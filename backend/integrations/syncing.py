"""Runs syncs: one worker at a time, page by page, from where the last one stood; kill, 429 and failure lose and double nothing.

A page is asked for with no transaction open. Its items are stored in small batches; the place moves on with the last of them. Whoever
takes over after a kill begins that page again: its items are known by their links, so nothing is stored twice.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
from sqlmodel import Session

from backend.core import clock, db, lifecycle
from backend.core.egress_calls import Caller, Reply
from backend.core.errors import CrossdockError, NotFound, Unavailable
from backend.core.logging import logger
from backend.integrations import (
    calls,
    catalogue,
    failures,
    flows,
    landing,
    paging,
    plans,
    pushing,
    queries,
    refreshing,
    schedule,
    templates,
    timeline,
    turns,
)
from backend.integrations.connection import Connection
from backend.integrations.entry import Call, Entry, Sync
from backend.integrations.failures import Failure, Kind, ProviderFailed
from backend.integrations.paging import Place
from backend.integrations.plans import Direction, Plan
from backend.integrations.turns import Lost, Turn
from backend.models import Integration, IntegrationSync

BATCH: Final = 25
_UNCHANGED: Final = 304  # nothing since the moment that was named (RFC 9110, section 15.4.5)
MOST_TRIES: Final = 8
_COUNTED: Final = ("seen", "created", "updated", "unchanged", "failed", "removed")
_SENT: Final = ("sent_seen", "sent_created", "sent_updated", "sent_unchanged", "sent_failed")

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer, taken apart."""

    document: Any
    items: list[Any]
    url: str


def run(sync_id: str) -> None:
    """Go on with a sync until it is over, its slice of time is, or the provider asks to wait. Does nothing if somebody else runs it."""
    turn = turns.take(sync_id)
    if turn is None:
        return
    try:
        _go(turn)
    except Lost:
        _log.info("sync.lost", sync=sync_id)
    except Unavailable:
        raise
    except ProviderFailed as error:
        _stop(sync_id, turn.owner, error.failure)
    except CrossdockError as error:
        failure = Failure(Kind.SETTINGS, error.detail[:400], "Change the module or the settings, then sync again.")
        _stop(sync_id, turn.owner, failure)
    except Exception:
        _log.exception("sync.broke", sync=sync_id)
        told = "The sync broke off by a fault of ours; the log of the worker has the reason."
        _stop(sync_id, turn.owner, Failure(Kind.ANSWER, told, "Sync again; if it breaks off again, report it."))
        raise


def _go(turn: Turn) -> None:
    while True:
        with db.transaction() as session:
            row = queries.one(session, turn.sync.workspace_id, turn.sync.integration_id)
            plan = dataclasses.replace(plans.of(row), direction=Direction(turn.sync.direction))
        is_whole = pushing.run(turn, plan) if turn.sync.phase == "push" else _Pull(turn, plan).go()
        if not is_whole:
            return turn.hand_over()
        if not has_further_phase(turn):
            return None


def has_further_phase(turn: Turn) -> bool:
    """Begin the next phase, or finish the sync; whether there is one."""
    with db.transaction(write=True) as session:
        row = _locked(session, turn)
        sync = turn.mine(session)
        if sync.phase == "push":
            pushing.finish(row, sync)
        entry = catalogue.get(row.provider)
        every = plans.phases(entry, row.auth, sync.direction)
        left = every[every.index(sync.phase) + 1 :] if sync.phase in every else []
        sync.page = None
        if not left:
            _finish(session, sync, row, entry)
            return False
        sync.phase = left[0]
        turn.tell(session)
    return True


class _Pull:
    """One worker's turn at bringing items, or at the list of those that the provider has removed."""

    def __init__(self, turn: Turn, plan: Plan) -> None:
        self._turn, self._plan = turn, plan

    @property
    def _sync(self) -> IntegrationSync:
        return self._turn.sync

    def go(self) -> bool:
        """Bring page by page until there is none, or the turn is over; whether there is none."""
        sync = self._sync
        found = flows.connected(sync.workspace_id, sync.integration_id)
        spec = plans.pulling(found.entry, found.auth.id)
        if spec is not None and sync.phase == "removed":
            spec = plans.removals(spec)
        if spec is None:
            raise NotFound(f"Nothing is brought from {found.entry.name}.")
        place = _place(sync) or self._first(found, spec)
        with calls.open_caller() as caller:
            while True:
                begun = time.monotonic()
                following = self._page(found, spec, place, caller)
                if following is None:
                    return True
                place = following
                if self._turn.is_over:
                    return False
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
            landing.prepare(session, self._sync.workspace_id, spec, self._plan)
            self._turn.mine(session)
        return place

    def _page(self, found: Connection, spec: Sync, place: Place, caller: Caller) -> Place | None:
        """Bring one page; the place of the next one, None after the last."""
        place = dataclasses.replace(place, counted={name: getattr(self._sync, name) for name in _COUNTED})
        page = self._ask(found, spec, place, caller)
        if page is None:  # the place of the sync before is no longer known there: everything is read again
            with db.transaction(write=True) as session:
                sync = self._turn.mine(session)
                sync.cursor, sync.is_full = None, True
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
        self._move(spec, following, cursor, page.document)
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
            if reply.status == _UNCHANGED or (reply.status in way.gone and (place.token or self._sync.cursor)):
                return reply
            wrong = failures.of_answer(one.entry, reply)
            if wrong is not None:
                raise ProviderFailed(one.scrubbed(wrong))
            return reply

        reply: Reply = calls.retrying(found, ask, refreshing.again)
        if reply.status in way.gone:
            return None
        if reply.status == _UNCHANGED:
            return _Page(None, [], link or "")
        document = document_of(spec, reply)
        path = way.items if is_later and way.items is not None else spec.items
        url = link or templates.request(call, {**found.values, **values}).url
        return _Page(document, _items(document, path), url)

    def _store(self, spec: Sync, place: Place, items: list[Any]) -> None:
        with db.transaction(write=True) as session:
            sync = self._turn.mine(session)
            if sync.page != place.document():
                sync.page = place.document()
            counts = landing.land(session, sync, spec, items, self._plan)
            for name in ("removed", "failed") if sync.phase == "removed" else _COUNTED:
                setattr(sync, name, getattr(sync, name) + getattr(counts, name))

    def _move(self, spec: Sync, following: Place | None, cursor: dict[str, Any], document: Any) -> None:
        with db.transaction(write=True) as session:
            row = _locked(session, self._turn)
            sync = self._turn.mine(session)
            sync.pages, sync.tries = sync.pages + 1, 0
            if sync.phase == "pull":
                total = templates.dig(document, spec.paging.total) if spec.paging.total and spec.paging.kind != "page" else None
                sync.total = int(total) if isinstance(total, int) else sync.total
            if following is not None:
                sync.page = following.document()
            elif sync.phase == "pull":
                row.sync_cursor = cursor or None
            self._turn.tell(session)


def _locked(session: Session, turn: Turn) -> Integration:
    """The integration, locked before its sync, as whoever cancels, disables or disconnects does: else each would wait for the other."""
    return queries.one(session, turn.sync.workspace_id, turn.sync.integration_id, lock=True)


def _place(sync: IntegrationSync) -> Place | None:
    return Place(**sync.page) if sync.page else None


def document_of(spec: Sync, reply: Reply) -> Any:
    """What a page holds. Raises `ProviderFailed` for one that cannot be read: it would pass for one without items."""
    if spec.format == "json":
        document = reply.json()
        if document is None and reply.body.strip() not in {b"", b"null"}:
            raise failures.failed(Kind.ANSWER, f"A page that should be JSON is none (status {reply.status}).")
        return document
    try:
        return [orjson.loads(line) for line in reply.body.splitlines() if line.strip()]
    except ValueError:
        raise failures.failed(Kind.ANSWER, "The export holds a line that is no JSON.") from None


def _items(document: Any, path: str) -> list[Any]:
    found = list(templates.dig_all(document, path))
    if "*" in path:
        return found
    return cast("list[Any]", found[0]) if found and isinstance(found[0], list) else []


def _finish(session: Session, sync: IntegrationSync, row: Integration, entry: Entry) -> None:
    now = clock.now()
    sync.status, sync.finished_at, sync.owner, sync.page = "done", now, None, None
    row.synced_at = row.updated_at = now
    timeline.well(row)
    detail = {"sync_id": sync.id, "direction": sync.direction, **{name: getattr(sync, name) for name in (*_COUNTED, *_SENT)}}
    timeline.note(session, row, "synced", _summary(sync, entry), detail=detail)


def _summary(sync: IntegrationSync, entry: Entry) -> str:
    told: list[str] = []
    if sync.direction != Direction.PUSH and entry.sync is not None:
        gone = f", {sync.removed:,} removed there" if sync.removed else ""
        counts = f"{sync.created:,} new, {sync.updated:,} changed, {sync.unchanged:,} as before{gone}, {sync.failed:,} failed"
        told.append(f"{sync.seen:,} {entry.sync.label.lower()} were read: {counts}.")
    if sync.direction != Direction.PULL:
        counts = f"{sync.sent_created:,} made there, {sync.sent_updated:,} changed there, {sync.sent_unchanged:,} as before"
        told.append(f"{sync.sent_seen:,} records were looked at for {entry.name}: {counts}, {sync.sent_failed:,} failed.")
    return " ".join(told)


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
