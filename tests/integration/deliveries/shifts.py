"""Running a shift inside a test, without a worker."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Any

from sqlmodel import col, select

from backend.core import db, ids, queue
from backend.core.egress import EgressPolicy
from backend.deliveries.engine import Report, Shift
from backend.deliveries.sender import Sender
from backend.deliveries.store import Store
from backend.models import Attempt, Delivery, Lane, Webhook

LOOPBACK = EgressPolicy(allow=(ipaddress.ip_network("127.0.0.0/8"),))


async def run(
    *,
    until: Callable[[], bool] = lambda: False,
    seconds: float = 30.0,
    run_id: str | None = None,
    policy: EgressPolicy = LOOPBACK,
    hints: bool = False,
) -> Report:
    """One shift that is stopped as soon as `until` holds; without it, it ends by its deadline."""
    held = run_id or ids.new("run")
    sender = Sender(policy)
    shift = Shift(Store(lambda: held), sender, seconds=seconds, hints=hints)

    async def watch() -> None:
        while not await asyncio.to_thread(until):  # noqa: ASYNC110 - the condition is in the database
            await asyncio.sleep(0.02)
        shift.stop()

    watching = asyncio.create_task(watch())
    try:
        return await shift.run()
    finally:
        watching.cancel()
        await sender.close()
        await queue.close_async()


def shift(until: Callable[[], bool], **options: Any) -> Report:
    """The same, from a plain test."""
    return asyncio.run(run(until=until, **options))


def deliver_all(**options: Any) -> Report:
    """A shift that runs until nothing is due and nothing is in flight."""
    return shift(settled, **options)


def settled() -> bool:
    """Whether every delivery waits for a later time or is finished."""
    with db.transaction() as session:
        busy = select(Delivery.id).where(col(Delivery.status).in_(["waiting", "sending"])).limit(1)
        return session.exec(busy).first() is None


def delivery(identifier: str) -> Delivery:
    """A delivery as it stands."""
    with db.transaction() as session:
        return session.get_one(Delivery, identifier)


def attempts(identifier: str) -> list[Attempt]:
    """The attempts of a delivery, oldest first."""
    with db.transaction() as session:
        return list(session.exec(select(Attempt).where(Attempt.delivery_id == identifier).order_by(col(Attempt.id))).all())


def webhook(identifier: str) -> Webhook:
    """A webhook as it stands."""
    with db.transaction() as session:
        return session.get_one(Webhook, identifier)


def lane(identifier: str) -> Lane:
    """A webhook's lane as it stands."""
    with db.transaction() as session:
        return session.get_one(Lane, identifier)
