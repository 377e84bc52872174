"""`/api/v1/orders` as a partner meets it, through the whole application."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import accounts
from tests.factories.talks import Http, key_of, run
from tests.integration.orders.steps import BODY, WAY

pytestmark = pytest.mark.usefixtures("database", "redis")
# The example of the older restaurant platform's document.
OLDER: dict[str, Any] = {
    "branchId": "branch-123",
    "orderType": "delivery",
    "items": [{"productId": "product-456", "quantity": 2, "modifiers": ["extra-cheese"]}],
    "customerName": "John Doe",
    "customerPhone": "+971501234567",
    "deliveryAddress": "123 Main St, Dubai",
}
BOTH = ("orders:read", "orders:write")


async def made(http: Http, **changes: Any) -> dict[str, Any]:
    """A new order."""
    answer = await http.post("/orders", json=BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_order_is_placed_read_listed_and_says_where_it_can_go():
    async def talk(http: Http) -> None:
        order = await made(http)
        assert (order["status"], order["allowed_statuses"]) == ("pending", ["confirmed", "cancelled"])
        assert (order["subtotal"], order["total"], order["items"][0]["unit_price"]) == (17, 17, 8.5)
        assert order["customer"] == {"name": order["customer_name"], "phone": order["customer_phone"]}
        assert (await http.get(f"/orders/{order['id']}")).json() == order
        assert (await http.get("/orders")).json() == {"data": [order], "next_cursor": None, "has_more": False}

    run(talk, *BOTH)


def test_the_older_documents_body_places_an_order():
    async def talk(http: Http) -> None:
        first, second = await http.post("/orders", json=OLDER), await http.post("/orders", json=OLDER)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json()["id"] != second.json()["id"]  # nothing says that they are the same
        assert (first.json()["provider"], first.json()["total"], first.json()["items"][0]["modifiers"]) == (
            "generic",
            None,
            ["extra-cheese"],
        )

    run(talk, *BOTH)


def test_the_same_order_again_answers_200_with_the_first_answer_and_another_409():
    async def talk(http: Http) -> None:
        order = await made(http)
        moved = await http.put(f"/orders/{order['id']}/status", json={"status": "confirmed"})
        assert moved.json()["status"] == "confirmed"
        again = await http.post("/orders", json=BODY | {"total": "17.00"})
        assert (again.status_code, again.json()) == (200, order)
        assert again.headers["idempotency-replayed"] == "true"
        other = await http.post("/orders", json=BODY | {"notes": "Ring twice"})
        assert other.status_code == 409
        assert f"/api/v1/orders/{order['id']}" in other.json()["detail"]

    run(talk, *BOTH)


def test_an_idempotency_key_gives_the_first_answer_with_its_status_again():
    async def talk(http: Http) -> None:
        key = {"Idempotency-Key": "k-1"}
        first = await http.post("/orders", json=OLDER, headers=key)
        again = await http.post("/orders", json=OLDER, headers=key)
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert (await http.post("/orders", json=OLDER | {"notes": "x"}, headers=key)).status_code == 409
        order = await made(http)
        for _ in range(2):  # the second is answered by the key, the first by the external id
            repeated = await http.post("/orders", json=BODY, headers={"Idempotency-Key": "k-2"})
            assert (repeated.status_code, repeated.json()) == (200, order)

    run(talk, *BOTH)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_is_sent_changes(method: str):
    async def talk(http: Http) -> None:
        order = await made(http)
        answer = await http.request(method, f"/orders/{order['id']}", json={"deliveryAddress": "Pier 7", "reason": "The customer called"})
        assert answer.status_code == 200
        assert {name for name, value in answer.json().items() if order[name] != value} == {"delivery_address", "updated_at"}
        await http.put(f"/orders/{order['id']}/status", json={"status": "CONFIRMED"})
        await http.put(f"/orders/{order['id']}/status", json={"status": "preparing"})
        refused = await http.request(method, f"/orders/{order['id']}", json={"delivery_address": "Pier 8"})
        assert refused.status_code == 409
        assert refused.json()["detail"].startswith("The order is preparing: delivery_address can change no more")

    run(talk, *BOTH)


@pytest.mark.parametrize(("order_type", "steps"), [("delivery", WAY), ("pickup", [*WAY[:3], *WAY[4:]]), ("dine_in", [*WAY[:3], *WAY[4:]])])
def test_an_order_goes_its_way_and_its_history_tells_who_moved_it(order_type: str, steps: list[str]):
    async def talk(http: Http) -> None:
        path = f"/orders/{(await made(http, order_type=order_type))['id']}"
        for status in steps:
            wrong = await http.put(f"{path}/status", json={"status": "pending"})
            assert wrong.status_code == (200 if status == "confirmed" else 409)
            answer = await http.put(f"{path}/status", json={"status": status, "reason": f"Now {status}"})
            assert (answer.status_code, answer.json()["status"]) == (200, status)
        history = (await http.get(f"{path}/events", params={"limit": 200})).json()["data"]
        assert [entry["status"] for entry in history] == [*reversed(steps), "pending"]
        newest, oldest = history[0], history[-1]
        assert (newest["type"], newest["previous_status"], newest["reason"]) == ("order.status_changed", "delivered", "Now completed")
        assert (newest["previous"], newest["changes"]) == ({"status": "delivered"}, {"status": "completed"})
        assert (newest["actor"]["kind"], newest["actor"]["name"], len(newest["event_ids"])) == ("key", "Partner", 2)
        assert (oldest["type"], oldest["previous_status"], oldest["changes"]["external_id"]) == ("order.created", None, "4711")
        page = (await http.get(f"{path}/events", params={"limit": 2})).json()
        assert page["has_more"]
        rest = (await http.get(f"{path}/events", params={"limit": 200, "cursor": page["next_cursor"]})).json()
        assert page["data"] + rest["data"] == history

    run(talk, *BOTH)


def test_a_wrong_move_names_the_right_ones():
    async def talk(http: Http) -> None:
        order = await made(http, order_type="pickup")
        refused = await http.put(f"/orders/{order['id']}/status", json={"status": "out_for_delivery"})
        assert refused.status_code == 409
        assert refused.headers["content-type"] == "application/problem+json"
        expected = "A pickup order that is pending cannot become out_for_delivery. It can become confirmed or cancelled."
        assert refused.json()["detail"] == expected

    run(talk, *BOTH)


def test_every_mistake_is_told_with_its_path_and_what_would_be_right():
    async def talk(http: Http) -> None:
        answer = await http.post("/orders", json={"orderType": "drone", "items": [], "total": -1, "colour": "red"})
        assert answer.status_code == 422
        assert {error["path"] for error in answer.json()["errors"]} == {"branch_id", "orderType", "items", "total", "colour"}
        answer = await http.post("/orders", json=BODY | {"total": 18})
        assert [(error["path"], error["fix"]) for error in answer.json()["errors"]] == [
            ("total", "Send 17, or leave it out; it is computed.")
        ]
        nan = b'{"branchId": "b", "orderType": "pickup", "items": [{"productId": "p", "quantity": NaN, "price": NaN}]}'
        answer = await http.post("/orders", content=nan, headers={"content-type": "application/json"})
        assert answer.status_code == 422
        assert {error["path"] for error in answer.json()["errors"]} == {"items[0].quantity", "items[0].unit_price"}
        for path, body in ((f"/orders/{'x' * 30}/status", {"status": "eaten"}), ("/orders/x", {"provider": "generic"})):
            method = "PUT" if path.endswith("status") else "PATCH"
            assert (await http.request(method, path, json=body)).status_code == 422

    run(talk, *BOTH)


def test_lists_are_filtered_searched_and_paged():
    async def talk(http: Http) -> None:
        orders = [await made(http, external_id=str(number), branch_id=f"b{number % 2}") for number in range(5)]
        await http.put(f"/orders/{orders[0]['id']}/status", json={"status": "confirmed"})

        async def found(**params: Any) -> list[str]:
            answer = await http.get("/orders", params=params)
            assert answer.status_code == 200, answer.text
            return [order["external_id"] for order in answer.json()["data"]]

        assert await found() == ["4", "3", "2", "1", "0"]
        assert await found(status="CONFIRMED") == ["0"]
        assert await found(provider="uber_eats", branch_id="b1") == ["3", "1"]
        assert await found(external_id="2") == await found(q=orders[2]["id"]) == ["2"]
        assert await found(since=orders[3]["created_at"]) == ["4", "3"]
        assert await found(until=orders[1]["created_at"]) == ["0"]
        assert await found(q="john", limit=1) == ["4"]
        first = (await http.get("/orders", params={"limit": 3})).json()
        assert await found(limit=3, cursor=first["next_cursor"]) == ["1", "0"]
        for wrong in (
            {"status": "eaten"},
            {"provider": "nobody"},
            {"limit": 0},
            {"limit": 201},
            {"cursor": "x"},
            {"since": "yesterday"},
            {"until": "0.5"},
            {"since": "-1"},
        ):
            answer = await http.get("/orders", params=wrong)
            assert answer.status_code == 422, wrong
            assert [error["path"] for error in answer.json()["errors"]] == list(wrong)

    run(talk, *BOTH)


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        (("orders:read",), 200, 403),
        (("orders:write",), 403, 201),
        (("orders:manage",), 200, 201),
        (("records:manage", "webhooks:manage", "events:manage"), 403, 403),
    ],
)
def test_each_scope_opens_exactly_what_it_says(scopes: tuple[str, ...], reads: int, writes: int):
    owner = accounts.workspace()

    async def talk(http: Http) -> None:
        created = await http.post("/orders", json=BODY)
        assert created.status_code == writes
        listed = await http.get("/orders")
        assert listed.status_code == reads
        if writes == 403:
            assert created.json()["requiredScopes"] == ["orders:write", "orders:manage"]
        if reads == 403:
            assert listed.json()["requiredScopes"] == ["orders:read", "orders:manage"]

    run(talk, *scopes, actor=owner)


def test_another_workspaces_key_finds_nothing():
    owner, other = accounts.workspace(), accounts.workspace()
    stranger = {"authorization": f"Bearer {key_of(other, *BOTH)}"}

    async def talk(http: Http) -> None:
        order = await made(http)
        path = f"/orders/{order['id']}"
        assert (await http.get("/orders", headers=stranger)).json()["data"] == []
        for method, below, body in (
            ("GET", "", None),
            ("GET", "/events", None),
            ("PATCH", "", {"notes": "x"}),
            ("PUT", "/status", {"status": "ready"}),
        ):
            answer = await http.request(method, path + below, json=body, headers=stranger)
            assert answer.status_code == 404
            assert answer.json()["detail"] == "There is no such order in this workspace. Check the id; GET /api/v1/orders lists them."
        assert (await http.post("/orders", json=BODY, headers=stranger)).status_code == 201  # the id is free there
        assert (await http.get(path)).json() == order

    run(talk, *BOTH, actor=owner)


def test_every_field_of_every_order_call_is_described():
    async def talk(http: Http) -> None:
        schema = (await http.get("http://127.0.0.1:8000/api/openapi.json")).json()
        calls = [
            (path, method, call)
            for path, calls in schema["paths"].items()
            if path.startswith("/api/v1/orders")
            for method, call in calls.items()
        ]
        assert len(calls) == 7
        for path, method, call in calls:
            assert call["description"], (path, method)
            for parameter in call.get("parameters", []):
                assert parameter["description"], (path, parameter["name"])
        for name in (
            "NewOrder",
            "OrderUpdate",
            "StatusChange",
            "ItemInput",
            "CustomerInput",
            "OrderOut",
            "ItemOut",
            "OrderEventOut",
            "ActorOut",
        ):
            model = schema["components"]["schemas"][name]
            for field, described in model["properties"].items():
                refers = "$ref" in str(described)  # then the object or word that it is says it
                assert described.get("description") or refers, (name, field)
                assert described.get("examples") or refers, (name, field)

    run(talk, *BOTH)
