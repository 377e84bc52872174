"""The status machine of orders: every pair of statuses for every type, and every walk through it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.orders import transitions
from backend.orders.transitions import Move, Refusal, Stay
from backend.orders.values import OrderType, Status

# What the product says, written out.
DELIVERED_ORDERS = {
    "pending": {"confirmed", "cancelled"},
    "confirmed": {"preparing", "cancelled"},
    "preparing": {"ready", "cancelled"},
    "ready": {"out_for_delivery", "cancelled"},
    "out_for_delivery": {"delivered", "cancelled"},
    "delivered": {"completed"},
    "completed": set[str](),
    "cancelled": set[str](),
}
OTHER_ORDERS = DELIVERED_ORDERS | {"ready": {"delivered", "cancelled"}}
PAIRS = list(itertools.product(OrderType, Status, Status))


def possible(order_type: OrderType, status: Status) -> set[str]:
    """Where an order may go, by the table above."""
    return (DELIVERED_ORDERS if order_type is OrderType.DELIVERY else OTHER_ORDERS)[status]


@pytest.mark.parametrize(("order_type", "status", "wanted"), PAIRS)
def test_every_pair_of_statuses_is_a_move_no_move_or_refused_by_name(order_type: OrderType, status: Status, wanted: Status):
    decision = transitions.decide(status, wanted, order_type)
    if wanted is status:
        assert decision == Stay(status)
    elif wanted in possible(order_type, status):
        assert decision == Move(status, wanted)
    else:
        assert isinstance(decision, Refusal)
        assert set(decision.allowed) == possible(order_type, status)
        assert f"is {status} cannot become {wanted}." in decision.sentence
        for name in decision.allowed:
            assert name in decision.sentence.partition(". ")[2]


@given(st.sampled_from(OrderType), st.lists(st.sampled_from(Status), max_size=40))
def test_no_walk_goes_back_or_leaves_an_end(order_type: OrderType, wishes: list[Status]):
    status, seen = Status.PENDING, [Status.PENDING]
    for wanted in wishes:
        decision = transitions.decide(status, wanted, order_type)
        if isinstance(decision, Move):
            status = decision.status
            seen.append(status)
    places = [list(Status).index(each) for each in seen]
    assert places == sorted(set(places))
    if order_type is not OrderType.DELIVERY:
        assert Status.OUT_FOR_DELIVERY not in seen
    if Status.CANCELLED in seen:
        assert seen[-1] is Status.CANCELLED
        assert Status.DELIVERED not in seen


@pytest.mark.parametrize("order_type", OrderType)
def test_every_order_can_be_completed_one_step_at_a_time(order_type: OrderType):
    status, steps = Status.PENDING, 0
    while (onward := transitions.allowed(status, order_type)) and steps < 10:
        status, steps = onward[0], steps + 1
    assert status is Status.COMPLETED
    assert steps == (6 if order_type is OrderType.DELIVERY else 5)


def test_what_is_ordered_may_change_until_it_is_being_prepared():
    assert {status for status in Status if transitions.may_edit(status)} == {Status.PENDING, Status.CONFIRMED}
