"""Orders that several callers place and move at the same moment: one order, and one of two moves that exclude each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlmodel import select

from backend.core import db
from backend.core.errors import Conflict, CrossdockError
from backend.models import Order, OrderItem
from backend.orders.service import Placed, Status
from tests.factories import accounts
from tests.integration.orders import steps
from tests.integration.orders.steps import BODY, WAY

pytestmark = pytest.mark.usefixtures("database", "redis")
THREADS = 6


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each piece of work gave, or the error that it met; all begin at the same moment."""
    line = threading.Barrier(len(works))

    def begin(work: Callable[[], object]) -> object:
        line.wait(10)
        try:
            return work()
        except CrossdockError as error:
            return error

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(begin, works))


def test_the_same_order_sent_at_once_is_placed_once():
    owner = accounts.workspace()
    found = at_once(*[lambda: steps.place(owner)] * THREADS)
    placed = [each for each in found if isinstance(each, Placed)]
    assert len(placed) == THREADS, found
    assert len({each.detail.order.id for each in placed}) == 1
    assert sorted(each.repeated for each in placed) == [False] + [True] * (THREADS - 1)
    assert steps.types(owner) == ["order.created"]
    with db.transaction() as session:
        assert (len(session.exec(select(Order)).all()), len(session.exec(select(OrderItem)).all())) == (1, 1)


def test_different_orders_under_one_id_at_once_are_one_order_and_refusals():
    owner = accounts.workspace()
    found = at_once(*[lambda number=number: steps.place(owner, notes=str(number)) for number in range(THREADS)])
    assert sum(isinstance(each, Placed) for each in found) == 1
    assert sum(isinstance(each, Conflict) for each in found) == THREADS - 1
    assert steps.types(owner) == ["order.created"]


def test_an_order_brought_in_at_once_by_several_is_placed_once_and_moved_once():
    owner = accounts.workspace()
    found = at_once(*[lambda number=number: steps.bring(owner, **BODY | {"notes": str(number)}, status="confirmed") for number in range(4)])
    assert not [each for each in found if isinstance(each, CrossdockError)]
    assert sorted(steps.types(owner)) == ["order.confirmed", "order.created", "order.status_changed", *["order.updated"] * 3]


@pytest.mark.parametrize(
    ("start", "first", "second"),
    [
        (Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.CANCELLED),
        (Status.READY, Status.OUT_FOR_DELIVERY, Status.DELIVERED),
        (Status.PENDING, Status.CANCELLED, Status.PREPARING),
    ],
)
def test_of_two_moves_that_exclude_each_other_one_wins_and_the_other_is_refused(start: Status, first: Status, second: Status):
    owner = accounts.workspace()
    for number in range(3):
        order_id = steps.placed(owner, external_id=str(number))
        steps.move(owner, order_id, *(WAY[: WAY.index(start) + 1] if start in WAY else ()))
        before = len(steps.events(owner))
        wishes = [lambda: steps.move(owner, order_id, first), lambda: steps.move(owner, order_id, second)]  # noqa: B023 - run before the next round
        refused = [each for each in at_once(*wishes) if each is not None]
        status = steps.read(owner, order_id)["status"]
        if start is Status.READY and status == "delivered":  # one after the other is the way
            assert refused == []
            continue
        assert len(refused) == 1
        assert isinstance(refused[0], Conflict)
        assert f"that is {status} cannot become" in refused[0].detail or f"that is {start} cannot become" in refused[0].detail
        assert steps.types(owner)[before:] == ["order.status_changed", f"order.{status}"]


def test_the_same_move_made_at_once_is_made_once():
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    found = at_once(*[lambda: steps.move(owner, order_id, Status.CONFIRMED)] * THREADS)
    assert found == [None] * THREADS
    assert steps.types(owner) == ["order.created", "order.status_changed", "order.confirmed"]
