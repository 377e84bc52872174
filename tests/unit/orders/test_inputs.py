"""What may be said about an order, under which names, and what every mistake is told as."""

from __future__ import annotations

from typing import Any

import pytest

from backend.core.errors import Invalid
from backend.orders import inputs
from backend.orders.inputs import NewOrder, OrderUpdate, StatusChange

# The body of the older restaurant platform's document.
OLDER: dict[str, Any] = {
    "branchId": "branch-123",
    "orderType": "delivery",
    "items": [{"productId": "product-456", "quantity": 2, "modifiers": ["extra-cheese"]}],
    "customerName": "John Doe",
    "customerPhone": "+971501234567",
    "deliveryAddress": "123 Main St, Dubai",
}


def wrong(values: dict[str, Any], model: Any = NewOrder) -> dict[str, str]:
    """The messages by the path of each mistake."""
    with pytest.raises(Invalid) as refused:
        inputs.parse(model, values)
    return {error.path: f"{error.message} {error.fix}".strip() for error in refused.value.errors}


def test_the_older_documents_body_is_understood():
    assert inputs.parse(NewOrder, OLDER).given() == {
        "branch_id": "branch-123",
        "order_type": "delivery",
        "items": [
            {"product_id": "product-456", "quantity": 2, "name": None, "unit_price": None, "modifiers": ["extra-cheese"], "notes": None}
        ],
        "customer_name": "John Doe",
        "customer_phone": "+971501234567",
        "delivery_address": "123 Main St, Dubai",
    }


def test_what_an_answer_holds_can_be_sent_back():
    sent = inputs.parse(OrderUpdate, {"customer": {"name": "Jane Doe", "phone": None}, "customer_name": "J. Doe"}).given()
    assert sent == {"customer_name": "J. Doe", "customer_phone": None}
    assert inputs.parse(OrderUpdate, {"customer": {"phone": " 1 "}}).given() == {"customer_phone": "1"}
    assert inputs.parse(OrderUpdate, {"notes": "  "}).given() == {"notes": None}
    assert inputs.parse(OrderUpdate, {"reason": "Because"}).given() == {}


@pytest.mark.parametrize("word", ["out_for_delivery", "OUT_FOR_DELIVERY", "outForDelivery", "out-for-delivery", "Out for delivery"])
def test_words_are_understood_however_they_are_written(word: str):
    assert inputs.parse(StatusChange, {"status": word}).status == "out_for_delivery"


@pytest.mark.parametrize(
    ("sent", "name", "kept"),
    [
        ({"orderType": "DINE_IN"}, "order_type", "dine_in"),
        ({"provider": "UberEats"}, "provider", "uber_eats"),
        ({"provider": "ubereats"}, "provider", "uber_eats"),
        ({"id": "4711"}, "external_id", "4711"),
        ({"id": "1", "externalId": "4711"}, "external_id", "4711"),
        ({"total": "17.00"}, "total", 170_000),
    ],
)
def test_names_and_words_of_partners_are_ours(sent: dict[str, Any], name: str, kept: Any):
    assert inputs.parse(NewOrder, OLDER | sent).given()[name] == kept


def test_an_items_price_may_be_called_so():
    items = [{"id": "p", "quantity": 1, "price": 2}, {"productId": "q", "id": "x", "quantity": 1, "unitPrice": 3, "price": 9}]
    kept = inputs.parse(NewOrder, OLDER | {"items": items}).given()["items"]
    assert [(item["product_id"], item["unit_price"]) for item in kept] == [("p", 20_000), ("q", 30_000)]


@pytest.mark.parametrize(
    ("name", "longest"), [("customer_name", 200), ("customer_phone", 40), ("delivery_address", 500), ("notes", 1000), ("reason", 400)]
)
def test_a_text_is_null_blank_or_as_long_as_is_kept(name: str, longest: int):
    for text in (None, "", "  ", "x" * longest):
        assert getattr(inputs.parse(OrderUpdate, {name: text}), name) == ((text or "").strip() or None)
    assert wrong({name: "x" * (longest + 1)}, OrderUpdate) == {name: f"is out of range. Use at most {longest} characters."}


def test_an_address_in_parts_is_refused_with_how_to_write_it():
    told = "is in parts. Write the whole address as one text, such as 123 Main St, Dubai."
    assert wrong({"delivery_address": {"street": "Main St"}}, OrderUpdate) == {"delivery_address": told}


def test_every_mistake_is_told_at_once():
    found = wrong(
        {
            "items": [{"product_id": " ", "quantity": True, "unit_price": -1, "colour": "red"}, {"productId": 4, "quantity": 0}],
            "order_type": "drone",
            "provider": "nobody",
            "currency": "aed",
            "total": "a lot",
            "customer": {"nickname": "J"},
            "branchID": "b",
        }
    )
    assert found == {
        "branch_id": "is missing. Send it.",
        "order_type": "is the text 'drone'. Use 'delivery', 'pickup' or 'dine_in'.",
        "items[0].product_id": "is blank. Send a text.",
        "items[0].quantity": "is no whole number. Send 1 to 1,000.",
        "items[0].unit_price": "is out of range. Use 0 to 100,000,000.",
        "items[0].colour": "is not a field of this request. Leave it out.",
        "items[1].productId": "is a number. Send a text.",
        "items[1].quantity": "is out of range. Use at least 1.",
        "provider": "is the text 'nobody'. Use 'uber_eats', 'deliveroo', 'careem', 'talabat' or 'generic'.",
        "currency": "is no currency code. Send three capital letters, such as AED.",
        "total": "is no amount. Send a number such as 8.5.",
        "customer.nickname": "is not a field of this request. Leave it out.",
        "branchID": "is not a field of this request. Did you mean branch_id?",
    }


@pytest.mark.parametrize("items", [[], None, {}, [OLDER["items"][0]] * 101, ["pizza"]])
def test_an_order_has_1_to_100_items(items: Any):
    assert next(iter(wrong(OLDER | {"items": items}))).startswith("items")


@pytest.mark.parametrize("name", ["branch_id", "order_type", "items", "delivery_fee"])
def test_what_every_order_has_cannot_be_taken_away(name: str):
    assert name in wrong({name: None}, OrderUpdate)


@pytest.mark.parametrize("name", ["provider", "external_id", "status", "subtotal"])
def test_what_an_order_is_known_by_and_where_it_stands_are_not_changed_here(name: str):
    assert wrong({name: "generic"}, OrderUpdate)[name].startswith("is not a field of this request.")
