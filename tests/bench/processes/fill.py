"""Webhooks and events that are accepted and not yet delivered, made by the product's own services in bulk."""

from __future__ import annotations

import json
import sys

from backend.core import actor, crypto, db, migrate
from backend.events import service as events
from backend.models import Webhook
from backend.settings import settings
from backend.webhooks import service as webhooks
from tests.factories import deliveries as make

_AT_A_TIME = 500


def open_database() -> None:
    """Make the database that the environment names this process's own, migrated."""
    crypto.configure([key.get_secret_value() for key in settings().encryption_keys])
    db.configure(settings().database_url)
    migrate.upgrade()


def subscribe(workspace_id: str, url: str, count: int) -> list[Webhook]:
    """`count` webhooks of a workspace to the same receiver."""
    wish = webhooks.WebhookInput(url=url, events=[make.TYPE])
    with db.transaction(write=True) as session:
        return [webhooks.create(session, actor=actor.system(workspace_id), input=wish)[0] for _ in range(count)]


def publish(workspace_id: str, count: int) -> None:
    """`count` events, each with its delivery for every webhook."""
    wish = events.command(actor=actor.system(workspace_id), type=make.TYPE, data={"order_id": "4711", "total": 17})
    for begin in range(0, count, _AT_A_TIME):
        with db.transaction(write=True) as session:
            events.publish_all(session, [wish] * min(_AT_A_TIME, count - begin))


def main(url: str, count: int, workspace_id: str) -> None:
    """Publish `count` events in a workspace, a new one with one webhook if none is named; prints it as `{"workspace": id}`."""
    open_database()
    if not workspace_id:
        workspace_id = make.workspace()
        subscribe(workspace_id, url, 1)
    publish(workspace_id, count)
    sys.stdout.write(json.dumps({"workspace": workspace_id}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
