"""Webhooks, events and deliveries for tests, inserted as they are after publishing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session

from backend.core import clock, db, ids, signing
from backend.deliveries import lanes, wire
from backend.models import Delivery, Event, Lane, Webhook, Workspace
from backend.webhooks import policy, secrets

TYPE = "order.created"


def workspace() -> str:
    """A new workspace's id."""
    identifier = ids.new("wsp")
    with db.transaction(write=True) as session:
        session.add(Workspace(id=identifier, name="Acme"))
    return identifier


def webhook(workspace_id: str, url: str, *, headers: dict[str, str] | None = None, **columns: Any) -> Webhook:
    """A committed webhook with its lane, active unless `columns` says otherwise."""
    identifier, now = ids.new("whk"), clock.now()
    row = Webhook(
        id=identifier,
        workspace_id=workspace_id,
        name="Receiver",
        url=url,
        event_types=[TYPE],
        secret_encrypted=secrets.encrypt("secret_encrypted", identifier, signing.new_webhook_secret()),
        headers_encrypted=secrets.encrypt_headers(identifier, headers or {}),
        header_names=list(headers or {}),
        created_by="usr_test",
        updated_at=now,
        **columns,
    )
    with db.transaction(write=True) as session:
        session.add(row)
        session.flush()
        paused = row.state != "active"
        session.add(Lane(webhook_id=identifier, workspace_id=workspace_id, served_at=now, tokens_at=now, paused=paused))
    return row


def publish(*webhooks: Webhook, count: int = 1, due_at: datetime | None = None, data: str = '{"order_id":"4711"}') -> list[str]:
    """`count` events for each of these webhooks, committed; the ids of the deliveries."""
    with db.transaction(write=True) as session:
        made = [identifier for each in webhooks for identifier in _insert(session, each, count, due_at or clock.now(), data)]
        lanes.due(session.connection(), {each.id for each in webhooks}, due_at or clock.now())
    return made


def _insert(session: Session, target: Webhook, count: int, due_at: datetime, data: str) -> list[str]:
    now = clock.now()
    common = {"workspace_id": target.workspace_id, "created_at": now, "kind": "event", "trace_id": "trc_test"}
    events = [{**common, "id": ids.new("evt"), "type": TYPE, "occurred_at": now} for _ in range(count)]
    for event in events:
        event["body"] = wire.text(event_id=event["id"], type_name=TYPE, occurred_at=now, workspace_id=target.workspace_id, data=data)
        event |= {"actor_kind": "user", "actor_id": "usr_test", "webhooks_revision": 0, "deliveries": 1, "skips": []}
    session.execute(insert(Event), events)
    deliveries = [
        {
            **common,
            "id": ids.new("dlv"),
            "event_id": event["id"],
            "webhook_id": target.id,
            "event_type": TYPE,
            "status": "waiting",
            "attempt_count": 0,
            "failure_count": 0,
            "max_attempts": policy.parse(target.retry_policy).max_attempts,
            "due_at": due_at,
            "trigger": "event",
        }
        for event in events
    ]
    session.execute(insert(Delivery), deliveries)
    return [delivery["id"] for delivery in deliveries]
