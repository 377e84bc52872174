"""`/api/v1/replays`, and the replays of one webhook's deliveries and of one event."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response
from sqlmodel import Session

from backend.core import actor as actors
from backend.core import pagination, permissions, web
from backend.core.actor import Actor
from backend.core.parameters import Cursor, Limit
from backend.deliveries import service as deliveries
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.models import Replay
from backend.replays import service
from backend.replays.schemas import (
    EventReplayCreate,
    PreviewOut,
    ReplayCreate,
    ReplayItemList,
    ReplayItemOut,
    ReplayList,
    ReplayOut,
    WebhookReplayCreate,
)

router = web.Router(tags=["replays"])

_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"model": PreviewOut, "description": "With `dry_run`: what would be sent."}}


@router.post("/replays", status_code=202, responses=_ANSWERS, **web.needs(permissions.WEBHOOKS_OPERATE))
def create_replay(
    body: ReplayCreate, session: web.WriteSession, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> ReplayOut | PreviewOut:
    """Replay all deliveries that match a filter, or count them first with `dry_run`.

    Each becomes a new delivery of the same event, oldest first and no faster than `rate`, with the header `X-Webhook-Replay: true`;
    the old ones keep their history. What is being sent or waits for its first attempt is skipped, as is what a disabled webhook had.
    """
    wanted = body.filter.wanted(body.filter.webhook_id)
    return _made(session, actor, "POST /api/v1/replays", body, wanted, response, idempotency_key)


@router.post("/webhooks/{webhook_id}/replay", status_code=202, responses=_ANSWERS, **web.needs(permissions.WEBHOOKS_OPERATE))
def create_webhook_replay(
    webhook_id: str,
    session: web.WriteSession,
    actor: web.CurrentActor,
    response: Response,
    body: WebhookReplayCreate | None = None,
    idempotency_key: KeyHeader = None,
) -> ReplayOut | PreviewOut:
    """Replay the deliveries of one webhook, or count them first with `dry_run`. The same as `POST /replays` with its id in the filter."""
    wish = body or WebhookReplayCreate()
    route = f"POST /api/v1/webhooks/{webhook_id[:64]}/replay"
    return _made(session, actor, route, wish, wish.filter.wanted(webhook_id), response, idempotency_key)


@router.post("/events/{event_id}/replay", status_code=202, **web.needs(permissions.WEBHOOKS_OPERATE))
def create_event_replay(
    event_id: str, session: web.WriteSession, actor: web.CurrentActor, body: EventReplayCreate | None = None
) -> ReplayOut:
    """Send one event again at once, to every webhook that takes it now, or to one."""
    wish = body or EventReplayCreate()
    replay = service.replay_event(session, actor=actor, event_id=event_id, webhook_id=wish.webhook_id, reason=wish.reason)
    return _shown(session, replay)


@router.get("/replays", **web.needs(permissions.WEBHOOKS_READ))
def list_replays(
    session: web.ReadSession,
    actor: web.CurrentActor,
    status: Annotated[str | None, Query(description="running, paused, cancelled or done.")] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ReplayList:
    """Replays with their progress, newest first."""
    page = service.list_replays(session, actor=actor, limit=limit, cursor=cursor, status=status)
    progress = service.progress(session, actor=actor, replays=page.data)
    return ReplayList.of(page, lambda replay: ReplayOut.of(replay, progress[replay.id]))


@router.get("/replays/{replay_id}", **web.needs(permissions.WEBHOOKS_READ))
def read_replay(replay_id: str, session: web.ReadSession, actor: web.CurrentActor) -> ReplayOut:
    """One replay with its progress."""
    return _shown(session, service.get(session, actor=actor, replay_id=replay_id))


@router.get("/replays/{replay_id}/items", **web.needs(permissions.WEBHOOKS_READ))
def list_replay_items(
    replay_id: str,
    session: web.ReadSession,
    actor: web.CurrentActor,
    outcome: Annotated[
        str | None, Query(description="skipped, or statuses of deliveries: waiting, sending, retrying, delivered, …")
    ] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ReplayItemList:
    """The items that have had their turn, newest first, each with what came of it."""
    page = service.items(session, actor=actor, replay_id=replay_id, outcome=outcome, limit=limit, cursor=cursor)
    return ReplayItemList.of(page, ReplayItemOut.of)


@router.post("/replays/{replay_id}/pause", **web.needs(permissions.WEBHOOKS_OPERATE))
def pause_replay(replay_id: str, session: web.WriteSession, actor: web.CurrentActor) -> ReplayOut:
    """Make no more items until it is resumed; what was made goes out."""
    return _shown(session, service.pause(session, actor=actor, replay_id=replay_id))


@router.post("/replays/{replay_id}/resume", **web.needs(permissions.WEBHOOKS_OPERATE))
def resume_replay(replay_id: str, session: web.WriteSession, actor: web.CurrentActor) -> ReplayOut:
    """Go on after a pause."""
    return _shown(session, service.resume(session, actor=actor, replay_id=replay_id))


@router.post("/replays/{replay_id}/cancel", **web.needs(permissions.WEBHOOKS_OPERATE))
def cancel_replay(replay_id: str, session: web.WriteSession, actor: web.CurrentActor) -> ReplayOut:
    """Make no more items, and cancel those that wait; what is being sent at this moment ends by its outcome."""
    return _shown(session, service.cancel(session, actor=actor, replay_id=replay_id))


def _made(
    session: Session,
    actor: Actor,
    route: str,
    wish: ReplayCreate | WebhookReplayCreate,
    wanted: service.ReplayFilter,
    response: Response,
    key: str | None,
) -> ReplayOut | PreviewOut:
    if wish.dry_run:
        answers.check(key)
        response.status_code = 200
        preview = service.preview(session, actor=actor, filter=wanted, rate=wish.rate)
        reader = actors.system(actor.workspace_id)
        return PreviewOut.of(preview, deliveries.explain_all(session, actor=reader, deliveries=preview.sample))

    def make() -> ReplayOut:
        return _shown(session, service.create(session, actor=actor, filter=wanted, rate=wish.rate, reason=wish.reason))

    return answers.once(
        session,
        actor=actor,
        route=route,
        key=key,
        body=wish,
        response=response,
        make=make,
        answer=ReplayOut,
        status_code=202,
    )


def _shown(session: Session, replay: Replay) -> ReplayOut:
    # Who may make and steer a replay is told how far it is, whether its key may read or not.
    found = service.progress(session, actor=actors.system(replay.workspace_id), replays=[replay])
    return ReplayOut.of(replay, found[replay.id])
