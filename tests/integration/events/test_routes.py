"""`/api/v1/events` as a publisher meets it, through the whole application."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.talks import Http, run

pytestmark = pytest.mark.usefixtures("database", "redis")
BOTH = ("events:read", "events:write")


def batch(number: int, size: int = 1) -> dict[str, Any]:
    """A batch of `number` events with `size` characters of data each."""
    return {"events": [{"type": "order.created", "data": {"order_id": str(index), "note": "x" * size}} for index in range(number)]}


def test_a_batch_with_an_idempotency_key_is_published_once():
    async def talk(http: Http) -> None:
        key = {"Idempotency-Key": "nightly-1"}
        first = await http.post("/events/batch", json=batch(3), headers=key)
        again = await http.post("/events/batch", json=batch(3), headers=key)
        assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert (await http.post("/events/batch", json=batch(2), headers=key)).status_code == 409
        assert len((await http.get("/events")).json()["data"]) == 3

    run(talk, *BOTH)


def test_the_first_answer_comes_again_to_the_letter():
    async def talk(http: Http) -> None:
        wish = batch(1)["events"][0] | {"idempotency_key": "order-1"}
        first, again = await http.post("/events", json=wish), await http.post("/events", json=wish)
        assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
        kept = (await http.get(f"/events/{first.json()['id']}")).json()
        assert kept["timestamp"] == first.json()["timestamp"]  # and it is the moment that receivers are told

    run(talk, *BOTH)


def test_a_batch_may_be_larger_than_other_bodies_but_not_without_end():
    async def talk(http: Http) -> None:
        assert (await http.post("/events/batch", json=batch(1000, 2000))).status_code == 202
        refused = await http.post("/events/batch", json=batch(1000, 5000))
        assert (refused.status_code, "4,194,304" in refused.json()["detail"]) == (413, True), refused.text

    run(talk, *BOTH)
