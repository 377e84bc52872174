"""What the routes of orders answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from backend.core.web import ListOut, Out
from backend.models import OrderChange
from backend.orders import service, transitions
from backend.orders.values import OrderDetail, OrderType, Provider, Status


class ItemOut(Out):
    """One line of an order."""

    product_id: str = Field(description="The product, by the id that the branch knows it by.", examples=["product-456"])
    name: str | None = Field(description="What it is called.", examples=["Margherita"])
    quantity: int = Field(description="How many.", examples=[2])
    unit_price: float | None = Field(description="The price of one, its modifiers included.", examples=[8.5])
    modifiers: list[str] = Field(description="What is asked for beside the product.", examples=[["extra-cheese"]])
    notes: str | None = Field(description="For the kitchen.", examples=["No onions"])


class CustomerOut(Out):
    """Who ordered."""

    name: str | None = Field(description="Name.", examples=["John Doe"])
    phone: str | None = Field(description="Telephone number.", examples=["+971501234567"])


class OrderOut(Out):
    """An order, and where it stands."""

    id: str = Field(description="Our id of it.", examples=["ord_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    external_id: str | None = Field(description="The provider's own id of it.", examples=["4711"])
    provider: Provider = Field(description="Whose customer ordered.", examples=["uber_eats"])
    branch_id: str = Field(description="The branch that makes it.", examples=["branch-123"])
    order_type: OrderType = Field(description="How the customer gets it.", examples=["delivery"])
    status: Status = Field(description="Where it stands.", examples=["pending"])
    allowed_statuses: list[Status] = Field(description="Where it can go from here.", examples=[["confirmed", "cancelled"]])
    items: list[ItemOut] = Field(description="What is ordered.")
    customer: CustomerOut = Field(description="Who ordered.")
    customer_name: str | None = Field(description="The same as `customer.name`.", examples=["John Doe"])
    customer_phone: str | None = Field(description="The same as `customer.phone`.", examples=["+971501234567"])
    delivery_address: str | None = Field(description="Where it goes.", examples=["123 Main St, Dubai"])
    notes: str | None = Field(description="For the branch.", examples=["Ring twice"])
    currency: str | None = Field(description="Of every amount, by ISO 4217.", examples=["AED"])
    subtotal: float | None = Field(description="What the items come to; null where one has no price.", examples=[17])
    delivery_fee: float = Field(description="Added to the items.", examples=[0])
    tax: float = Field(description="Added to the items.", examples=[0])
    tip: float = Field(description="Added to the items.", examples=[0])
    discount: float = Field(description="Taken off.", examples=[0])
    total: float | None = Field(description="What is to be paid; null where nobody said.", examples=[17])
    created_at: datetime = Field(description="When it was placed.", examples=["2026-01-31T09:30:00Z"])
    updated_at: datetime = Field(description="When it was last changed or moved.", examples=["2026-01-31T09:30:00Z"])

    @classmethod
    def of(cls, detail: OrderDetail) -> OrderOut:
        """From an order as it is now."""
        return cls.told(service.describe(detail))

    @classmethod
    def told(cls, described: Mapping[str, Any]) -> OrderOut:
        """From the description of an order, of now or of then."""
        customer = described["customer"]
        onward = transitions.allowed(Status(described["status"]), OrderType(described["order_type"]))
        return cls.model_validate(
            {**described, "customer_name": customer["name"], "customer_phone": customer["phone"], "allowed_statuses": onward}
        )


class OrderList(ListOut[OrderOut]):
    """A page of orders, newest first."""


class ActorOut(Out):
    """Who did it."""

    kind: str = Field(description="user, key or system", examples=["key"])
    id: str = Field(description="The user or the API key.", examples=["key_01k5z7q0v6e3tbn8m2c4d9f1hq"])
    name: str = Field(description="Its name at that time.", examples=["Partner integration"])


class OrderEventOut(Out):
    """One change of an order: what, when, by whom and why."""

    id: str = Field(description="The id of this entry.", examples=["och_01k5z7q0v6e3tbn8m2c4d9f1hr"])
    order_id: str = Field(description="The order.", examples=["ord_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    type: str = Field(description="order.created, order.updated or order.status_changed", examples=["order.status_changed"])
    status: Status = Field(description="Where the order stood after it.", examples=["confirmed"])
    previous_status: Status | None = Field(description="Where it stood before, if it moved.", examples=["pending"])
    reason: str | None = Field(description="Why, as its maker said.", examples=["Out of stock"])
    actor: ActorOut = Field(description="Who did it.")
    previous: dict[str, Any] = Field(description="Every changed field as it was.", examples=[{"status": "pending"}])
    changes: dict[str, Any] = Field(description="Every changed field as it became.", examples=[{"status": "confirmed"}])
    event_ids: list[str] = Field(description="The events that told of it.", examples=[["evt_01k5z7q0v6e3tbn8m2c4d9f1hx"]])
    created_at: datetime = Field(description="When.", examples=["2026-01-31T09:30:00Z"])

    @classmethod
    def of(cls, change: OrderChange) -> OrderEventOut:
        """From its row."""
        actor = {"kind": change.actor_kind, "id": change.actor_id, "name": change.actor_name}
        return cls.model_validate({**change.model_dump(), "actor": actor, "previous": change.before, "changes": change.after})


class OrderEventList(ListOut[OrderEventOut]):
    """A page of an order's history, newest first."""
