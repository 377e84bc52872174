"""Orders: placed once, changed while they may be, moved along their way, and everything of it told."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlmodel import select

from backend.core import db
from backend.core.actor import Role
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from backend.event_types.catalogue import BUILT_IN
from backend.events import service as publishing
from backend.models import AuditEntry, Order, OrderChange, OrderItem
from backend.orders import service
from backend.orders.service import Filter, Status
from tests.factories import accounts
from tests.integration.orders import steps
from tests.integration.orders.steps import BODY, WAY

pytestmark = pytest.mark.usefixtures("database", "redis")
MONEY = ("subtotal", "delivery_fee", "tax", "tip", "discount", "total")


def test_an_order_begins_as_pending_with_what_was_sent_and_what_it_comes_to():
    owner = accounts.workspace()
    made = steps.place(owner, delivery_fee=5, notes="Ring twice", currency="AED")
    assert not made.repeated
    told = steps.read(owner, made.detail.order.id)
    assert told.pop("id").startswith("ord_")
    assert told.pop("created_at") == told.pop("updated_at")
    item = {"product_id": "product-456", "name": None, "quantity": 2, "unit_price": 8.5, "modifiers": ["extra-cheese"], "notes": None}
    assert told == {
        "provider": "uber_eats", "external_id": "4711", "branch_id": "branch-123", "order_type": "delivery", "status": "pending",
        "items": [item], "customer": {"name": "John Doe", "phone": "+971 50 123 4567"}, "delivery_address": "123 Main St, Dubai",
        "notes": "Ring twice", "currency": "AED", "subtotal": 17, "delivery_fee": 5, "tax": 0, "tip": 0, "discount": 0, "total": 22,
    }  # fmt: skip


def test_the_same_order_again_is_the_first_answer_and_another_is_refused():
    owner = accounts.workspace()
    first = steps.place(owner)
    as_placed = steps.read(owner, first.detail.order.id)
    steps.move(owner, first.detail.order.id, Status.CONFIRMED)
    again = steps.place(owner, total="17.00", notes=None)
    assert again.repeated
    assert again.first == as_placed
    with pytest.raises(Conflict) as refused:
        steps.place(owner, notes="Ring twice")
    assert f"PATCH /api/v1/orders/{first.detail.order.id}" in refused.value.detail
    assert steps.types(owner) == ["order.created", "order.status_changed", "order.confirmed"]


def test_an_external_id_is_one_order_of_its_provider_and_workspace():
    owner, other = accounts.workspace(), accounts.workspace()
    made = {steps.placed(owner), steps.placed(owner, provider="deliveroo"), steps.placed(other)}
    made |= {steps.placed(owner, external_id=None), steps.placed(owner, external_id=None)}
    assert len(made) == 5


def test_orders_are_counted_by_status_within_the_other_filters():
    owner, other = accounts.workspace(), accounts.workspace()
    first = steps.placed(owner)
    steps.placed(owner, provider="deliveroo")
    steps.placed(other)
    steps.move(owner, first, Status.CONFIRMED)
    with db.transaction() as session:
        every = service.counts(session, actor=owner, wanted=Filter())
        some = service.counts(session, actor=owner, wanted=Filter(provider="deliveroo"))
    assert {name: count.value for name, count in every.items() if count.value} == {"all": 2, "pending": 1, "confirmed": 1}
    assert {name: count.value for name, count in some.items() if count.value} == {"all": 1, "pending": 1}


def test_amounts_that_disagree_place_nothing():
    owner = accounts.workspace()
    with pytest.raises(Invalid):
        steps.place(owner, total=18)
    with pytest.raises(TooLarge):
        steps.place(owner, items=[{"product_id": "p", "quantity": 1, "notes": "x" * 1000}] * 100)
    assert _rows() == (0, 0, 0)
    assert steps.events(owner) == []


def test_what_is_sent_and_differs_changes_and_is_told_with_what_it_was():
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    items = [{"product_id": "b", "quantity": 1, "unit_price": 4}, {"product_id": "a", "quantity": 3, "unit_price": "2.50"}]
    detail = steps.change(owner, order_id, items=items, customer_name="John Doe", delivery_address="Pier 7", reason="The customer called")
    assert [item.product_id for item in detail.items] == ["b", "a"]
    name, data = steps.events(owner)[-1]
    assert name == "order.updated"
    assert set(data["previous"]) == {"items", "delivery_address", "subtotal", "total"}
    assert (data["previous"]["total"], data["total"], data["delivery_address"]) == (17, 11.5, "Pier 7")
    assert data["reason"] == "The customer called"
    with db.transaction() as session:
        change = service.list_changes(session, actor=owner, order_id=order_id).data[0]
    assert (change.type, change.reason, change.actor_id, change.actor_name) == (name, data["reason"], owner.id, owner.name)
    assert change.before == data["previous"]
    assert change.after["delivery_address"] == "Pier 7"
    assert _rows() == (1, 2, 2)


@pytest.mark.parametrize(
    "changes", [{}, {"customer_name": "John Doe"}, {"items": BODY["items"], "total": 17}, {"order_type": "DELIVERY", "reason": "None"}]
)
def test_what_changes_nothing_is_told_to_nobody(changes: dict[str, Any]):
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    before = steps.read(owner, order_id)
    steps.change(owner, order_id, **changes)
    assert steps.read(owner, order_id) == before
    assert steps.types(owner) == ["order.created"]


@pytest.mark.parametrize("status", [Status.CONFIRMED, *WAY[1:], Status.CANCELLED])
@pytest.mark.parametrize(
    ("changes", "always"),
    [
        ({"items": [{"product_id": "b", "quantity": 1}]}, False),
        ({"delivery_address": "Pier 7"}, False),
        ({"branch_id": "branch-1"}, False),
        ({"order_type": "pickup"}, False),
        ({"tip": 3}, False),
        ({"customer_phone": "+1"}, True),
        ({"notes": "Ring twice", "delivery_address": BODY["delivery_address"]}, True),
    ],
)
def test_what_is_ordered_and_where_it_goes_change_until_it_is_being_prepared(status: Status, changes: dict[str, Any], always: bool):  # noqa: FBT001 - a case
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    steps.move(owner, order_id, *([status] if status is Status.CANCELLED else WAY[: WAY.index(status) + 1]))
    if always or status is Status.CONFIRMED:
        steps.change(owner, order_id, **changes)
        assert steps.types(owner)[-1] == "order.updated"
        return
    before = steps.read(owner, order_id)
    with pytest.raises(Conflict, match=rf"The order is {status}: .*{next(iter(changes))}.* can change no more"):
        steps.change(owner, order_id, **changes)
    assert steps.read(owner, order_id) == before


def test_a_total_without_prices_stays_until_the_items_change():
    owner = accounts.workspace()
    order_id = steps.placed(owner, items=[{"product_id": "p", "quantity": 1}], total=20)
    steps.change(owner, order_id, notes="Ring twice")
    assert [steps.read(owner, order_id)[name] for name in MONEY] == [None, 0, 0, 0, 0, 20]
    steps.change(owner, order_id, items=[{"product_id": "p", "quantity": 2}])
    assert steps.read(owner, order_id)["total"] is None
    steps.change(owner, order_id, items=[{"product_id": "p", "quantity": 2, "unit_price": 20}], discount=1)
    assert [steps.read(owner, order_id)[name] for name in MONEY] == [40, 0, 0, 0, 1, 39]
    with pytest.raises(Invalid):
        steps.change(owner, order_id, total=40)


def test_every_move_is_told_twice_with_its_reason_and_kept_with_who_made_it():
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    steps.move(owner, order_id, *WAY[:-1])
    steps.move(owner, order_id, WAY[-1], reason="Handed over")
    told = steps.events(owner)
    assert [name for name, _ in told] == [
        "order.created",
        *(name for status in WAY for name in ("order.status_changed", f"order.{status}")),
    ]
    for name, data in told[-2:]:
        assert (data["id"], data["status"], data["previous"], data["reason"]) == (
            order_id, "completed", {"status": "delivered"}, "Handed over",
        ), name  # fmt: skip
    assert "reason" not in told[-3][1]
    with db.transaction() as session:
        changes = service.list_changes(session, actor=owner, order_id=order_id).data
        assert [(each.previous_status, each.status) for each in changes[:2]] == [
            ("delivered", "completed"),
            ("out_for_delivery", "delivered"),
        ]
        assert (changes[0].reason, changes[-1].type, changes[-1].after["items"][0]["quantity"]) == ("Handed over", "order.created", 2)
        event = publishing.get(session, actor=owner, event_id=changes[0].event_ids[1])
        assert event.type == "order.completed"
    assert len(changes) == 7


def test_what_is_done_to_an_order_is_in_the_audit_without_the_customer():
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    steps.change(owner, order_id, notes="Ring twice at Jane's", reason="She called")
    steps.move(owner, order_id, Status.CONFIRMED)
    with db.transaction() as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.target_id == order_id).order_by(AuditEntry.id)).all()  # type: ignore[arg-type] - a column
    assert [(row.action, row.before, row.after, row.reason) for row in rows] == [
        ("order.created", None, {"provider": "uber_eats", "external_id": "4711"}, None),
        ("order.updated", None, {"fields": ["notes"]}, "She called"),
        ("order.status_changed", {"status": "pending"}, {"status": "confirmed"}, None),
    ]


def test_the_status_it_has_is_no_move_and_a_wrong_one_names_the_right_ones():
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    steps.move(owner, order_id, Status.PENDING)
    assert steps.types(owner) == ["order.created"]
    with pytest.raises(Conflict) as refused:
        steps.move(owner, order_id, Status.READY)
    assert refused.value.detail == "A delivery order that is pending cannot become ready. It can become confirmed or cancelled."
    assert steps.types(owner) == ["order.created"]


def test_a_change_that_fails_leaves_neither_itself_nor_its_event(monkeypatch: pytest.MonkeyPatch):
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    publish = publishing.publish

    def failing(session: Any, *, actor: Any, type: str, data: Any) -> Any:  # noqa: A002 - the field's name
        if type == "order.confirmed":
            raise RuntimeError("in the middle")
        return publish(session, actor=actor, type=type, data=data)

    monkeypatch.setattr(publishing, "publish", failing)
    with pytest.raises(RuntimeError):
        steps.move(owner, order_id, Status.CONFIRMED)
    assert steps.read(owner, order_id)["status"] == "pending"
    assert steps.types(owner) == ["order.created"]
    assert _rows() == (1, 1, 1)


def test_an_order_from_elsewhere_is_placed_changed_and_moved_by_its_providers_id():
    owner = accounts.workspace()
    steps.bring(owner, **BODY, status="CONFIRMED", reason="Accepted at the branch")
    assert steps.types(owner) == ["order.created", "order.status_changed", "order.confirmed"]
    again = steps.bring(owner, **BODY, status="confirmed")
    assert len(steps.events(owner)) == 3
    moved = steps.bring(owner, provider="uber_eats", external_id="4711", delivery_address="Pier 7", status="preparing", reason="Moved")
    assert moved.order.id == again.order.id
    assert (moved.order.status, moved.order.delivery_address) == ("preparing", "Pier 7")
    assert steps.types(owner)[3:] == ["order.updated", "order.status_changed", "order.preparing"]
    assert {data["reason"] for _, data in steps.events(owner)[3:]} == {"Moved"}
    steps.bring(owner, **BODY | {"delivery_address": "Pier 7"}, status="ready")
    with pytest.raises(Conflict):
        steps.bring(owner, **BODY, status="out_for_delivery")


@pytest.mark.parametrize(
    ("values", "paths"),
    [
        ({}, {"external_id"}),
        ({"external_id": "1"}, {"branch_id", "order_type", "items"}),
        (BODY | {"status": "eaten"}, {"status"}),
        (BODY | {"colour": "red"}, {"colour"}),
    ],
)
def test_what_is_wrong_with_an_order_from_elsewhere_is_named(values: dict[str, Any], paths: set[str]):
    owner = accounts.workspace()
    with pytest.raises(Invalid) as refused:
        steps.bring(owner, **values)
    assert {error.path for error in refused.value.errors} == paths
    assert _rows() == (0, 0, 0)


def test_orders_are_found_by_everything_that_support_is_told():
    owner, other = accounts.workspace(), accounts.workspace()
    zoe = {"customer_name": "Zoë Čapek", "customer_phone": "020", "delivery_address": "Pier 7"}
    hers = steps.placed(owner, external_id="DE-77", provider="deliveroo", branch_id="b2", **zoe)
    time.sleep(0.002)  # times tell apart what is a millisecond apart
    his = steps.placed(owner)
    steps.move(owner, his, Status.CONFIRMED)
    steps.placed(other)

    def found(**wanted: Any) -> list[str]:
        with db.transaction() as session:
            return [each.order.id for each in service.list_orders(session, actor=owner, wanted=Filter(**wanted)).data]

    assert found() == [his, hers]
    assert found(status="pending") == found(provider="Deliveroo") == found(branch_id="b2") == found(external_id="DE-77") == [hers]
    assert found(status="PENDING,confirmed") == found(status="pending,confirmed,completed") == [his, hers]
    assert found(status="ready") == found(external_id="DE-7") == found(provider="deliveroo", status="confirmed") == []
    for text in (his, his[:-1], his.upper(), "4711", "john d", "+971501234567", "50 123 45", "main st"):
        assert found(q=text) == [his], text
    for text in ("DE-77", "zoË ČAP", "de-7", "pier"):
        assert found(q=text) == [hers], text
    assert found(q="100%") == found(q="_") == []
    with db.transaction() as session:
        moment = session.get_one(Order, his).created_at
    assert found(since=moment) == [his]
    assert found(until=moment) == [hers]
    with pytest.raises(Invalid) as refused:
        found(status="eaten,ready", provider="nobody")
    assert [error.path for error in refused.value.errors] == ["status", "provider"]
    assert "Use pending, confirmed," in refused.value.errors[0].fix


def test_who_may_not_does_not():
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    with db.transaction(write=True) as session:
        viewer, support = (accounts.member(session, owner.workspace_id, role) for role in (Role.VIEWER, Role.SUPPORT))
    reader = accounts.key_actor(owner.workspace_id, "orders:read")
    for actor in (viewer, support, reader):
        assert steps.read(actor, order_id)["id"] == order_id
        for attempt in (
            lambda actor=actor: steps.place(actor),
            lambda actor=actor: steps.change(actor, order_id, notes="x"),
            lambda actor=actor: steps.move(actor, order_id, Status.CONFIRMED),
            lambda actor=actor: steps.bring(actor, **BODY),
        ):
            with pytest.raises(Forbidden):
                attempt()
    with pytest.raises(Forbidden):
        steps.read(accounts.key_actor(owner.workspace_id, "orders:write"), order_id)
    steps.move(accounts.key_actor(owner.workspace_id, "orders:write"), order_id, Status.CONFIRMED)


def test_another_workspaces_order_is_not_there():
    owner, other = accounts.workspace(), accounts.workspace()
    order_id = steps.placed(owner)
    for attempt in (
        lambda: steps.read(other, order_id),
        lambda: steps.change(other, order_id, notes="x"),
        lambda: steps.move(other, order_id, Status.CONFIRMED),
        lambda: _changes(other, order_id),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_the_samples_of_order_events_are_what_is_published():
    owner = accounts.workspace()
    order_id = steps.placed(owner)
    steps.change(owner, order_id, delivery_fee=5)
    steps.move(owner, order_id, *WAY[:1])
    steps.move(owner, order_id, Status.CANCELLED, reason="Out of stock")
    told = steps.events(owner)
    assert {name for name, _ in told} == {f"order.{word}" for word in ("created", "updated", "status_changed", "confirmed", "cancelled")}
    for name, data in told:
        sample = BUILT_IN[name].sample
        assert set(sample) - {"reason"} == set(data) - {"reason"}, name
        assert set(sample["items"][0]) == set(data["items"][0])
        assert set(sample["customer"]) == set(data["customer"])


def _changes(actor: Any, order_id: str) -> Any:
    with db.transaction() as session:
        return service.list_changes(session, actor=actor, order_id=order_id)


def _rows() -> tuple[int, int, int]:
    """How many orders, items and changes there are."""
    with db.transaction() as session:
        return tuple(len(session.exec(select(table.id)).all()) for table in (Order, OrderItem, OrderChange))  # pyright: ignore[reportReturnType]  # three
