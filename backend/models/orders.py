"""Tables of orders, their items, and the history of their changes. Amounts are whole ten-thousandths of the currency's unit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from backend.models.base import IdText, JsonDoc, KeptJson, LongText, TenantRow

# Four decimals hold the smallest part of every currency, exactly and on both databases.
Amount: Any = BigInteger()


class Order(TenantRow, table=True):
    """What a customer ordered at a branch, and where it stands. `external_id` is the provider's own id of it.

    `body_hash` is of what it was made from: the same again is the same order. `search_text` is what a search looks through,
    in one case.
    """

    __tablename__: ClassVar[str] = "orders"  # pyright: ignore[reportIncompatibleVariableOverride]  # ORDER is a word of SQL
    __table_args__ = (
        UniqueConstraint("workspace_id", "provider", "external_id"),
        Index("ix_orders_list", "workspace_id", "id"),
        Index("ix_orders_status", "workspace_id", "status", "id"),
        Index("ix_orders_branch", "workspace_id", "branch_id", "id"),
        Index("ix_orders_provider", "workspace_id", "provider", "id"),
        Index("ix_orders_external", "workspace_id", "external_id", "id"),
    )
    provider: str = Field(max_length=20)
    external_id: str | None = Field(default=None, max_length=200)
    branch_id: str = Field(max_length=200)
    order_type: str = Field(max_length=12)
    status: str = Field(max_length=20)
    customer_name: str | None = Field(default=None, max_length=200)
    customer_phone: str | None = Field(default=None, max_length=40)
    delivery_address: str | None = Field(default=None, max_length=500)
    notes: str | None = Field(default=None, max_length=1000)
    currency: str | None = Field(default=None, max_length=3)
    subtotal: int | None = Field(default=None, sa_type=Amount)  # None where an item has no price
    delivery_fee: int = Field(default=0, sa_type=Amount)
    tax: int = Field(default=0, sa_type=Amount)
    tip: int = Field(default=0, sa_type=Amount)
    discount: int = Field(default=0, sa_type=Amount)
    total: int | None = Field(default=None, sa_type=Amount)
    body_hash: str = Field(max_length=64)
    search_text: str = Field(sa_type=LongText)
    created_by: str = Field(sa_type=IdText)
    updated_at: datetime


class OrderItem(TenantRow, table=True):
    """One line of an order; `position` counts from 0."""

    __table_args__ = (UniqueConstraint("order_id", "position"),)
    order_id: str = Field(sa_type=IdText)
    position: int
    product_id: str = Field(max_length=200)
    name: str | None = Field(default=None, max_length=200)
    quantity: int
    unit_price: int | None = Field(default=None, sa_type=Amount)
    modifiers: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    notes: str | None = Field(default=None, max_length=1000)


class OrderChange(TenantRow, table=True):
    """One change of an order: who, why, and each changed field before and after. The first holds the whole order as it was made.

    `event_ids` are the events that told of it.
    """

    __table_args__ = (Index("ix_order_change_list", "workspace_id", "order_id", "id"),)
    order_id: str = Field(sa_type=IdText)
    type: str = Field(max_length=40)  # order.created | order.updated | order.status_changed
    status: str = Field(max_length=20)
    previous_status: str | None = Field(default=None, max_length=20)
    reason: str | None = Field(default=None, max_length=400)
    before: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    after: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    event_ids: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    actor_kind: str = Field(max_length=12)
    actor_id: str = Field(sa_type=IdText)
    actor_name: str = Field(default="", max_length=200)
