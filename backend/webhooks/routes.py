"""`/api/v1/webhooks`, without tests and deliveries."""

from __future__ import annotations

from fastapi import Response
from sqlmodel import Session

from backend.core import actor as actors
from backend.core import pagination, permissions, web
from backend.core.parameters import Cursor, Limit
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.models import Webhook
from backend.webhooks import bulk, service
from backend.webhooks.queries import WebhookStats
from backend.webhooks.schemas import (
    BulkBody,
    BulkOut,
    Disabling,
    Enabling,
    Rotation,
    WebhookCreate,
    WebhookList,
    WebhookOut,
    WebhookUpdate,
    WebhookWithSecret,
)

router = web.Router(prefix="/webhooks", tags=["webhooks"])


@router.get("", **web.needs(permissions.WEBHOOKS_READ))
def list_webhooks(
    session: web.ReadSession,
    actor: web.CurrentActor,
    status: str | None = None,
    q: str | None = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> WebhookList:
    """Webhooks, newest first. `status` is active, failing, paused or disabled; `q` searches name, URL, id and reference."""
    page = service.list_webhooks(session, actor=actor, status=status, q=q, limit=limit, cursor=cursor)
    stats = service.stats_of(session, actor=actor, webhooks=page.data)
    return WebhookList.of(page, lambda webhook: WebhookOut.of(webhook, stats[webhook.id]))


@router.post("", status_code=201, **web.needs(permissions.WEBHOOKS_WRITE))
@router.post("/register", status_code=201, name="register_webhook", **web.needs(permissions.WEBHOOKS_WRITE))
def create_webhook(
    body: WebhookCreate, session: web.WriteSession, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> WebhookWithSecret:
    """Add a webhook. The answer holds its secret, which is shown this once."""

    def make() -> WebhookWithSecret:
        webhook, secret = service.create(session, actor=actor, input=body.input())
        return WebhookWithSecret.of(webhook, service.WebhookStats(), secret=secret)

    return answers.once(
        session,
        actor=actor,
        route="POST /api/v1/webhooks",
        key=idempotency_key,
        body=body,
        response=response,
        make=make,
        answer=WebhookWithSecret,
        secrets=("secret",),
    )


@router.post("/bulk", **web.needs(permissions.WEBHOOKS_WRITE))
def act_on_webhooks(body: BulkBody, session: web.WriteSession, actor: web.CurrentActor) -> BulkOut:
    """Do one thing to many webhooks, at most 200 at a time: those with these ids, or those that a filter shows.

    Each is done or refused for itself; the answer tells which and why. Deleting needs `webhooks:delete` besides.
    """
    return BulkOut.of(body.action, bulk.act(session, actor=actor, order=body.order()))


@router.get("/{webhook_id}", **web.needs(permissions.WEBHOOKS_READ))
def read_webhook(webhook_id: str, session: web.ReadSession, actor: web.CurrentActor, hours: int = 24) -> WebhookOut:
    """One webhook, with its figures of the last `hours`."""
    return _shown(session, service.get(session, actor=actor, webhook_id=webhook_id), hours)


@router.change("/{webhook_id}", **web.needs(permissions.WEBHOOKS_WRITE))
def update_webhook(webhook_id: str, body: WebhookUpdate, session: web.WriteSession, actor: web.CurrentActor) -> WebhookOut:
    """Change a webhook; what is sent changes. A header sent back as dots keeps its value."""
    webhook = service.update(session, actor=actor, webhook_id=webhook_id, changes=body.changes())
    return _shown(session, webhook)


@router.delete("/{webhook_id}", status_code=204, **web.needs(permissions.WEBHOOKS_DELETE))
def delete_webhook(webhook_id: str, session: web.WriteSession, actor: web.CurrentActor) -> None:
    """Delete a webhook. What waits for it is cancelled; its deliveries stay listed."""
    service.delete(session, actor=actor, webhook_id=webhook_id)


@router.post("/{webhook_id}/rotate-secret", **web.needs(permissions.WEBHOOKS_WRITE))
def rotate_secret(webhook_id: str, session: web.WriteSession, actor: web.CurrentActor, body: Rotation | None = None) -> WebhookWithSecret:
    """A new secret, shown this once. Both sign until the overlap ends."""
    overlap = (body or Rotation()).overlap_hours
    webhook, secret = service.rotate_secret(session, actor=actor, webhook_id=webhook_id, overlap_hours=overlap)
    return WebhookWithSecret.of(webhook, _stats(session, webhook), secret=secret)


@router.post("/{webhook_id}/enable", **web.needs(permissions.WEBHOOKS_WRITE))
def enable_webhook(webhook_id: str, session: web.WriteSession, actor: web.CurrentActor, body: Enabling | None = None) -> WebhookOut:
    """Enable a disabled webhook, and send or skip what it missed."""
    missed = (body or Enabling()).missed
    return _shown(session, service.enable(session, actor=actor, webhook_id=webhook_id, missed=missed))


@router.post("/{webhook_id}/disable", **web.needs(permissions.WEBHOOKS_WRITE))
def disable_webhook(webhook_id: str, session: web.WriteSession, actor: web.CurrentActor, body: Disabling | None = None) -> WebhookOut:
    """Disable a webhook: its events are recorded as skipped."""
    reason = (body or Disabling()).reason
    return _shown(session, service.disable(session, actor=actor, webhook_id=webhook_id, reason=reason))


@router.post("/{webhook_id}/pause", **web.needs(permissions.WEBHOOKS_WRITE))
def pause_webhook(webhook_id: str, session: web.WriteSession, actor: web.CurrentActor) -> WebhookOut:
    """Pause a webhook: its events wait."""
    return _shown(session, service.pause(session, actor=actor, webhook_id=webhook_id))


@router.post("/{webhook_id}/resume", **web.needs(permissions.WEBHOOKS_WRITE))
def resume_webhook(webhook_id: str, session: web.WriteSession, actor: web.CurrentActor) -> WebhookOut:
    """Resume a paused webhook: what has gathered drains at a capped rate."""
    return _shown(session, service.resume(session, actor=actor, webhook_id=webhook_id))


def _shown(session: Session, webhook: Webhook, hours: int = 24) -> WebhookOut:
    return WebhookOut.of(webhook, _stats(session, webhook, hours))


def _stats(session: Session, webhook: Webhook, hours: int = 24) -> WebhookStats:
    # Who may change a webhook is shown it, whether its key may read or not.
    return service.stats(session, actor=actors.system(webhook.workspace_id), webhook_id=webhook.id, hours=hours)
