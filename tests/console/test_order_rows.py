"""How orders and their changes are put into words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.models import Order, OrderChange, OrderItem
from backend.orders.values import OrderDetail
from console.pages.orders import rows

NOW = datetime(2026, 11, 12, 9, 30, tzinfo=UTC)


def _order(status: str = "pending", order_type: str = "delivery", **values: Any) -> OrderDetail:
    given = {"id": "ord_1", "created_at": NOW, "updated_at": NOW, "workspace_id": "wsp_1", "provider": "uber_eats", "branch_id": "b-1"}
    order = Order(**given, order_type=order_type, status=status, body_hash="", search_text="", created_by="key_1", **values)
    item = OrderItem(
        id="itm_1", created_at=NOW, workspace_id="wsp_1", order_id="ord_1", position=0, product_id="p-1", quantity=3, unit_price=81_250
    )
    return OrderDetail(order, (item,))


@pytest.mark.parametrize(
    ("status", "order_type", "verb", "sentence"),
    [
        ("pending", "delivery", "Confirm", "Pending. It can become confirmed or cancelled."),
        ("ready", "delivery", "Send out", "Ready. It can become out for delivery or cancelled."),
        ("ready", "pickup", "Mark delivered", "Ready. It can become delivered or cancelled."),
        ("delivered", "delivery", "Complete", "Delivered. It can become completed."),
        ("cancelled", "delivery", "", "Cancelled. It stays as it is."),
    ],
)
def test_an_order_says_where_it_stands_and_where_it_can_go(status: str, order_type: str, verb: str, sentence: str) -> None:
    shown = rows.order_detail(_order(status, order_type))
    assert (shown.verb, shown.sentence) == (verb, sentence)


def test_amounts_are_exact() -> None:
    found = _order(currency="AED", subtotal=243_750, tax=12_500, discount=10_000, total=246_250)
    assert [(row.quantity, row.price, row.amount) for row in rows.item_rows(found)] == [("3", "8.125", "24.375")]
    shown = rows.order_detail(found)
    assert shown.totals == [["Items", "24.375"], ["Tax", "1.25"], ["Discount", "-1.00"]]
    assert (shown.total, shown.total_note) == ("AED 24.625", "")
    assert rows.order_detail(_order()).total_note == "No prices were sent."


def test_a_change_says_what_became_what_by_whom_and_leads_to_its_events() -> None:
    moved = _change("order.status_changed", status="confirmed", previous_status="pending", event_ids=["evt_1", "evt_2"])
    shown = rows.change_row(moved)
    assert (shown.title, shown.who, shown.who_path) == ("Pending → Confirmed", "Shop", "/settings/api-keys/key_1")
    assert shown.events == [["order.status_changed", "evt_1"], ["order.confirmed", "evt_2"]]
    edited = _change(
        "order.updated",
        status="confirmed",
        before={"customer": {"name": "Ada", "phone": None}, "total": 17},
        after={"customer": {"name": "Grace", "phone": "123"}, "total": 17.5},
        event_ids=["evt_3"],
    )
    assert rows.change_row(edited).changes == [["Customer", "Ada", "Grace, 123"], ["Total", "17.00", "17.50"]]


def _change(kind: str, **values: Any) -> OrderChange:
    given = {"id": "och_1", "created_at": NOW, "workspace_id": "wsp_1", "order_id": "ord_1", "type": kind, "actor_kind": "key"}
    return OrderChange(**given, actor_id="key_1", actor_name="Shop", **values)
