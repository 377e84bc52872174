"""The revision of a workspace's webhooks, and what decided delivery from each revision on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select, update

from backend.core import ids
from backend.core.actor import SYSTEM_ID, Actor
from backend.models import Webhook, WebhookChange, Workspace
from backend.webhooks import policy

DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which a webhook stayed in one state: who or which rule began it, and why; `until` is None while it lasts."""

    webhook_id: str
    state: str
    since: datetime
    until: datetime | None
    first_revision: int
    reason: str | None
    rule: str  # user | gone | all_attempts_failed


def standing(session: Session, *, workspace_id: str, revision: int, webhook_id: str | None = None) -> dict[str, WebhookChange]:
    """How each webhook of a workspace, or one, stood at a revision, by its id; those deleted by then too."""
    newest = select(func.max(WebhookChange.revision)).where(WebhookChange.workspace_id == workspace_id, WebhookChange.revision <= revision)
    if webhook_id is not None:
        newest = newest.where(WebhookChange.webhook_id == webhook_id)
    # A revision is one change of one webhook, so those of the newest revisions are the newest of their webhooks.
    newest = newest.group_by(col(WebhookChange.webhook_id))
    query = select(WebhookChange).where(WebhookChange.workspace_id == workspace_id, col(WebhookChange.revision).in_(newest))
    return {change.webhook_id: change for change in session.exec(query).all()}


def periods(session: Session, *, workspace_id: str, webhook_ids: Collection[str]) -> dict[str, list[Period]]:
    """Through which states each of these webhooks of a workspace went, oldest first, by its id."""
    query = (
        select(WebhookChange)
        .where(col(WebhookChange.webhook_id).in_(webhook_ids), WebhookChange.workspace_id == workspace_id)
        .order_by(col(WebhookChange.webhook_id), col(WebhookChange.revision))
    )
    changes: dict[str, list[WebhookChange]] = {}
    for change in session.exec(query).all() if webhook_ids else ():
        kept = changes.setdefault(change.webhook_id, [])
        if not kept or kept[-1].state != change.state:
            kept.append(change)
    return {webhook_id: [_period(kept, place) for place in range(len(kept))] for webhook_id, kept in changes.items()}


def at(periods: list[Period], revision: int) -> Period | None:
    """The period that a revision falls in, of those of one webhook; None before its first."""
    return next((period for period in reversed(periods) if period.first_revision <= revision), None)


def advance(session: Session, *, actor: Actor, webhook: Webhook, reason: str | None = None) -> int:
    """Count one change of a webhook and note how it stands from now on; the new revision.

    The workspace's row is locked from here to the commit, so revisions have no gaps and no doubles. Call it last: whoever
    takes other locks takes them before.
    """
    session.flush()
    statement = (
        update(Workspace)
        .where(col(Workspace.id) == webhook.workspace_id)
        .values(webhooks_revision=col(Workspace.webhooks_revision) + 1)
        .returning(col(Workspace.webhooks_revision))
        .execution_options(synchronize_session=False)
    )
    revision: int = session.exec(statement).scalar_one()
    session.add(
        WebhookChange(
            id=ids.new("whc"),
            workspace_id=webhook.workspace_id,
            revision=revision,
            webhook_id=webhook.id,
            event_types=webhook.event_types,
            filter=webhook.filter,
            state=DELETED if webhook.deleted_at is not None else webhook.state,
            reason=reason[:400] if reason else None,
            actor_id=actor.id,
        )
    )
    return revision


def _period(changes: list[WebhookChange], place: int) -> Period:
    change = changes[place]
    until = changes[place + 1].created_at if place + 1 < len(changes) else None
    # Only the delivery engine acts as the system here, by the rules of `policy`.
    rule = policy.rule_of(change.reason) if change.actor_id == SYSTEM_ID else policy.RULE_USER
    return Period(change.webhook_id, change.state, change.created_at, until, change.revision, change.reason, rule)
