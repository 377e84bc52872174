"""`/api/v1/replays` and what belongs to it, as a client meets it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.factories import talks
from tests.factories.talks import Http
from tests.integration.replays.replaying import World, run

pytestmark = pytest.mark.usefixtures("database", "redis")


def talk(world: World, conversation: Callable[[Http], Awaitable[None]], *scopes: str) -> None:
    """Have a key of the workspace with `scopes` talk to the application."""
    talks.run(conversation, *(scopes or ("webhooks:manage",)), actor=world.owner)


def test_a_replay_from_the_dry_run_to_its_items():
    world = World()
    webhook = world.webhook()
    dead = world.deliveries(webhook, 12)
    world.deliveries(webhook, status="delivered")
    wish: dict[str, Any] = {"filter": {"webhook_id": webhook.id, "status": "FAILED"}, "rate": 1000, "reason": "Lost on Monday"}

    async def conversation(http: Http) -> None:
        counted = await http.post("/replays", json=wish | {"dryRun": True})
        assert counted.status_code == 200
        assert counted.json()["count"] == 12
        assert [each["id"] for each in counted.json()["sample"]] == dead[:1:-1]
        assert (await http.get("/replays")).json()["data"] == []

        begun = await http.post("/replays", json=wish)
        assert begun.status_code == 202
        replay = begun.json()
        shown = {name: replay[name] for name in ("kind", "status", "total", "remaining", "queued", "rate", "reason", "filter")}
        assert shown == {
            "kind": "filter", "status": "running", "total": 12, "remaining": 12, "queued": 0, "rate": 1000.0, "reason": "Lost on Monday",
            "filter": {"webhook_id": webhook.id, "status": "FAILED"},
        }  # fmt: skip
        assert (await http.post(f"/replays/{replay['id']}/pause")).json()["status"] == "paused"
        assert (await http.post(f"/replays/{replay['id']}/resume")).json()["status"] == "running"
        await asyncio.to_thread(run)

        done = (await http.get(f"/replays/{replay['id']}")).json()
        assert (done["status"], done["queued"], done["waiting"], done["remaining"]) == ("done", 12, 12, 0)
        items = (await http.get(f"/replays/{replay['id']}/items", params={"limit": 2})).json()
        assert items["has_more"]
        assert [each["source_id"] for each in items["data"]] == dead[:-3:-1]
        assert items["data"][0]["outcome"] == "waiting"
        assert items["data"][0]["explanation"]
        made = (await http.get(f"/deliveries/{items['data'][0]['delivery_id']}")).json()
        assert (made["kind"], made["replay_of"], made["replay_id"], made["replay_reason"]) == (
            "replay", dead[-1], replay["id"], "Lost on Monday",
        )  # fmt: skip
        assert (await http.get(f"/replays/{replay['id']}/items", params={"outcome": "skipped"})).json()["data"] == []
        cancelled = (await http.post(f"/replays/{replay['id']}/cancel")).json()
        assert (cancelled["status"], cancelled["cancelled"], cancelled["waiting"]) == ("cancelled", 12, 0)
        listed = (await http.get("/replays", params={"status": "cancelled"})).json()
        assert [each["id"] for each in listed["data"]] == [replay["id"]]

    talk(world, conversation)


def test_the_deliveries_of_one_webhook_and_one_event():
    world = World()
    first, second = world.webhook(), world.webhook()
    (delivery_id,) = world.deliveries(first)
    world.deliveries(second, 3)
    event_id = world.delivery(delivery_id).event_id

    async def conversation(http: Http) -> None:
        assert (await http.post(f"/webhooks/{second.id}/replay", json={"dry_run": True})).json()["count"] == 3
        narrowed = {"filter": {"status": "delivered"}, "dry_run": True}
        assert (await http.post(f"/webhooks/{second.id}/replay", json=narrowed)).json()["count"] == 0
        assert (await http.post(f"/webhooks/{second.id}/replay")).json()["filter"] == {"webhook_id": second.id}
        assert (await http.post(f"/webhooks/{second.id}/replay", json={"filter": {"webhook_id": first.id}})).status_code == 422
        sent = await http.post(f"/events/{event_id}/replay", json={"webhook_id": first.id, "reason": "Asked for"})
        assert (sent.status_code, sent.json()["status"], sent.json()["total"]) == (202, "done", 1)
        nobody = await http.post(f"/events/{event_id}/replay")
        assert (nobody.status_code, "No webhook takes this event" in nobody.text) == (409, True)

    talk(world, conversation)


def test_the_same_key_begins_one_replay():
    world = World()
    world.deliveries(world.webhook())

    async def conversation(http: Http) -> None:
        headers = {"Idempotency-Key": "once"}
        first = await http.post("/replays", json={"filter": {}}, headers=headers)
        again = await http.post("/replays", json={"filter": {}}, headers=headers)
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json()["id"] == again.json()["id"]
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (await http.post("/replays", json={"filter": {"status": "dead"}}, headers=headers)).status_code == 409

    talk(world, conversation)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "filter"),
        ({"filter": {"status": "delivered"}}, 422, "nothing to replay"),
        ({"filter": {"webhook_id": "whk_none"}}, 404, "no such webhook"),
        ({"filter": {"colour": "red"}}, 422, "colour"),
        ({"filter": {}, "rate": 0}, 422, "0.1 to 1,000"),
        ({"filter": {}, "reason": "x" * 401}, 422, "reason"),
        ({"filter": {"since": "2026-01-01T00:00:00"}}, 422, "no time zone"),
        ({"filter": {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "dry_run": True}, 422, "is not after `since`"),
        ({"filter": {}, "rate": 0, "dry_run": True}, 422, "0 a second is out of range"),
        ({"filter": {"status": "deadd"}}, 422, "filter.status"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_what_to_do(body: dict[str, Any], status: int, words: str):
    world = World()
    world.deliveries(world.webhook())

    async def conversation(http: Http) -> None:
        answer = await http.post("/replays", json=body)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text

    talk(world, conversation)


def test_reading_needs_the_one_scope_and_replaying_the_other():
    world = World()
    world.deliveries(world.webhook())
    replay = world.create()

    async def reader(http: Http) -> None:
        assert (await http.get(f"/replays/{replay.id}")).status_code == 200
        assert (await http.post("/replays", json={"filter": {}})).status_code == 403
        assert (await http.post(f"/replays/{replay.id}/cancel")).status_code == 403

    async def writer(http: Http) -> None:
        assert (await http.post("/replays", json={"filter": {}, "dry_run": True})).json()["count"] == 1
        assert (await http.post("/replays", json={"filter": {}})).status_code == 202
        assert (await http.get("/replays")).status_code == 403

    talk(world, reader, "webhooks:read")
    talk(world, writer, "webhooks:write")
