"""Replays for people and programs: counted first, made, followed item by item, paused, resumed, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from backend.audit import service as audit
from backend.core import actor as actors
from backend.core import clock, errors, ids, jsjson, pagination, permissions
from backend.core.actor import Actor
from backend.core.errors import Conflict, FieldError, Invalid, NotFound
from backend.deliveries import service as deliveries
from backend.deliveries.queries import statuses
from backend.events import subscriptions
from backend.models import Delivery, Event, Replay, Webhook
from backend.replays import making, policy, queries
from backend.replays.queries import Candidate
from backend.replays.values import ItemDetail, Kind, Preview, Progress, ReplayFilter, Status
from backend.webhooks import service as webhooks

__all__ = ["MAX_IDS", "MAX_REASON", "SAMPLE", "ItemDetail", "Kind", "Preview", "Progress", "ReplayFilter", "Status"]

MAX_IDS = 1000
MAX_REASON = 400  # characters
SAMPLE = 10
_NAMED_IDS = 5


def preview(
    session: Session,
    *,
    actor: Actor,
    filter: ReplayFilter,  # noqa: A002 - the field's name
    rate: float | None = None,
) -> Preview:
    """A dry run: how many deliveries a filter means, exactly, for each webhook, and the newest ten.

    Raises `Invalid`, for a `rate` that the replay could not have too, and `NotFound` for its webhook.
    """
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    _rate(rate)
    _check_filter(session, actor, filter)
    query = queries.selected(actor.workspace_id, filter, upto=ids.new("dlv"))
    sample = session.exec(query.order_by(col(Delivery.id).desc()).limit(SAMPLE)).all()
    found = queries.by_webhook(session, query)
    return Preview(sum(found.values()), list(sample), found)


def create(
    session: Session,
    *,
    actor: Actor,
    filter: ReplayFilter,  # noqa: A002 - the field's name
    rate: float | None = None,
    reason: str = "",
) -> Replay:
    """Replay the deliveries that a filter means, oldest first, `rate` a second (0.1 to 1,000; 50 if none is given).

    What is accepted after this moment is not among them. Raises `Invalid` where nothing matches, `NotFound` for an unknown
    webhook, `Conflict` for a disabled one.
    """
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    pace, why, webhook = _wished(session, actor, filter, rate, reason)
    if webhook is not None:
        _require_enabled(webhook)
    upto = ids.new("dlv")
    total = queries.count(session, queries.selected(actor.workspace_id, filter, upto=upto))
    if not total:
        raise Invalid(
            FieldError("filter", "matches no delivery, so there is nothing to replay.", "Widen it; with dry_run it is counted first.")
        )
    replay = _new(actor, Kind.SELECTION if filter.ids else Kind.FILTER, filter.document(), why, upto)
    replay.webhook_id, replay.rate, replay.total = filter.webhook_id, pace, total
    return _created(session, actor, replay)


def replay_event(session: Session, *, actor: Actor, event_id: str, webhook_id: str | None = None, reason: str = "") -> Replay:
    """Send one event at once to every webhook that takes it now, or to one, whether that takes it or not; the replay is done.

    Raises `NotFound`, and `Conflict` where the webhook is disabled, no webhook takes the event, or it is a test send's.
    """
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    why = _reason(reason)
    query = select(Event).where(col(Event.id) == event_id, col(Event.workspace_id) == actor.workspace_id)
    event = session.exec(query).first()
    if event is None:
        raise NotFound("There is no such event in this workspace. Check the id; GET /api/v1/events lists them.")
    if event.kind == deliveries.TEST:
        raise Conflict("It is the event of a test send. Send a new test from the webhook instead.")
    if webhook_id is not None:
        _require_enabled(_webhook(session, actor, webhook_id))
        targets = [webhook_id]
    else:
        targets = _takers(session, event)
    document = {"event_id": event_id} | ({"webhook_id": webhook_id} if webhook_id is not None else {})
    replay = _new(actor, Kind.EVENT, document, why, upto=event_id)
    replay.webhook_id, replay.total, replay.cursor = webhook_id, len(targets), event_id
    now = clock.now()
    replay.status, replay.advanced_at, replay.finished_at = Status.DONE, now, now
    earlier = _latest(session, event, targets)
    making.make(session, replay, [_candidate(event, target, earlier.get(target)) for target in targets], now)
    return _created(session, actor, replay)


def get(session: Session, *, actor: Actor, replay_id: str) -> Replay:
    """One replay. Raises `NotFound`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    found = session.exec(select(Replay).where(Replay.id == replay_id, Replay.workspace_id == actor.workspace_id)).first()
    if found is None:
        raise NotFound("There is no such replay in this workspace. Check the id; GET /api/v1/replays lists them.")
    return found


def list_replays(
    session: Session,
    *,
    actor: Actor,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
    status: str | None = None,
) -> pagination.Page[Replay]:
    """A page of replays, newest first; `status` is running, paused, cancelled or done. Raises `Invalid`."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    query = select(Replay).where(Replay.workspace_id == actor.workspace_id)
    if status:
        if status not in list(Status):
            raise Invalid(FieldError("status", f"{status[:40]!r} is not a status of replays.", f"Use one of {', '.join(Status)}."))
        query = query.where(Replay.status == status)
    return pagination.fetch(session, query, col(Replay.id), limit=limit, cursor=cursor)


def counts(session: Session, *, actor: Actor) -> dict[str, int]:
    """How many replays there are of each status, and under `all` together."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    found = queries.statuses(session, actor.workspace_id)
    return {"all": sum(found.values()), **{status.value: found.get(status.value, 0) for status in Status}}


def progress(session: Session, *, actor: Actor, replays: Sequence[Replay]) -> dict[str, Progress]:
    """How far each of these replays of the workspace is, by id; one grouped count for all."""
    permissions.require(actor, permissions.WEBHOOKS_READ)
    own = [replay for replay in replays if replay.workspace_id == actor.workspace_id]
    counted = queries.by_status(session, [replay.id for replay in own])
    return {replay.id: _progress(replay, counted.get(replay.id, {})) for replay in own}


def items(
    session: Session,
    *,
    actor: Actor,
    replay_id: str,
    outcome: str | None = None,
    limit: int = pagination.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> pagination.Page[ItemDetail]:
    """A page of a replay's items, newest first. `outcome` is skipped, or a status of deliveries. Raises `NotFound`, `Invalid`."""
    replay = get(session, actor=actor, replay_id=replay_id)
    page = pagination.fetch(session, queries.items(replay, outcome), col(queries.ReplayItem.id), limit=limit, cursor=cursor)
    made = queries.deliveries_of(session, page.data)
    types = queries.types_of(session, actor.workspace_id, [item for item in page.data if item.delivery_id not in made])
    explained = deliveries.explain_all(session, actor=actor, deliveries=list(made.values()))

    def detail(item: queries.ReplayItem) -> ItemDetail:
        delivery = made.get(item.delivery_id or "")
        if delivery is None:
            why = item.skip_reason or "Its delivery is no longer kept."
            return ItemDetail(item, None, queries.SKIPPED, why, types.get(item.event_id))
        return ItemDetail(item, delivery, delivery.status, explained[delivery.id], delivery.event_type)

    return page.map(detail)


def pause(session: Session, *, actor: Actor, replay_id: str) -> Replay:
    """Make no more items until it is resumed; what was made goes out. Raises `NotFound`, `Conflict` once it is finished."""
    replay = _locked(session, actor, replay_id)
    if replay.status in {Status.DONE, Status.CANCELLED}:
        raise Conflict(f"The replay is {replay.status}, so there is nothing to pause. Pause the webhook to hold what waits.")
    return _steer(session, actor, replay, Status.PAUSED, "replay.paused")


def resume(session: Session, *, actor: Actor, replay_id: str) -> Replay:
    """Go on after a pause. Raises `NotFound`, `Conflict` once it is finished."""
    replay = _locked(session, actor, replay_id)
    if replay.status in {Status.DONE, Status.CANCELLED}:
        raise Conflict(f"The replay is {replay.status} and cannot be resumed. Start a new one.")
    return _steer(session, actor, replay, Status.RUNNING, "replay.resumed")


def cancel(session: Session, *, actor: Actor, replay_id: str) -> Replay:
    """Make no more items, and cancel the deliveries of it that wait; what is being sent ends by its outcome.

    A replay that has made everything can be cancelled while something of it waits. Raises `NotFound`, `Conflict`.
    """
    replay = _locked(session, actor, replay_id)
    if replay.status == Status.CANCELLED:
        return replay
    stopped = making.cancel_waiting(session, [replay.id], clock.now())
    if replay.status == Status.DONE and not stopped:
        raise Conflict("The replay is done and nothing of it waits, so there is nothing to cancel.")
    replay.finished_at = clock.now()
    return _steer(session, actor, replay, Status.CANCELLED, "replay.cancelled", {"deliveries_cancelled": stopped})


def _new(actor: Actor, kind: Kind, document: dict[str, Any], reason: str, upto: str) -> Replay:
    return Replay(
        id=ids.new("rpl"),
        workspace_id=actor.workspace_id,
        kind=kind,
        filter=document,
        reason=reason,
        upto=upto,
        status=Status.RUNNING,
        created_by=actor.id,
        created_by_name=actor.name[:200],
    )


def _created(session: Session, actor: Actor, replay: Replay) -> Replay:
    session.add(replay)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="replay.created",
        target_kind="replay",
        target_id=replay.id,
        after={"kind": replay.kind, "filter": replay.filter, "total": replay.total, "rate": replay.rate},
        reason=replay.reason or None,
    )
    making.announce(session, replay.workspace_id)
    return replay


def _locked(session: Session, actor: Actor, replay_id: str) -> Replay:
    permissions.require(actor, permissions.WEBHOOKS_OPERATE)
    found = making.lock(session, replay_id)
    if found is None or found.workspace_id != actor.workspace_id:
        raise NotFound("There is no such replay in this workspace. Check the id; GET /api/v1/replays lists them.")
    return found


def _steer(session: Session, actor: Actor, replay: Replay, status: Status, action: str, extra: dict[str, int] | None = None) -> Replay:
    if replay.status == status:
        return replay
    before, replay.status = replay.status, status
    audit.record(
        session,
        actor=actor,
        action=action,
        target_kind="replay",
        target_id=replay.id,
        before={"status": before},
        after={"status": status, "queued": replay.queued, "skipped": replay.skipped, **(extra or {})},
    )
    making.announce(session, replay.workspace_id)
    return replay


def _progress(replay: Replay, statuses: dict[str, int]) -> Progress:
    finished = replay.status in {Status.DONE, Status.CANCELLED}
    remaining = 0 if finished else max(replay.total - replay.queued - replay.skipped, 0)
    return Progress(
        total=replay.total,
        queued=replay.queued,
        waiting=sum(statuses.get(each, 0) for each in ("waiting", "sending", "retrying")),
        delivered=statuses.get("delivered", 0),
        failed=statuses.get("dead", 0),
        cancelled=statuses.get("cancelled", 0),
        skipped=replay.skipped,
        remaining=remaining,
        eta_seconds=policy.eta_seconds(remaining=remaining, rate=replay.rate, is_running=replay.status == Status.RUNNING),
    )


def _wished(session: Session, actor: Actor, wanted: ReplayFilter, rate: float | None, reason: str) -> tuple[float, str, Webhook | None]:
    """Rate, reason and webhook of a wish. Raises `Invalid` with every mistake, and what `_check_filter` raises."""
    checked: list[Any] = errors.every(lambda: _rate(rate), lambda: _reason(reason), lambda: _check_filter(session, actor, wanted))
    return checked[0], checked[1], checked[2]


def _check_filter(session: Session, actor: Actor, wanted: ReplayFilter) -> Webhook | None:
    """Its webhook, if it names one. Raises `Invalid` with every mistake but its status, which comes last, `NotFound`."""
    wrong = [
        FieldError(f"filter.{name}", "has no time zone.", "Write it as 2026-01-31T09:30:00Z.")
        for name, moment in (("since", wanted.since), ("until", wanted.until))
        if moment is not None and moment.tzinfo is None
    ]
    if not wrong and wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        wrong.append(FieldError("filter.until", "is not after `since`, so nothing lies between them.", "Swap them, or leave one out."))
    if wanted.ids is not None and not 1 <= len(wanted.ids) <= MAX_IDS:
        fix = f"Give 1 to {MAX_IDS:,} ids, or describe more of them by the other fields."
        wrong.append(FieldError("filter.ids", f"has {len(wanted.ids):,} entries.", fix))
    elif wanted.ids is not None and (unknown := queries.unknown(session, actor.workspace_id, wanted.ids)):
        named = ", ".join(each[:64] for each in unknown[:_NAMED_IDS]) + (" and more" if len(unknown) > _NAMED_IDS else "")
        what = f"{named}: not found among the deliveries of this workspace that can be replayed."
        wrong.append(FieldError("filter.ids", what, "Leave them out. Test sends cannot be replayed; send a new test."))
    if wrong:
        raise Invalid(*wrong)
    if wanted.status:
        statuses(wanted.status, path="filter.status")
    return _webhook(session, actor, wanted.webhook_id) if wanted.webhook_id else None


def _webhook(session: Session, actor: Actor, webhook_id: str) -> Webhook:
    return webhooks.get(session, actor=actors.system(actor.workspace_id), webhook_id=webhook_id)


def _require_enabled(webhook: Webhook) -> None:
    if webhook.state == "disabled":
        why = f": {webhook.disabled_reason.rstrip('.')}" if webhook.disabled_reason else ""
        raise Conflict(f"The webhook is disabled{why}. Enable it, then replay.")


def _takers(session: Session, event: Event) -> list[str]:
    """The webhooks that take an event as they stand now. Raises `Conflict` if there are none."""
    found = subscriptions.match(subscriptions.current(session, event.workspace_id), jsjson.parse(event.body))
    if found.targets:
        return [target.webhook_id for target in found.targets]
    disabled = sum(skip["reason"] == "disabled" for skip in found.skips)
    filtered = len(found.skips) - disabled
    why = f" ({disabled} disabled, {filtered} filter it out)" if found.skips else ""
    raise Conflict(f"No webhook takes this event now{why}. Enable or subscribe one, or name one with webhook_id.")


def _latest(session: Session, event: Event, webhook_ids: Sequence[str]) -> dict[str, Delivery]:
    """The newest delivery of an event for each of these webhooks, by the webhook's id."""
    query = select(Delivery).where(
        col(Delivery.event_id) == event.id, col(Delivery.webhook_id).in_(webhook_ids), col(Delivery.workspace_id) == event.workspace_id
    )
    return {delivery.webhook_id: delivery for delivery in session.exec(query.order_by(col(Delivery.id))).all()}


def _candidate(event: Event, webhook_id: str, earlier: Delivery | None) -> Candidate:
    if earlier is not None:
        return queries.candidate(earlier)
    return Candidate(event.id, event.id, event.type, webhook_id, event.trace_id)


def _rate(rate: float | None) -> float:
    if rate is None:
        return policy.DEFAULT_RATE
    if not policy.LEAST_RATE <= rate <= policy.GREATEST_RATE:
        raise Invalid(FieldError("rate", f"{rate:g} a second is out of range.", "Use 0.1 to 1,000 a second."))
    return rate


def _reason(reason: str) -> str:
    text = reason.strip()
    if len(text) > MAX_REASON:
        raise Invalid(FieldError("reason", f"has {len(text):,} characters.", f"Use at most {MAX_REASON}."))
    return text
