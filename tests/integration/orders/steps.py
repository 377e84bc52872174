"""What tests of orders do with one, and where its events went."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import col, select

from backend.core import db
from backend.core.actor import Actor
from backend.models import Event
from backend.orders import inputs, service
from backend.orders.service import NewOrder, OrderDetail, OrderUpdate, Placed, Status

BODY: dict[str, Any] = {
    "provider": "uber_eats",
    "external_id": "4711",
    "branch_id": "branch-123",
    "order_type": "delivery",
    "items": [{"product_id": "product-456", "quantity": 2, "unit_price": 8.5, "modifiers": ["extra-cheese"]}],
    "customer_name": "John Doe",
    "customer_phone": "+971 50 123 4567",
    "delivery_address": "123 Main St, Dubai",
}
WAY = [Status.CONFIRMED, Status.PREPARING, Status.READY, Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.COMPLETED]


def place(actor: Actor, **changes: Any) -> Placed:
    """An order placed in a transaction of its own."""
    with db.transaction(write=True) as session:
        return service.create(session, actor=actor, input=inputs.parse(NewOrder, BODY | changes))


def placed(actor: Actor, **changes: Any) -> str:
    """The id of a new order."""
    return place(actor, **changes).detail.order.id


def change(actor: Actor, order_id: str, **changes: Any) -> OrderDetail:
    """An order changed in a transaction of its own."""
    with db.transaction(write=True) as session:
        return service.update(session, actor=actor, order_id=order_id, changes=inputs.parse(OrderUpdate, changes))


def move(actor: Actor, order_id: str, *statuses: Status, reason: str | None = None) -> None:
    """An order moved step by step, each in a transaction of its own."""
    for status in statuses:
        with db.transaction(write=True) as session:
            service.set_status(session, actor=actor, order_id=order_id, status=status, reason=reason)


def bring(actor: Actor, **values: Any) -> OrderDetail:
    """An order brought in from elsewhere."""
    with db.transaction(write=True) as session:
        return service.upsert(session, actor=actor, values=values)


def read(actor: Actor, order_id: str) -> dict[str, Any]:
    """An order as it is told."""
    with db.transaction() as session:
        return service.describe(service.get(session, actor=actor, order_id=order_id))


def events(actor: Actor) -> list[tuple[str, dict[str, Any]]]:
    """Type and data of every event of the workspace, oldest first."""
    with db.transaction() as session:
        found = session.exec(select(Event).where(col(Event.workspace_id) == actor.workspace_id).order_by(col(Event.id))).all()
        return [(event.type, json.loads(event.body)["data"]) for event in found]


def types(actor: Actor) -> list[str]:
    """The types of those events."""
    return [name for name, _ in events(actor)]
