"""The revision of a workspace's webhooks, and what decided delivery from each revision on."""

from __future__ import annotations

from sqlmodel import Session, col, update

from backend.core import ids
from backend.core.actor import Actor
from backend.models import Webhook, WebhookChange, Workspace

DELETED = "deleted"


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
