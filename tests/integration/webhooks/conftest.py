"""A workspace, its people, and what the tests of webhooks ask the tables."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import Session, col, select

from backend.core import clock, db, ids, outbox
from backend.core.actor import Actor, ActorKind, Role
from backend.models import AuditEntry, Delivery, Event, Lane, Replay, Webhook, WebhookChange, Workspace
from backend.webhooks import service
from backend.webhooks.service import WebhookInput

URL = "https://example.com/webhooks"


class World:
    """A workspace with an administrator, and shortcuts to its rows."""

    def __init__(self) -> None:
        self.workspace_id = ids.new("wsp")
        self.admin = self.user(Role.ADMIN)
        self.emitted: list[tuple[str, dict[str, Any]]] = []
        with db.transaction(write=True) as session:
            session.add(Workspace(id=self.workspace_id, name="Acme"))

    def user(self, role: Role) -> Actor:
        return Actor(ActorKind.USER, ids.new("usr"), self.workspace_id, name="Ada", role=role)

    def create(self, **fields: Any) -> Webhook:
        with db.transaction(write=True) as session:
            wanted = WebhookInput(**{"url": URL, "events": ["order.*"], **fields})
            return service.create(session, actor=self.admin, input=wanted)[0]

    def call(self, name: str, webhook: Webhook, **more: Any) -> Any:
        with db.transaction(write=True) as session:
            return getattr(service, name)(session, actor=self.admin, webhook_id=webhook.id, **more)

    def webhook(self, webhook: Webhook) -> Webhook:
        with db.transaction() as session:
            return session.get_one(Webhook, webhook.id)

    def lane(self, webhook: Webhook) -> Lane | None:
        with db.transaction() as session:
            return session.get(Lane, webhook.id)

    def revision(self) -> int:
        with db.transaction() as session:
            return session.get_one(Workspace, self.workspace_id).webhooks_revision

    def history(self, webhook: Webhook) -> list[WebhookChange]:
        with db.transaction() as session:
            query = select(WebhookChange).where(WebhookChange.webhook_id == webhook.id)
            return list(session.exec(query.order_by(col(WebhookChange.revision))).all())

    def audit(self) -> list[AuditEntry]:
        with db.transaction() as session:
            query = select(AuditEntry).where(AuditEntry.workspace_id == self.workspace_id)
            return list(session.exec(query.order_by(col(AuditEntry.id))).all())

    def deliveries(self, webhook: Webhook) -> list[Delivery]:
        with db.transaction() as session:
            query = select(Delivery).where(Delivery.webhook_id == webhook.id)
            return list(session.exec(query.order_by(col(Delivery.id))).all())

    def replays(self, webhook: Webhook) -> list[Replay]:
        with db.transaction() as session:
            return list(session.exec(select(Replay).where(Replay.webhook_id == webhook.id).order_by(col(Replay.id))).all())

    def event(self, *skips: dict[str, Any], body: str = "{}", kind: str = "event") -> str:
        with db.transaction(write=True) as session:
            return self.add_event(session, *skips, body=body, kind=kind).id

    def add_event(self, session: Session, *skips: dict[str, Any], body: str = "{}", kind: str = "event") -> Event:
        revision = session.get_one(Workspace, self.workspace_id).webhooks_revision
        event = Event(
            id=ids.new("evt"), workspace_id=self.workspace_id, type="order.created", occurred_at=clock.now(), body=body, kind=kind,
            actor_kind="user", actor_id="usr_1", webhooks_revision=revision, skips=list(skips), trace_id="trc_1",
        )  # fmt: skip
        session.add(event)
        return event

    def waiting(self, webhook: Webhook, **values: Any) -> str:
        """A delivery that waits for its next attempt."""
        with db.transaction(write=True) as session:
            event = self.add_event(session)
            delivery = Delivery(
                id=ids.new("dlv"), workspace_id=self.workspace_id, event_id=event.id, webhook_id=webhook.id,
                event_type=event.type, max_attempts=10, due_at=clock.now(), trace_id="trc_1",
            )  # fmt: skip
            for name, value in values.items():
                setattr(delivery, name, value)
            session.add(delivery)
            return delivery.id


@pytest.fixture
def world(database: db.Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """A workspace whose operational events are collected in `emitted`."""
    assert db.database() is database
    made = World()

    def publish(_session: Session, *, actor: Actor, type: str, data: dict[str, Any]) -> None:  # noqa: A002 - the field's name
        assert actor.workspace_id == made.workspace_id
        made.emitted.append((type, data))

    monkeypatch.setattr(outbox, "_publisher", publish)
    return made
