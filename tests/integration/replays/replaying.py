"""A workspace with webhooks and deliveries in chosen states, and replays that run without waiting."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select, update

from backend.core import db
from backend.core.actor import Actor
from backend.models import AuditEntry, Delivery, Replay, ReplayItem, Webhook
from backend.replays import service
from backend.replays.runner import Runner
from backend.replays.service import Progress, ReplayFilter
from tests.factories import accounts
from tests.factories import deliveries as make

URL = "https://example.com/hook"


class World:
    """A workspace, its owner, and shortcuts to the service and to rows."""

    def __init__(self, owner: Actor | None = None) -> None:
        self.owner = owner or accounts.workspace()
        self.workspace_id = self.owner.workspace_id

    def webhook(self, **columns: Any) -> Webhook:
        return make.webhook(self.workspace_id, URL, **columns)

    def deliveries(self, webhook: Webhook, count: int = 1, **values: Any) -> list[str]:
        """`count` deliveries that came to an end as dead, or as `values` say."""
        found = make.publish(webhook, count=count)
        self.set(found, **{"status": "dead", "due_at": None, "error_class": "status", "attempt_count": 1} | values)
        return found

    @staticmethod
    def set(delivery_ids: list[str], **values: Any) -> None:
        with db.transaction(write=True) as session:
            session.exec(update(Delivery).where(col(Delivery.id).in_(delivery_ids)).values(**values))

    @staticmethod
    def set_webhook(webhook: Webhook, **values: Any) -> None:
        with db.transaction(write=True) as session:
            session.exec(update(Webhook).where(col(Webhook.id) == webhook.id).values(**values))

    def preview(self, **wanted: Any) -> service.Preview:
        with db.transaction() as session:
            return service.preview(session, actor=self.owner, filter=ReplayFilter(**wanted))

    def create(self, rate: float | None = 1000, reason: str = "", **wanted: Any) -> Replay:
        with db.transaction(write=True) as session:
            return service.create(session, actor=self.owner, filter=ReplayFilter(**wanted), rate=rate, reason=reason)

    def call(self, name: str, replay: Replay) -> Replay:
        with db.transaction(write=True) as session:
            return getattr(service, name)(session, actor=self.owner, replay_id=replay.id)

    def event(self, event_id: str, webhook_id: str | None = None) -> Replay:
        with db.transaction(write=True) as session:
            return service.replay_event(session, actor=self.owner, event_id=event_id, webhook_id=webhook_id)

    def get(self, replay: Replay) -> Replay:
        with db.transaction() as session:
            return service.get(session, actor=self.owner, replay_id=replay.id)

    def progress(self, replay: Replay) -> Progress:
        with db.transaction() as session:
            return service.progress(session, actor=self.owner, replays=[session.get_one(Replay, replay.id)])[replay.id]

    def items(self, replay: Replay, outcome: str | None = None) -> list[service.ItemDetail]:
        """Oldest first."""
        with db.transaction() as session:
            return service.items(session, actor=self.owner, replay_id=replay.id, outcome=outcome, limit=200).data[::-1]

    def made(self, replay: Replay) -> list[Delivery]:
        """The deliveries that a replay made, in the order in which it made them."""
        with db.transaction() as session:
            return list(session.exec(select(Delivery).where(Delivery.replay_id == replay.id).order_by(col(Delivery.id))).all())

    def delivery(self, delivery_id: str) -> Delivery:
        with db.transaction() as session:
            return session.get_one(Delivery, delivery_id)

    def audit(self) -> list[AuditEntry]:
        with db.transaction() as session:
            query = select(AuditEntry).where(AuditEntry.workspace_id == self.workspace_id, AuditEntry.target_kind == "replay")
            return list(session.exec(query.order_by(col(AuditEntry.id))).all())


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


_clock = Clock()


def runner() -> Runner:
    """A runner on the clock of `run` and `tick`."""
    return Runner(_clock)


def run(used: Runner | None = None, *, ticks: int = 2000) -> int:
    """Advance what runs, ten ticks a second, until nothing does; how many ticks that took."""
    used = used or runner()
    for number in range(ticks):
        if not tick(used, 0.1):
            return number
    return ticks


def tick(used: Runner, seconds: float = 1.0) -> bool:
    """One tick, some time after the one before; whether anything runs."""
    _clock.now += seconds
    return used.tick()


def item_rows(replay: Replay) -> list[ReplayItem]:
    """The items of a replay, oldest first."""
    with db.transaction() as session:
        return list(session.exec(select(ReplayItem).where(ReplayItem.replay_id == replay.id).order_by(col(ReplayItem.id))).all())
