"""How requests come in: stored first, those of one moment together, then each made a record of; all durable before the answer."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from sqlalchemy import Connection, update
from sqlmodel import Session, col

from backend.core import bulk, clock, db, ids, outbox, queue
from backend.core.committing import Group, GroupCommitter
from backend.core.errors import CrossdockError, Forbidden, NotFound, Unauthenticated, Unavailable
from backend.core.logging import logger
from backend.incoming import health, plans, processing, service, storage
from backend.incoming.health import Counted
from backend.incoming.plans import Door, Plan
from backend.incoming.processing import RECEIVED, REJECTED, Outcome, Request
from backend.incoming.received import Received
from backend.incoming.storage import Arrival
from backend.incoming.verification import Step
from backend.models import IncomingWebhook

ID_PREFIX: Final = "irq"
MAX_GROUP: Final = 100
LINGER: Final = 0.025
GRACE: Final = timedelta(seconds=15)  # after which whoever stored a request is taken for dead
TELL_EVERY: Final = timedelta(minutes=10)
NO_SUCH: Final = "There is no incoming webhook at this address. Check that the token is whole, and that it was not regenerated."
DISABLED: Final = "This incoming webhook is disabled. The request is kept and can be replayed."
_MOST_LIMITED: Final = 10_000
_MOST_BYTES: Final = 2**31 - 1  # of what a request says about itself
_FREE: Final = "SELECT id FROM incoming_request WHERE id IN ({values}) AND status = 'received'"
_log = logger(__name__)
# What was refused since a request was stored; bounded, so that a flood is counted and costs nothing else.
_limited: deque[Counted] = deque(maxlen=_MOST_LIMITED)
_limited_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender is told. `request_id` is the stored request, "" if nothing was stored."""

    request_id: str
    plan: Plan
    outcome: Outcome


@dataclass(slots=True)
class Item:
    """A stored request on its way: `outcome` once it is known; `steps` begin with those of the verification.

    One that was processed before is counted as `before` no more.
    """

    id: str
    plan: Plan
    received: Received
    trace_id: str
    ip: str
    steps: list[Step]
    began: float
    created_at: datetime
    outcome: Outcome | None = None
    before: str | None = None


def take_all(group: Group[Arrival]) -> Sequence[Answer | BaseException]:
    """Store requests and process them; what to answer each. Raises `Unavailable` before anything is stored."""
    began = time.perf_counter()
    with db.transaction(write=True) as session:
        group.fill()
        doors = plans.by_tokens(session, [arrival.token for arrival in group.items])
        items = [_item(doors.get(arrival.token), arrival, began) for arrival in group.items]
        _store(
            session, [(item, doors[arrival.token], arrival) for item, arrival in zip(items, group.items, strict=True) if item is not None]
        )
    waiting = [item for item in items if item is not None and item.outcome is None]
    if waiting:
        process_all(waiting)
    return [NotFound(NO_SUCH) if item is None else Answer(item.id, item.plan, item.outcome or _pending()) for item in items]


def process_all(items: Sequence[Item]) -> None:
    """Process stored requests in one transaction, else each in its own. What cannot be done now stays stored, and due."""
    try:
        with db.transaction(write=True) as session:
            process_in(session, items)
    except CrossdockError as error:
        for item in items:
            item.outcome = None
        _log.warning("incoming.postponed", requests=len(items), reason=error.code)
        if not isinstance(error, Unavailable) or len(items) > 1:
            _one_by_one(items)
    except Exception as error:  # noqa: BLE001 - whatever one met must not stop the others
        for item in items:
            item.outcome = None
        _log.exception("incoming.group_failed", requests=len(items), error=type(error).__name__)
        _one_by_one(items)


def process_in(session: Session, items: Sequence[Item]) -> None:
    """Process those of these requests that nobody has processed yet, and write what became of them; `outcome` says what."""
    connection = session.connection()
    lock = "" if bulk.is_sqlite(connection) else " ORDER BY id FOR UPDATE"
    free = {row[0] for row in bulk.read(connection, _FREE + lock, [item.id for item in items])}
    mine = [item for item in items if item.id in free]
    by_plan: dict[str, list[Item]] = {}
    for item in mine:
        by_plan.setdefault(item.plan.id, []).append(item)
    for _, some in sorted(by_plan.items()):
        requests = [Request(item.id, item.received, item.plan.actor(item.trace_id, item.ip)) for item in some]
        for item, outcome in zip(some, processing.process_many(session, some[0].plan, requests), strict=True):
            item.outcome = outcome
    write(session, mine)


def write(session: Session, items: Sequence[Item]) -> None:
    """Note what became of requests: in their rows, in the figures, and as an event if they were rejected."""
    now = clock.now()
    done = [item for item in items if item.outcome is not None]
    if not done:
        return
    connection = session.connection()
    results = [(item.id, _result(item, now)) for item in done]
    _UPDATE.run(connection, [(*_columns(connection, found, _WRITTEN, bulk.document), identifier) for identifier, found in results])
    again = [Counted(item.plan.workspace_id, item.plan.id, item.before, item.created_at, -1) for item in done if item.before]
    health.count(session, [*again, *(_counted(item) for item in done)])
    for plan in {item.plan.id: item.plan for item in items}.values():
        seen = [
            (item.outcome.event, item.outcome.value)
            for item in items
            if item.plan.id == plan.id and item.outcome and item.outcome.value is not None
        ]
        if seen:
            health.note_shapes(session, plan.workspace_id, plan.id, seen)
    tell(session, items)


def tell(session: Session, items: Sequence[Item]) -> None:
    """Wake open consoles, and publish `incoming.rejected`, of each webhook once in ten minutes."""
    now = clock.now()
    for item in items:
        workspace_id = item.plan.workspace_id
        db.after_commit(
            session, lambda workspace_id=workspace_id: queue.publish(workspace_id, service.TOPIC), key=(service.TOPIC, workspace_id)
        )
    rejected = {item.plan.id: item for item in items if item.outcome is not None and item.outcome.status == REJECTED}
    for incoming_id, item in sorted(rejected.items()):
        told = (
            update(IncomingWebhook)
            .where(col(IncomingWebhook.id) == incoming_id)
            .where(col(IncomingWebhook.told_at).is_(None) | (col(IncomingWebhook.told_at) < now - TELL_EVERY))
            .values(told_at=now)
        )
        if session.connection().execute(told).rowcount and item.outcome is not None:
            data = {
                "incoming_webhook_id": incoming_id,
                "name": item.plan.name,
                "reason": item.outcome.reason,
                "detail": item.outcome.sentence,
                "request_id": item.id,
            }
            outbox.emit(session, actor=item.plan.actor(item.trace_id), type="incoming.rejected", data=data)


def note_limited(workspace_id: str, incoming_id: str) -> None:
    """Count a request that the webhook's limit refused, with the next ones that are stored."""
    with _limited_lock:
        _limited.append(Counted(workspace_id, incoming_id, "rate_limit", clock.now()))


def refused(reason: str, sentence: str) -> CrossdockError:
    """What the sender of a request is told that its verification refused."""
    return Unauthenticated(f"The step {reason} failed. {sentence}", reason)


def _item(door: Door | None, arrival: Arrival, began: float) -> Item | None:
    """A request on its way, judged already by whether it is the source's."""
    if door is None:
        return None
    plan, received = door.plan, arrival.received()
    item = Item(ids.new(ID_PREFIX), plan, received, arrival.request_id, arrival.ip, [], began, arrival.at)
    if arrival.fault:
        error = processing.without_body(arrival.fault)
        step = Step("body", ok=False, text=error.detail)
        item.outcome = Outcome(REJECTED, arrival.fault, error.detail, error, [step])
        return item
    if not plan.is_active:
        item.outcome = _refusal(Step("status", ok=False, text=DISABLED))
        item.outcome.reason, item.outcome.error = "disabled", Forbidden(str(item.outcome.sentence), reason="disabled")
        return item
    verdict = processing.judge(plan, received)
    item.steps = list(verdict.steps)
    if verdict.failed is not None:
        item.steps.pop()
        item.outcome = _refusal(verdict.failed)
    return item


def _refusal(step: Step) -> Outcome:
    return Outcome(REJECTED, step.name, processing.shown(step.text), refused(step.name, step.text), [step])


def _pending() -> Outcome:
    return Outcome(RECEIVED, sentence="It is stored, and is processed in a moment.")


def _store(session: Session, kept: Sequence[tuple[Item, Door, Arrival]]) -> None:
    if not kept:
        return
    connection = session.connection()
    _INSERT.run(connection, [_row(connection, item, door, arrival) for item, door, arrival in kept])
    done = [item for item, _, _ in kept if item.outcome is not None]
    with _limited_lock:
        limited = [_limited.popleft() for _ in range(len(_limited))]
    health.count(session, [*limited, *(_counted(item) for item in done)])
    tell(session, [item for item, _, _ in kept])


def _row(connection: Connection, item: Item, door: Door, arrival: Arrival) -> tuple[Any, ...]:
    row: dict[str, Any] = {
        "id": item.id,
        "created_at": item.created_at,
        "workspace_id": item.plan.workspace_id,
        "incoming_id": item.plan.id,
        "token_id": door.token_id,
        "status": RECEIVED,
        "errors": [],
        "steps": [],
        "event": "",
        "record_ids": [],
        "verified": item.outcome is None,
        "media": processing.shown(arrival.header("content-type"))[:80],
        "size": min(arrival.size or len(arrival.body), _MOST_BYTES),
        "ip": arrival.ip[:64],
        "user_agent": processing.shown(arrival.header("user-agent"))[:400],
        "sealed": storage.seal(item.id, arrival, item.plan.verification, refused=item.outcome is not None),
        "mapping_version": item.plan.mapping_version,
        "trace_id": item.trace_id,
        "due_at": item.created_at + GRACE,
        "replays": 0,
    }
    if item.outcome is not None:
        row |= _result(item, clock.now())
    return _columns(connection, row, _STORED, lambda _, value: orjson.dumps(value).decode())


def _result(item: Item, now: datetime) -> dict[str, Any]:
    """The columns of what became of a request."""
    outcome = item.outcome or _pending()
    return {
        "status": outcome.status,
        "reason": outcome.reason,
        "sentence": outcome.sentence,
        "errors": outcome.errors,
        "steps": [{"name": step.name, "ok": step.ok, "text": processing.shown(step.text)} for step in (*item.steps, *outcome.steps)],
        "source_id": processing.shown(outcome.source_id)[:400] or None,
        "event": processing.shown(outcome.event)[:80],
        "outcome": outcome.outcome,
        "record_id": outcome.record_ids[0] if outcome.record_ids else None,
        "record_ids": list(outcome.record_ids),
        "mapping_version": item.plan.mapping_version,
        "duration_ms": round((time.perf_counter() - item.began) * 1000, 2),
        "due_at": None,
        "processed_at": now,
    }


def _columns(
    connection: Connection, row: Mapping[str, Any], names: Iterable[str], document: Callable[[Connection, Any], Any]
) -> tuple[Any, ...]:
    """The values of a row in the order of `names`, as the database takes them; what is left out is null."""
    values = (row.get(name) for name in names)
    return tuple(
        document(connection, value) if isinstance(value, list) else bulk.moment(connection, value) if isinstance(value, datetime) else value
        for value in values
    )


_WRITTEN: Final = {
    "status": "text", "reason": "text", "sentence": "text", "errors": "json", "steps": "json", "source_id": "text", "event": "text",
    "outcome": "text", "record_id": "text", "record_ids": "jsonb", "mapping_version": "int", "duration_ms": "float8",
    "due_at": "timestamptz", "processed_at": "timestamptz",
}  # fmt: skip
_STORED: Final = (
    "id", "created_at", "workspace_id", "incoming_id", "token_id", "verified", "media", "size", "ip", "user_agent", "sealed", "trace_id",
    "replays", *_WRITTEN,
)  # fmt: skip
_INSERT: Final = bulk.Insert("incoming_request", _STORED)
_UPDATE: Final = bulk.update("incoming_request", _WRITTEN, {"id": "text"})


def _counted(item: Item) -> Counted:
    outcome = item.outcome or _pending()
    word = (outcome.reason or REJECTED) if outcome.status == REJECTED else outcome.status
    return Counted(item.plan.workspace_id, item.plan.id, word[:20], item.created_at)


def _one_by_one(items: Sequence[Item]) -> None:
    for item in items:
        try:
            with db.transaction(write=True) as session:
                process_in(session, [item])
        except Unavailable:
            item.outcome = None  # it stays stored, and is processed once the database is back
        except Exception as error:  # noqa: BLE001 - it is told in the log of the webhook, and can be replayed
            _log.exception("incoming.failed", request_id=item.id, error=type(error).__name__)
            told = processing.FAILED.format(item.id)
            item.outcome = Outcome(REJECTED, "internal", told, CrossdockError(told), [Step("internal", ok=False, text=told)])
            with db.transaction(write=True) as session:
                write(session, [item])


committer: GroupCommitter[Arrival, Answer] = GroupCommitter("incoming", take_all, most=MAX_GROUP, linger=LINGER)
