"""`/api/v1/orders`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import Path, Query, Response

from backend.core import pagination, permissions, web
from backend.core.parameters import Cursor, Limit
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.orders import service
from backend.orders.inputs import NewOrder, OrderUpdate, StatusChange
from backend.orders.schemas import OrderEventList, OrderEventOut, OrderList, OrderOut
from backend.orders.values import Provider, Status

router = web.Router(prefix="/orders", tags=["orders"])

OrderId = Annotated[str, Path(description="Our id of the order.", examples=["ord_01k5z7q0v6e3tbn8m2c4d9f1hn"])]

EXISTING: dict[int | str, dict[str, Any]] = {
    200: {"model": OrderOut, "description": "The same order came before; this is the first answer again."}
}


def _joined(words: type[StrEnum]) -> dict[str, Any]:
    """The schema of some of these words, joined by commas; of none, all are meant."""
    one = "|".join(words)
    return {"pattern": f"^(({one})(,({one}))*)?$"}


@router.get("", **web.needs(permissions.ORDERS_READ))
def list_orders(
    session: web.ReadSession,
    actor: web.CurrentActor,
    status: Annotated[
        str | None, Query(description="Only these, joined by commas.", examples=["pending,confirmed"], json_schema_extra=_joined(Status))
    ] = None,
    provider: Annotated[
        str | None, Query(description="Only these, joined by commas.", examples=["uber_eats"], json_schema_extra=_joined(Provider))
    ] = None,
    branch_id: Annotated[str | None, Query(description="Only of this branch.", examples=["branch-123"])] = None,
    external_id: Annotated[str | None, Query(description="Only with this id of the provider's.", examples=["4711"])] = None,
    since: Annotated[web.Moment | None, Query(description="Placed at or after this time.", examples=["2026-01-31T09:30:00Z"])] = None,
    until: Annotated[web.Moment | None, Query(description="Placed before this time.", examples=["2026-02-01T00:00:00Z"])] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            description="The beginning of an id, the provider's id, or a part of the customer's name, number or address "
            "in the newest 10,000 orders.",
        ),
    ] = None,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> OrderList:
    """Orders with their items, newest first."""
    wanted = service.Filter(status=status, provider=provider, branch_id=branch_id, external_id=external_id, since=since, until=until, q=q)
    return OrderList.of(service.list_orders(session, actor=actor, wanted=wanted, limit=limit, cursor=cursor), OrderOut.of)


@router.post("", status_code=201, responses=EXISTING, **web.needs(permissions.ORDERS_WRITE))
def create_order(
    body: NewOrder, session: web.WriteSession, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> OrderOut:
    """Place an order. It begins as pending, and `order.created` is published.

    The same `provider`, `external_id` and content again answer 200 with the first answer; another content is refused with 409.
    """

    def make() -> OrderOut:
        placed = service.create(session, actor=actor, input=body)
        if placed.first is None:
            return OrderOut.of(placed.detail)
        response.status_code = 200
        response.headers[answers.REPLAYED] = "true"
        return OrderOut.told(placed.first)

    return answers.once(
        session, actor=actor, route="POST /api/v1/orders", key=idempotency_key, body=body, response=response, make=make, answer=OrderOut
    )


@router.get("/{order_id}", **web.needs(permissions.ORDERS_READ))
def read_order(order_id: OrderId, session: web.ReadSession, actor: web.CurrentActor) -> OrderOut:
    """One order, with where it stands and where it can go from there."""
    return OrderOut.of(service.get(session, actor=actor, order_id=order_id))


@router.change("/{order_id}", **web.needs(permissions.ORDERS_WRITE))
def update_order(order_id: OrderId, body: OrderUpdate, session: web.WriteSession, actor: web.CurrentActor) -> OrderOut:
    """Change an order; what is sent changes, and `order.updated` is published.

    What is ordered, what it costs and where it goes may change until it is being prepared; customer and notes always.
    """
    return OrderOut.of(service.update(session, actor=actor, order_id=order_id, changes=body))


@router.put("/{order_id}/status", **web.needs(permissions.ORDERS_WRITE))
def set_order_status(order_id: OrderId, body: StatusChange, session: web.WriteSession, actor: web.CurrentActor) -> OrderOut:
    """Move an order: pending, confirmed, preparing, ready, out_for_delivery, delivered, completed; cancelled until it is delivered.

    Orders that are not delivered skip out_for_delivery. A wrong move is refused with 409, which names the allowed ones; the status
    that it has already is no move. Publishes `order.status_changed` and the event named for the status, such as `order.confirmed`.
    """
    return OrderOut.of(service.set_status(session, actor=actor, order_id=order_id, status=body.status, reason=body.reason))


@router.get("/{order_id}/events", **web.needs(permissions.ORDERS_READ))
def list_order_events(
    order_id: OrderId,
    session: web.ReadSession,
    actor: web.CurrentActor,
    limit: Limit = pagination.DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> OrderEventList:
    """Everything that was done to an order, newest first: by whom, why, and what changed."""
    page = service.list_changes(session, actor=actor, order_id=order_id, limit=limit, cursor=cursor)
    return OrderEventList.of(page, OrderEventOut.of)
