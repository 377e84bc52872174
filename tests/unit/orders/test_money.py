"""Amounts: exact, however they are sent, and checked against what the items come to."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.orders import money

LARGEST = 10**8


def values(*items: tuple[int, int | None], **more: Any) -> dict[str, Any]:
    """An order's values: items as (quantity, price), the rest nothing unless given."""
    lines = [{"quantity": quantity, "unit_price": price} for quantity, price in items]
    return {"items": lines, "total": None, **dict.fromkeys(money.CHARGES, 0), **more}


@given(st.integers(0, LARGEST * money.UNIT))
def test_an_amount_survives_being_sent_as_a_number_and_as_a_text(amount: int):
    number = json.loads(json.dumps(money.shown(amount)))
    assert money.parse(number, largest=LARGEST) == amount
    assert money.parse(f"{Decimal(amount) / money.UNIT:.4f}", largest=LARGEST) == amount


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (8.5, 85_000),
        (17, 170_000),
        ("8.50", 85_000),
        (0.1 + 0.2, 3_000),  # 0.30000000000000004
        (1e-7, 0),
        (0.00005, 0),  # half to even
        (0.00015, 2),
        (0, 0),
        (-0.0, 0),
        (LARGEST, LARGEST * money.UNIT),
    ],
)
def test_floats_count_as_the_decimal_they_are_written_as(sent: Any, kept: int):
    assert money.parse(sent, largest=LARGEST) == kept


@pytest.mark.parametrize(
    "sent",
    [True, None, [], {}, "", " 8.5", "8,5", "1e3", "-1", "٨", "8.", "1_000", "NaN", "8.12345", -1, -0.01, LARGEST + 1, 1e300,
     float("nan"), float("inf"), 10**400],
)  # fmt: skip
def test_what_is_no_amount_is_refused(sent: Any):
    with pytest.raises(ValueError, match=r"is no amount|is out of range"):
        money.parse(sent, largest=LARGEST)


def test_whole_amounts_are_shown_as_whole_numbers():
    assert [money.shown(amount) for amount in (170_000, 85_000, 1, 0, None)] == [17, 8.5, 0.0001, 0, None]
    assert isinstance(money.shown(170_000), int)


def test_the_total_is_computed_where_every_item_has_a_price():
    settled = money.settle(values((2, 85_000), (1, 40_000), delivery_fee=50_000, tax=10_000, tip=5_000, discount=20_000), stated=True)
    assert (settled["subtotal"], settled["total"]) == (210_000, 255_000)


def test_a_total_that_is_sent_must_be_what_the_items_come_to():
    assert money.settle(values((2, 85_000), total=170_000), stated=True)["total"] == 170_000
    with pytest.raises(Invalid) as refused:
        money.settle(values((2, 85_000), total=180_000), stated=True)
    error = refused.value.errors[0]
    assert (error.path, error.fix) == ("total", "Send 17, or leave it out; it is computed.")
    assert error.message == "is 18, but items, delivery fee, tax and tip less the discount come to 17."


def test_a_total_without_prices_is_taken_as_it_is_sent_and_not_kept_for_other_items():
    assert money.settle(values((2, None), (1, 5), total=170_000), stated=True)["total"] == 170_000
    assert money.settle(values((2, None), total=170_000), stated=False)["total"] is None
    assert money.settle(values((2, None)), stated=True)["subtotal"] is None


def test_a_discount_cannot_be_more_than_the_rest():
    assert money.settle(values((1, 10_000), discount=10_000), stated=True)["total"] == 0
    with pytest.raises(Invalid) as refused:
        money.settle(values((1, 10_000), tip=5_000, discount=15_001), stated=True)
    assert (refused.value.errors[0].path, refused.value.errors[0].fix) == ("discount", "Use at most 1.5.")
