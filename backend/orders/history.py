"""What was done to an order: one row for each change in its history, and the events that tell of it, in the same transaction."""

from __future__ import annotations

from typing import Any, Final

from sqlmodel import Session, col, select

from backend.audit import service as audit
from backend.core import clock, db, ids, jsjson, queue
from backend.core.actor import Actor
from backend.core.errors import TooLarge
from backend.events import service as events
from backend.models import Order, OrderChange, OrderItem
from backend.orders import money
from backend.orders.values import OrderDetail

CREATED: Final = "order.created"
UPDATED: Final = "order.updated"
MOVED: Final = "order.status_changed"

# An order, and beside it what it was before, must fit into the data of an event (256 KiB).
MAX_BYTES: Final = 96 * 1024
_TIMES: Final = ("created_at", "updated_at")


def describe(detail: OrderDetail) -> dict[str, Any]:
    """An order as it is answered and as its events tell it: plain JSON, amounts as numbers."""
    order = detail.order
    return {
        "id": order.id,
        "external_id": order.external_id,
        "provider": order.provider,
        "branch_id": order.branch_id,
        "order_type": order.order_type,
        "status": order.status,
        "items": [_item(item) for item in detail.items],
        "customer": {"name": order.customer_name, "phone": order.customer_phone},
        "delivery_address": order.delivery_address,
        "notes": order.notes,
        "currency": order.currency,
        **{name: money.shown(getattr(order, name)) for name in ("subtotal", *money.CHARGES, "total")},
        "created_at": clock.rfc3339(order.created_at),
        "updated_at": clock.rfc3339(order.updated_at),
    }


def record(
    session: Session,
    *,
    actor: Actor,
    detail: OrderDetail,
    type: str,  # noqa: A002 - the field's name
    before: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Note a change, publish its events, and tell open consoles. `before` is how the order was, as described; None for a new one.

    Raises `TooLarge` for an order of more than 96 KiB.
    """
    after = describe(detail)
    if len(jsjson.stringify_bytes(after)) > MAX_BYTES:
        raise TooLarge(f"The order is larger than {MAX_BYTES // 1024} KiB. Shorten its notes and modifiers.")
    told, then, now = dict(after), {}, after
    if before is not None:
        then, now = audit.changes(_without_times(before), _without_times(after))
        told["previous"] = then
    if reason is not None:
        told["reason"] = reason
    order = detail.order
    types = (MOVED, f"order.{order.status}") if type == MOVED else (type,)
    session.add(
        OrderChange(
            id=ids.new("och"),
            workspace_id=order.workspace_id,
            order_id=order.id,
            type=type,
            status=order.status,
            previous_status=then.get("status"),
            reason=reason,
            before=then,
            after=now,
            event_ids=[events.publish(session, actor=actor, type=each, data=told).id for each in types],
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name[:200],
        )
    )
    # The audit names what changed; the values, which may be a customer's, are in the order's own history.
    named = {"fields": sorted(now)} if before is not None else {"provider": order.provider, "external_id": order.external_id}
    moved = {"status": then["status"]} if type == MOVED else None
    audit.record(
        session, actor=actor, action=type, target_kind="order", target_id=order.id, target_name=order.external_id or "",
        before=moved, after={"status": order.status} if type == MOVED else named, reason=reason,
    )  # fmt: skip
    workspace_id = order.workspace_id
    db.after_commit(session, lambda: queue.publish(workspace_id, "orders"), key=("orders", workspace_id))


def first(session: Session, order: Order) -> dict[str, Any]:
    """How an order was when it was made."""
    query = select(OrderChange).where(
        col(OrderChange.workspace_id) == order.workspace_id, col(OrderChange.order_id) == order.id, col(OrderChange.type) == CREATED
    )
    return session.exec(query).one().after


def _item(item: OrderItem) -> dict[str, Any]:
    return {
        "product_id": item.product_id,
        "name": item.name,
        "quantity": item.quantity,
        "unit_price": money.shown(item.unit_price),
        "modifiers": item.modifiers,
        "notes": item.notes,
    }


def _without_times(described: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in described.items() if name not in _TIMES}
