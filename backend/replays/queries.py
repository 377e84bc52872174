"""The reads of replays: what a filter means, what comes next, how far each is, and what came of its items."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import ids
from backend.deliveries import queries as deliveries
from backend.models import Delivery, Event, Replay, ReplayItem, Webhook
from backend.replays.values import Kind, ReplayFilter
from backend.webhooks import missed

SKIPPED: Final = "skipped"
RETURNED: Final = col(Delivery.trigger) != "manual"  # put back in line by the engine, not by a person
_FAILED: Final = ("dead", "cancelled")
_LEAST_SCANNED: Final = 500  # events at once: the webhook's filter may let few of them through


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may become an item: an event for a webhook, and the delivery that is replayed, if there is one, with its status."""

    id: str  # of the source: what the replay's cursor goes by
    event_id: str
    event_type: str
    webhook_id: str
    trace_id: str
    source_id: str | None = None
    source_status: str | None = None


@dataclass(frozen=True, slots=True)
class Ahead:
    """The ids that come next in a replay's source, the id after which to look on, and whether there is nothing beyond."""

    ids: list[str]
    after: str | None
    is_end: bool


def selected(workspace_id: str, wanted: ReplayFilter, *, upto: str) -> SelectOfScalar[Delivery]:
    """The deliveries up to the id `upto` that a filter means; test sends never are. Raises `Invalid`.

    Unless they are chosen by their ids, each event goes to each webhook once: what an earlier replay sent again is left out where
    that replay's delivery is meant itself, or has arrived or is on its way after a failure.
    """
    same = deliveries.Filter(
        webhook_id=wanted.webhook_id,
        event_type=wanted.event,
        status=wanted.status,
        status_code=wanted.status_code,
        error_class=wanted.error_class,
        since=wanted.since,
        until=wanted.until,
        q=wanted.q,
        before_event=ids.floor("evt", ids.created_ms(upto) + 1),
    )
    query = deliveries.matching(workspace_id, same).where(col(Delivery.id) <= upto, col(Delivery.kind) != "test")
    if wanted.ids:
        return query.where(col(Delivery.id).in_(wanted.ids))
    return query if (wanted.q or "").startswith("dlv_") else query.where(~_sent_again(wanted, upto))


def _sent_again(wanted: ReplayFilter, upto: str) -> ColumnElement[bool]:
    """Whether a later replay of the same event to the same webhook stands for a delivery."""
    later = aliased(Delivery)
    meant: list[ColumnElement[bool]] = [col(later.id) <= upto]
    if wanted.status:
        meant.append(col(later.status).in_([each.value for each in deliveries.statuses(wanted.status)]))
    if wanted.status_code is not None:
        meant.append(col(later.last_status_code) == wanted.status_code)
    if wanted.error_class:
        meant.append(col(later.error_class) == wanted.error_class)
    if wanted.until:
        meant.append(col(later.id) < ids.floor("dlv", int(wanted.until.timestamp() * 1000)))
    mended = and_(col(Delivery.status).in_(_FAILED), col(later.status).not_in(_FAILED))
    return (
        select(later.id)
        .where(
            col(later.replay_id).is_not(None),
            col(later.event_id) == col(Delivery.event_id),
            col(later.webhook_id) == col(Delivery.webhook_id),
            # Not by itself, or SQLite goes through all later deliveries of the webhook for each one.
            col(later.id).concat("") > col(Delivery.id),
            or_(mended, and_(*meant)),
        )
        .exists()
    )


def count(session: Session, query: SelectOfScalar[Delivery]) -> int:
    """How many deliveries a query means, exactly."""
    rows = query.with_only_columns(col(Delivery.id)).subquery()
    return session.exec(select(func.count()).select_from(rows)).one()


def by_webhook(session: Session, query: SelectOfScalar[Delivery]) -> dict[str, int]:
    """How many of these deliveries go to each webhook, exactly, by its id; most first."""
    rows = query.with_only_columns(col(Delivery.webhook_id)).subquery()
    number = func.count().label("number")
    grouped = select(rows.c.webhook_id, number).group_by(rows.c.webhook_id).order_by(number.desc())
    return {row[0]: row[1] for row in session.exec(grouped).all()}


def statuses(session: Session, workspace_id: str) -> dict[str, int]:
    """How many replays of a workspace have each status."""
    query = select(col(Replay.status), func.count()).where(col(Replay.workspace_id) == workspace_id).group_by(col(Replay.status))
    return {row[0]: row[1] for row in session.exec(query).all()}


def ahead(session: Session, replay: Replay, after: str | None, limit: int) -> Ahead:
    """Up to `limit` ids of a replay's source after the id `after`, oldest first."""
    if replay.kind == Kind.MISSED:
        return _missed_ahead(session, replay, after, limit)
    # On machines whose clocks differ, what a replay makes may sort below its own bound; it must not feed on itself.
    foreign = or_(col(Delivery.replay_id).is_(None), col(Delivery.replay_id) != replay.id)
    query = selected(replay.workspace_id, ReplayFilter.of(replay.filter), upto=replay.upto).where(foreign)
    if after is not None:
        query = query.where(col(Delivery.id) > after)
    found = list(session.scalars(query.with_only_columns(col(Delivery.id)).order_by(col(Delivery.id)).limit(limit)).all())
    return Ahead(found, found[-1] if found else after, len(found) < limit)


def candidates(session: Session, replay: Replay, source_ids: Sequence[str]) -> list[Candidate]:
    """What these ids of a replay's source stand for at this moment, in their order."""
    if replay.kind == Kind.MISSED:
        assert replay.webhook_id is not None  # noqa: S101 - what was missed, some webhook missed
        events = session.exec(
            select(Event.id, Event.type, Event.trace_id).where(col(Event.id).in_(source_ids)).order_by(col(Event.id))
        ).all()
        return [Candidate(event_id, event_id, type_name, replay.webhook_id, trace_id) for event_id, type_name, trace_id in events]
    query = select(Delivery).where(col(Delivery.id).in_(source_ids), col(Delivery.workspace_id) == replay.workspace_id)
    return [candidate(delivery) for delivery in session.exec(query.order_by(col(Delivery.id))).all()]


def candidate(delivery: Delivery) -> Candidate:
    """A delivery as what may be replayed."""
    return Candidate(
        delivery.id, delivery.event_id, delivery.event_type, delivery.webhook_id, delivery.trace_id, delivery.id, delivery.status
    )


def unknown(session: Session, workspace_id: str, delivery_ids: Collection[str]) -> list[str]:
    """Those of these ids that are no delivery of the workspace, or a test send."""
    query = select(Delivery.id).where(
        col(Delivery.id).in_(delivery_ids), col(Delivery.workspace_id) == workspace_id, col(Delivery.kind) != "test"
    )
    found = set(session.exec(query).all())
    return [each for each in delivery_ids if each not in found]


def by_status(session: Session, replay_ids: Collection[str]) -> dict[str, dict[str, int]]:
    """How many deliveries of each status these replays made, by the replay's id; one grouped count."""
    found: dict[str, dict[str, int]] = {}
    if replay_ids:
        query = (
            select(col(Delivery.replay_id), col(Delivery.status), func.count())
            .where(col(Delivery.replay_id).in_(replay_ids))
            .group_by(col(Delivery.replay_id), col(Delivery.status))
        )
        for replay_id, status, number in session.exec(query).all():
            found.setdefault(str(replay_id), {})[status] = number
    return found


def waiting(replay_ids: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """What the deliveries of these replays that wait have in common; by their statuses, which the index of replays knows."""
    return col(Delivery.replay_id).in_(replay_ids), col(Delivery.status).in_(("waiting", "retrying")), col(Delivery.due_at).is_not(None)


def items(replay: Replay, outcome: str | None) -> SelectOfScalar[ReplayItem]:
    """A replay's items: all, `skipped` ones, or those whose delivery has one of the statuses that a word means. Raises `Invalid`."""
    query = select(ReplayItem).where(col(ReplayItem.replay_id) == replay.id)
    if not outcome:
        return query
    if outcome.lower() == SKIPPED:
        return query.where(col(ReplayItem.skip_reason).is_not(None))
    wanted = [status.value for status in deliveries.statuses(outcome, path="outcome")]
    made = select(Delivery.id).where(col(Delivery.replay_id) == replay.id, col(Delivery.status).in_(wanted))
    return query.where(col(ReplayItem.delivery_id).in_(made))


def deliveries_of(session: Session, found: Collection[ReplayItem]) -> dict[str, Delivery]:
    """The new deliveries of these items, by id."""
    wanted = [item.delivery_id for item in found if item.delivery_id is not None]
    if not wanted:
        return {}
    return {row.id: row for row in session.exec(select(Delivery).where(col(Delivery.id).in_(wanted))).all()}


def types_of(session: Session, workspace_id: str, found: Collection[ReplayItem]) -> dict[str, str]:
    """The types of these items' events, by the event's id; without those that are no longer kept."""
    wanted = {item.event_id for item in found}
    if not wanted:
        return {}
    query = select(Event.id, Event.type).where(Event.workspace_id == workspace_id, col(Event.id).in_(wanted))
    return dict(session.exec(query).all())


def _missed_ahead(session: Session, replay: Replay, after: str | None, limit: int) -> Ahead:
    webhook = session.get(Webhook, replay.webhook_id)
    if webhook is None:
        return Ahead([], after, is_end=True)
    batch = missed.skipped(
        session, webhook, revision=replay.filter["revision"], after=after or "", upto=replay.upto, limit=max(limit, _LEAST_SCANNED)
    )
    return Ahead([event.id for event in batch.events], batch.after, batch.is_end)
