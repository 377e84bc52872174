"""What may be said about an order: every field checked, every mistake told at once, by the routes and by whoever brings orders in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema, model_validator

from backend.core import validation
from backend.core.web import Body
from backend.orders import money, older_names
from backend.orders.values import OrderType, Provider, Status

MAX_ITEMS = 100
MAX_QUANTITY = 1000
MAX_MODIFIERS = 50

_CODE = re.compile("[A-Z]{3}")

Model = TypeVar("Model", bound=Body)


def _amount(digits: int) -> Any:
    largest = 10**digits
    numbers = {"type": "number", "minimum": 0, "maximum": largest}
    texts = {"type": "string", "pattern": rf"^[0-9]{{1,{digits}}}(\.[0-9]{{1,4}})?$"}
    return (PlainValidator(lambda value: money.parse(value, largest=largest)), WithJsonSchema({"anyOf": [numbers, texts]}))


def _visible(value: str) -> str:
    if not value.strip():
        raise ValueError("is blank; send a text")
    return value.strip()


def _one_text(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ValueError("is in parts; write the whole address as one text, such as 123 Main St, Dubai")  # noqa: TRY004 - what pydantic tells
    return value


def _clean(value: str | None) -> str | None:
    return (value or "").strip() or None


def _whole(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError(f"is no whole number; send 1 to {MAX_QUANTITY:,}")  # noqa: TRY004 - what pydantic tells as the field's error
    return value


def _currency(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise ValueError("is no currency code; send three capital letters, such as AED")
    return value


Price = Annotated[int, *_amount(8)]
Total = Annotated[int, *_amount(13)]
Identifier = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"pattern": r"\S"}), AfterValidator(_visible)]
Line = Annotated[Annotated[str, Field(max_length=200)] | None, AfterValidator(_clean)]
Phone = Annotated[Annotated[str, Field(max_length=40)] | None, AfterValidator(_clean)]
Address = Annotated[Annotated[str, Field(max_length=500)] | None, BeforeValidator(_one_text), AfterValidator(_clean)]
Notes = Annotated[Annotated[str, Field(max_length=1000)] | None, AfterValidator(_clean)]
Reason = Annotated[Annotated[str, Field(max_length=400)] | None, AfterValidator(_clean)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY), BeforeValidator(_whole)]
Currency = Annotated[str, AfterValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})]
Word = BeforeValidator(older_names.word)


class ItemInput(Body):
    """One line of an order."""

    product_id: Identifier = Field(description="The product, by the id that the branch knows it by.", examples=["product-456"])
    quantity: Quantity = Field(description="How many, 1 to 1,000.", examples=[2])
    name: Line = Field(default=None, description="What it is called.", examples=["Margherita"])
    unit_price: Price | None = Field(
        default=None, description="The price of one, its modifiers included. A number or a text, to four decimals.", examples=[8.5]
    )
    modifiers: list[Identifier] = Field(
        default_factory=list[str],
        max_length=MAX_MODIFIERS,
        description="What is asked for beside the product.",
        examples=[["extra-cheese"]],
    )
    notes: Notes = Field(default=None, description="For the kitchen.", examples=["No onions"])

    @model_validator(mode="before")
    @classmethod
    def _translate(cls, body: Any) -> Any:
        return older_names.item(body)


class CustomerInput(Body):
    """The customer as one object, as orders are answered; instead of `customer_name` and `customer_phone`."""

    name: Line = Field(default=None, description="Name.", examples=["John Doe"])
    phone: Phone = Field(default=None, description="Telephone number.", examples=["+971501234567"])


class OrderFields(Body):
    """What a partner says of an order."""

    branch_id: Identifier = Field(default_factory=str, description="The branch that makes it.", examples=["branch-123"])
    order_type: Annotated[OrderType, Word] = Field(
        default_factory=lambda: OrderType.DELIVERY, description="How the customer gets it.", examples=["delivery"]
    )
    items: list[ItemInput] = Field(
        default_factory=list[ItemInput], min_length=1, max_length=MAX_ITEMS, description="All items of the order, 1 to 100."
    )
    customer: CustomerInput | None = Field(default=None, description="Instead of `customer_name` and `customer_phone`, which win over it.")
    customer_name: Line = Field(default=None, description="Who ordered.", examples=["John Doe"])
    customer_phone: Phone = Field(default=None, description="How to reach them.", examples=["+971501234567"])
    delivery_address: Address = Field(
        default=None,
        description="Where it goes. Null where the provider's own couriers know it, and where nothing is delivered.",
        examples=["123 Main St, Dubai"],
    )
    notes: Notes = Field(default=None, description="For the branch.", examples=["Ring twice"])
    currency: Currency | None = Field(default=None, description="Of every amount, by ISO 4217.", examples=["AED"])
    delivery_fee: Price = Field(default=0, description="Added to the items.", examples=[0])
    tax: Price = Field(default=0, description="Added to the items; 0 where prices include it.", examples=[0])
    tip: Price = Field(default=0, description="Added to the items.", examples=[0])
    discount: Price = Field(default=0, description="Taken off.", examples=[0])
    total: Total | None = Field(
        default=None,
        description="What is to be paid. Where every item has a price it must be their sum with what is added and taken off; "
        "left out, it is computed.",
        examples=[17],
    )

    def given(self) -> dict[str, Any]:
        """What was sent, as plain JSON under the names of the order's columns, amounts in ten-thousandths; without the reason."""
        sent = self.model_dump(mode="json", include=self.model_fields_set - {"customer", "reason"})
        if self.customer is not None:
            told = self.customer.model_dump(include=self.customer.model_fields_set)
            sent = {f"customer_{name}": value for name, value in told.items()} | sent
        return sent


class OrderUpdate(OrderFields):
    """What is sent changes: customer and notes always, all else until the order is being prepared."""

    reason: Reason = Field(default=None, description="Why; kept in the order's history.", examples=["The customer called"])


class NewOrder(OrderFields):
    """A new order. The same `provider`, `external_id` and body again give the first answer; another body is refused."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "branch_id": "branch-123",
                    "order_type": "delivery",
                    "items": [{"product_id": "product-456", "quantity": 2, "unit_price": 8.5, "modifiers": ["extra-cheese"]}],
                    "customer_name": "John Doe",
                    "customer_phone": "+971501234567",
                    "delivery_address": "123 Main St, Dubai",
                    "provider": "uber_eats",
                    "external_id": "4711",
                    "total": 17,
                }
            ]
        }
    )
    branch_id: Identifier = Field(description="The branch that makes it.", examples=["branch-123"])
    order_type: Annotated[OrderType, Word] = Field(description="How the customer gets it.", examples=["delivery"])
    items: list[ItemInput] = Field(min_length=1, max_length=MAX_ITEMS, description="What is ordered, 1 to 100 items.")
    provider: Annotated[Provider, Word] = Field(default=Provider.GENERIC, description="Whose customer ordered.", examples=["uber_eats"])
    external_id: Identifier | None = Field(default=None, description="The provider's own id of the order.", examples=["4711"])

    @model_validator(mode="before")
    @classmethod
    def _translate(cls, body: Any) -> Any:
        return older_names.order(body)


class StatusChange(Body):
    """Where the order goes, and why."""

    status: Annotated[Status, Word] = Field(description="The status to move to.", examples=["confirmed"])
    reason: Reason = Field(default=None, description="Why; kept in the order's history and told in its events.", examples=["Out of stock"])


class Identity(Body):
    """What an order from elsewhere is known by."""

    provider: Annotated[Provider, Word] = Provider.GENERIC
    external_id: Identifier


def parse(model: type[Model], values: Mapping[str, Any]) -> Model:
    """Values from elsewhere than a route, checked in the same way. Raises `Invalid` with every mistake."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise validation.from_framework(error.errors(), known=model.model_fields) from None
