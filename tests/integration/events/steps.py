"""What tests of events do first: webhooks made and events published through the services."""

from __future__ import annotations

from typing import Any

from backend.core import actor as actors
from backend.core import db
from backend.core.actor import Actor
from backend.events import service
from backend.webhooks import matching
from backend.webhooks import service as webhooks


def webhook(actor: Actor, *events: str, **fields: Any) -> str:
    """The id of a new webhook that takes these event types."""
    with db.transaction(write=True) as session:
        wanted = webhooks.WebhookInput(url="https://example.com/h", events=list(events), **fields)
        return webhooks.create(session, actor=actor, input=wanted)[0].id


def change(name: str, actor: Actor, webhook_id: str, **more: Any) -> None:
    """Call a service of webhooks for one of them."""
    with db.transaction(write=True) as session:
        getattr(webhooks, name)(session, actor=actor, webhook_id=webhook_id, **more)


def publish(actor: Actor, type: str = "order.created", data: dict[str, Any] | None = None, **fields: Any) -> service.Published:  # noqa: A002
    """Publish one event."""
    reporter = actors.system(actor.workspace_id) if type in matching.OPERATIONAL else actor
    wish = service.command(actor=reporter, type=type, data={"total": 17} if data is None else data, **fields)
    with db.transaction(write=True) as session:
        return service.publish_all(session, [wish])[0]
