"""The words of orders, and what its service answers with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backend.models import Order, OrderItem


class Provider(StrEnum):
    """Whose customers place the order."""

    UBER_EATS = "uber_eats"
    DELIVEROO = "deliveroo"
    CAREEM = "careem"
    TALABAT = "talabat"
    GENERIC = "generic"


class OrderType(StrEnum):
    """How the customer gets it."""

    DELIVERY = "delivery"
    PICKUP = "pickup"
    DINE_IN = "dine_in"


class Status(StrEnum):
    """Where an order stands, in the order of its life."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    PREPARING = "preparing"
    READY = "ready"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """An order with its items, in their order."""

    order: Order
    items: tuple[OrderItem, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """The order that a request leads to. `first` is how it was made, where this was the same request again."""

    detail: OrderDetail
    first: dict[str, Any] | None = None

    @property
    def repeated(self) -> bool:
        """Whether the order was there already."""
        return self.first is not None
