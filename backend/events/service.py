"""Publishing events: each becomes durable together with one delivery for every webhook that it goes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from backend.core import clock, crypto, db, errors, ids, pagination, permissions, queue
from backend.core.actor import Actor, ActorKind
from backend.core.errors import CrossdockError, FieldError, Invalid, NotFound
from backend.deliveries import lanes
from backend.event_types import service as event_types
from backend.event_types.catalogue import BUILT_IN
from backend.events import body, search, subscriptions
from backend.events.rows import Accepted, Batch
from backend.idempotency import service as idempotency
from backend.models import Event
from backend.webhooks import matching

ROUTE = "POST /api/v1/events"
_FUTURE = timedelta(minutes=5)
_LANES = "lanes_due"


@dataclass(frozen=True, slots=True)
class Command:
    """A validated wish to publish: `text` is `data` as it will be sent.

    `by_star=False` is for an event beside which a more specific one is published: a webhook on `*` gets only that.
    """

    actor: Actor
    type: str
    data: dict[str, Any]
    text: str
    occurred_at: datetime | None = None
    idempotency_key: str | None = None
    kind: str = "event"
    by_star: bool = True


@dataclass(frozen=True, slots=True)
class Published:
    """An accepted event; `replayed` if the same key had published it before."""

    id: str
    type: str
    occurred_at: datetime
    deliveries: int
    replayed: bool = False


def command(
    *,
    actor: Actor,
    type: str,  # noqa: A002 - the field's name
    data: dict[str, Any],
    idempotency_key: str | None = None,
    occurred_at: datetime | None = None,
    path: str = "",
) -> Command:
    """Check everything that needs no database. Raises `Forbidden`, `Invalid` (paths begin with `path`), `TooLarge`."""
    permissions.require(actor, permissions.EVENTS_WRITE)
    text, key, *_ = errors.every(
        lambda: body.data_text(data, path=f"{path}data"),
        lambda: idempotency.check_key(idempotency_key) if idempotency_key is not None else "",
        lambda: _check_time(occurred_at, f"{path}occurred_at"),
        lambda: _check_reporter(actor, type, f"{path}type"),
    )
    return Command(actor, type, data, str(text), occurred_at, key or None)


def unknown_types(session: Session, *, actor: Actor, types: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with these types of events, each under the path where it was sent."""
    known = event_types.known_names(session, actor.workspace_id)
    return [event_types.unknown(name, known, path=path) for path, name in types.items() if name not in known]


def publish(session: Session, *, actor: Actor, type: str, data: dict[str, Any]) -> Published:  # noqa: A002 - the field's name
    """Publish one event in this transaction, for features that report a change of their own: no permission is asked for."""
    return _raise_or(publish_many(session, [Command(actor, type, data, body.data_text(data))])[0])


def publish_all(session: Session, commands: Sequence[Command]) -> list[Published]:
    """Publish all or none. Raises the first error; every unknown type is named at once."""
    results = publish_many(session, commands)
    unknown = [
        FieldError(f"events[{index}].{error.path}", error.message, error.fix)
        for index, result in enumerate(results)
        if isinstance(result, Invalid)
        for error in result.errors
    ]
    if unknown:
        raise Invalid(*unknown)
    return [_raise_or(result) for result in results]


def publish_many(session: Session, commands: Sequence[Command]) -> list[Published | CrossdockError]:
    """Publish in one transaction, each for itself: what was accepted, or why not, in the order of `commands`.

    One insert each for all events, deliveries and runs of routes together. Raises what the database raises, after which nothing may be committed.
    """
    session.flush()  # what this transaction changed of webhooks counts
    results: dict[int, Published | CrossdockError] = {}
    identifiers = [ids.new("evt") for _ in commands]
    batch = Batch()
    known: dict[str, frozenset[str]] = {}
    subscribed: dict[str, subscriptions.Subscriptions] = {}
    # In the order of their keys: two groups that claim the same ones never wait for each other in a circle.
    for index in sorted(range(len(commands)), key=lambda place: commands[place].idempotency_key or ""):
        wish = commands[index]
        workspace_id = wish.actor.workspace_id
        try:
            if wish.type not in BUILT_IN:
                _check_type(session, wish, known)
            scope = _scope(wish)
            earlier = idempotency.begin(session, scope) if scope else None
            if earlier is not None:
                results[index] = _earlier(earlier)
                continue
        except CrossdockError as error:
            results[index] = error
            continue
        if workspace_id not in subscribed:
            subscribed[workspace_id] = subscriptions.current(session, workspace_id)
        event = _accept(wish, identifiers[index], subscribed[workspace_id])
        batch.events.append(event)
        published = Published(event.id, wish.type, event.occurred_at, len(event.found.targets))
        if scope:
            idempotency.finish(session, scope, status_code=202, answer=answer(published))
        results[index] = published
    if batch.events:
        batch.insert(session.connection())
        _announce(session, batch.workspace_ids)
        if batch.webhook_ids:
            make_due(session, batch.webhook_ids)
        if batch.has_runs:
            db.after_commit(session, queue.wake_routes)
    return [results[index] for index in range(len(commands))]


def answer(published: Published) -> dict[str, Any]:
    """What the API answers, and what is kept under an idempotency key."""
    return {
        "id": published.id,
        "type": published.type,
        "timestamp": clock.rfc3339(published.occurred_at),
        "deliveries": published.deliveries,
    }


def make_due(session: Session, webhook_ids: set[str]) -> None:
    """Say that these webhooks have something to deliver now: at the end of this transaction, in one order, and wake a worker after it."""
    session.info.setdefault(_LANES, set()).update(webhook_ids)

    def move() -> None:
        lanes.due(session.connection(), session.info.pop(_LANES, set()), clock.now())

    db.before_commit(session, move, key=_LANES)
    db.after_commit(session, queue.wake_deliver)


def get(session: Session, *, actor: Actor, event_id: str) -> Event:
    """One event. Raises `NotFound`."""
    permissions.require(actor, permissions.EVENTS_READ)
    found = session.exec(select(Event).where(Event.id == event_id, Event.workspace_id == actor.workspace_id)).first()
    if found is None:
        raise NotFound("There is no such event in this workspace. Check the id; GET /api/v1/events lists them.")
    return found


def list_events(
    session: Session,
    *,
    actor: Actor,
    type: str | None = None,  # noqa: A002 - the field's name
    since: datetime | None = None,
    until: datetime | None = None,
    q: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[Event]:
    """The workspace's events, newest first, by `search.Filter`; test sends are not among them."""
    permissions.require(actor, permissions.EVENTS_READ)
    wanted = search.Filter(type=type, since=since, until=until, q=q)
    return pagination.fetch(session, search.matching(actor.workspace_id, wanted), col(Event.id), limit=limit, cursor=cursor)


def _accept(wish: Command, event_id: str, known: subscriptions.Subscriptions) -> Accepted:
    now = clock.now()
    workspace_id, occurred_at = wish.actor.workspace_id, clock.to_milliseconds(wish.occurred_at or now)
    seen = body.envelope(event_id=event_id, type_name=wish.type, occurred_at=occurred_at, workspace_id=workspace_id, data=wish.data)
    return Accepted(
        id=event_id,
        accepted_at=now,
        workspace_id=workspace_id,
        type=wish.type,
        occurred_at=occurred_at,
        body=body.text(event_id=event_id, type_name=wish.type, occurred_at=occurred_at, workspace_id=workspace_id, data=wish.text),
        kind=wish.kind,
        actor_kind=wish.actor.kind,
        actor_id=wish.actor.id,
        idempotency_key=wish.idempotency_key,
        trace_id=wish.actor.request_id or ids.new("trc"),
        found=subscriptions.match(known, seen, by_star=wish.by_star),
    )


def _announce(session: Session, workspace_ids: set[str]) -> None:
    for workspace_id in workspace_ids:
        db.after_commit(session, lambda workspace_id=workspace_id: queue.publish(workspace_id, "events"), key=("events", workspace_id))


def _check_time(occurred_at: datetime | None, path: str) -> None:
    if occurred_at is None:
        return
    if occurred_at.tzinfo is None:
        raise Invalid(FieldError(path, "has no time zone.", "Write it as 2026-01-31T09:30:00Z."))
    if occurred_at > clock.now() + _FUTURE:
        raise Invalid(FieldError(path, "lies in the future.", "Leave it out, or send when it happened."))


def _check_reporter(actor: Actor, type: str, path: str) -> None:  # noqa: A002 - the field's name
    """What the product says about itself nobody else may say, or no receiver could tell the one from the other."""
    if type in matching.OPERATIONAL and actor.kind is not ActorKind.SYSTEM:
        fix = "Publish a type of your own; POST /api/v1/webhooks/{id}/test sends a sample of this one."
        raise Invalid(FieldError(path, f"{type} is what Crossdock itself reports.", fix))


def _check_type(session: Session, wish: Command, known: dict[str, frozenset[str]]) -> None:
    workspace_id = wish.actor.workspace_id
    if workspace_id not in known:
        known[workspace_id] = event_types.known_names(session, workspace_id)
    if wish.type not in known[workspace_id]:
        raise Invalid(event_types.unknown(wish.type, known[workspace_id], path="type"))


def _scope(wish: Command) -> idempotency.Scope | None:
    if wish.idempotency_key is None:
        return None
    occurred = clock.rfc3339(wish.occurred_at) if wish.occurred_at else ""
    body_hash = crypto.fingerprint(f"{wish.type}\n{occurred}\n{wish.text}".encode())
    return idempotency.Scope(wish.actor.workspace_id, wish.actor.id, ROUTE, wish.idempotency_key, body_hash)


def _earlier(replay: idempotency.Replay) -> Published:
    kept = replay.answer
    return Published(kept["id"], kept["type"], datetime.fromisoformat(kept["timestamp"]), kept["deliveries"], replayed=True)


def _raise_or(result: Published | CrossdockError) -> Published:
    if isinstance(result, CrossdockError):
        raise result
    return result
