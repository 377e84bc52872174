"""`/api/v1/deliveries` and the test send as a client meets them, with a shift at work beside the application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from backend import app as application
from backend.api_keys import service as api_keys
from backend.api_keys.service import KeyInput
from backend.core import db
from backend.deliveries import routes
from backend.logs import recorder
from backend.settings import settings
from tests.factories import accounts
from tests.fakes import raw_receiver
from tests.fakes.raw_receiver import RawReceiver, answering
from tests.integration.deliveries import shifts

pytestmark = pytest.mark.usefixtures("database", "redis")

Http = httpx.AsyncClient
TALK = Callable[[Http, RawReceiver], Awaitable[None]]


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch, redis: object) -> None:
    del redis
    monkeypatch.setenv("CROSSDOCK_EGRESS_ALLOW", "127.0.0.0/8")
    settings.cache_clear()


def run(talk: TALK, *scopes: str, works: bool = True) -> None:
    """Have a key with `scopes` talk to the application while a shift is at work, and a receiver listens."""
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        wanted = KeyInput(name="Test", scopes=list(scopes or ("webhooks:manage", "events:manage")), limit_per_minute=None)
        _, key = api_keys.create(session, actor=owner, input=wanted)

    async def session_of(receiver: RawReceiver) -> None:
        over = asyncio.Event()
        shift = asyncio.create_task(shifts.run(until=over.is_set, hints=True)) if works else None
        transport = httpx.ASGITransport(application.create_app())
        headers = {"authorization": f"Bearer {key}"}
        try:
            async with Http(transport=transport, base_url="http://127.0.0.1:8000/api/v1", headers=headers, timeout=30) as http:
                await talk(http, receiver)
        finally:
            over.set()
            if shift is not None:
                await shift

    recorder.start()
    try:
        with raw_receiver.running() as receiver:
            asyncio.run(session_of(receiver))
    finally:
        recorder.stop()


async def subscribed(http: Http, receiver: RawReceiver) -> str:
    """The id of a new webhook on the receiver."""
    answer = await http.post("/webhooks", json={"url": receiver.url, "events": ["order.*"], "headers": {"X-Mine": "hidden-value"}})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def finished(http: Http, delivery_id: str, *statuses: str) -> dict[str, Any]:
    """The delivery once it has one of these statuses."""
    for _ in range(400):
        found = (await http.get(f"/deliveries/{delivery_id}")).json()
        if found["status"] in statuses:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(found)


def test_a_test_send_answers_with_the_whole_exchange():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook_id = await subscribed(http, receiver)
        good = await http.post(f"/webhooks/{webhook_id}/test", json={"event": "order.created", "data": {"total": 1.0}})
        assert good.status_code == 200, good.text
        attempt = good.json()
        assert (attempt["success"], attempt["outcome"], attempt["status_code"], attempt["number"]) == (True, "delivered", 200, 1)
        assert attempt["request"]["body"].endswith('"data":{"total":1}}')
        assert ["X-Mine", "••••••"] in attempt["request"]["headers"]
        assert "hidden-value" not in good.text
        assert attempt["response"]["body"] == "ok"
        assert attempt["times"]["total_ms"] > 0
        receiver.answer = answering("503 Service Unavailable", body=b"later")
        bad = (await http.post(f"/webhooks/{webhook_id}/test")).json()
        assert (bad["success"], bad["error_class"], bad["response"]["body"]) == (False, "status", "later")
        assert "unavailable" in bad["advice"]
        sent = (await http.get(f"/deliveries/{bad['delivery_id']}")).json()
        (listed,) = (await http.get(f"/deliveries/{bad['delivery_id']}/attempts")).json()["data"]
        assert bad["trace_id"] == listed["trace_id"] == sent["trace_id"] != good.json()["trace_id"]
        assert (await http.get(f"/webhooks/{webhook_id}")).json()["failure_count"] == 0
        assert receiver.received[-1].headers["x-webhook-event"].startswith("order.")

    run(talk)


def test_a_test_send_without_a_worker_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(routes, "_TEST_MARGIN_SECONDS", -14.5)

    async def talk(http: Http, receiver: RawReceiver) -> None:
        answer = await http.post(f"/webhooks/{await subscribed(http, receiver)}/test")
        assert answer.status_code == 503
        assert "deliver worker" in answer.json()["detail"]

    run(talk, works=False)


def test_deliveries_are_a_log_for_a_key_that_may_read_logs_alone():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook_id = await subscribed(http, receiver)
        await http.post("/events", json={"type": "order.created", "data": {"order_id": "4711"}})
        key = (await http.post("/api-keys", json={"name": "Reader", "scopes": ["logs:read"]})).json()["key"]
        reads = {"authorization": f"Bearer {key}"}
        tail = (await http.get("/logs/webhooks/tail", headers=reads)).json()
        (shown,) = tail["data"]
        delivery_id = shown["id"]
        await finished(http, delivery_id, "delivered")
        for query in ({"q": "4711"}, {"event": "order.created", "status": "SUCCESS"}, {"webhook_id": webhook_id, "status_code": 200}):
            page = (await http.get("/logs/webhooks", params=query, headers=reads)).json()
            assert [row["id"] for row in page["data"]] == [delivery_id], query
            assert (page["has_more"], page["next_cursor"]) == (False, None)
        assert (await http.get("/logs/webhooks", params={"kind": "replay"}, headers=reads)).json()["data"] == []
        one = (await http.get(f"/logs/webhooks/{delivery_id}", headers=reads)).json()
        assert (one["id"], one["response"]["body"]) == (delivery_id, "ok")
        again = (await http.get("/logs/webhooks/tail", params={"after": tail["next_cursor"]}, headers=reads)).json()
        assert [row["id"] for row in again["data"]] == [delivery_id]
        export = await http.get("/logs/webhooks/export", headers=reads)
        assert export.text.startswith("id,event_id,webhook_id,event,")
        assert len(export.text.splitlines()) == 1  # younger than ten seconds
        assert (await http.get("/deliveries", headers=reads)).status_code == 403

    run(talk, "webhooks:manage", "events:manage", "api_keys:manage", "logs:read")


def test_a_published_event_is_listed_everywhere_and_can_be_sent_again():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook_id = await subscribed(http, receiver)
        event = (await http.post("/events", json={"type": "order.created", "data": {"order_id": "4711"}})).json()
        assert event["deliveries"] == 1
        (listed,) = (await http.get(f"/events/{event['id']}/deliveries")).json()["data"]
        delivery_id = listed["id"]
        shown = await finished(http, delivery_id, "delivered")
        assert (shown["event"], shown["webhook_id"], shown["attempt"]) == ("order.created", webhook_id, 1)
        assert shown["response"]["body"] == "ok"
        assert str(shown["explanation"]).startswith("Delivered: 200 after")
        for path in ("/deliveries", f"/webhooks/{webhook_id}/deliveries", f"/webhooks/{webhook_id}/events"):
            page = (await http.get(path, params={"status": "SUCCESS", "q": "4711"})).json()
            assert [row["id"] for row in page["data"]] == [delivery_id]
            assert (page["has_more"], page["next_cursor"]) == (False, None)
        assert (await http.get(f"/webhooks/{webhook_id}/deliveries/{delivery_id}")).json()["id"] == delivery_id
        for path in (
            f"/deliveries/{delivery_id}/retry",
            f"/webhooks/deliveries/{delivery_id}/retry",
            f"/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
        ):
            assert (await http.post(path)).status_code == 202
            await finished(http, delivery_id, "delivered")
        attempts = (await http.get(f"/deliveries/{delivery_id}/attempts")).json()["data"]
        assert [attempt["number"] for attempt in attempts] == [4, 3, 2, 1]
        assert len(receiver.received) == 4
        assert (await http.post(f"/deliveries/{delivery_id}/cancel")).status_code == 409

    run(talk)


def test_what_is_not_there_is_not_found():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook_id = await subscribed(http, receiver)
        for path in (
            "/deliveries/dlv_x",
            "/deliveries/dlv_x/attempts",
            f"/webhooks/{webhook_id}/deliveries/dlv_x",
            "/events/evt_x/deliveries",
        ):
            assert (await http.get(path)).status_code == 404, path
        assert (await http.get("/webhooks/whk_x/deliveries")).status_code == 404
        assert (await http.post("/webhooks/whk_x/test")).status_code == 404
        assert (await http.get("/deliveries", params={"status": "lost"})).status_code == 422

    run(talk)


def test_a_key_that_may_only_read_cannot_send():
    async def talk(http: Http, _receiver: RawReceiver) -> None:
        assert (await http.get("/deliveries")).status_code == 200
        for path in ("/webhooks/whk_x/test", "/deliveries/dlv_x/retry", "/deliveries/dlv_x/cancel", "/webhooks/deliveries/dlv_x/retry"):
            answer = await http.post(path)
            assert answer.status_code == 403
            assert "webhooks:write" in answer.json()["requiredScopes"]

    run(talk, "webhooks:read")


def test_a_key_that_may_write_but_not_read_does_all_that_needs_writing():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook = await subscribed(http, receiver)
        assert (await http.get(f"/webhooks/{webhook}")).status_code == 403
        for call in ("pause", "resume", "disable", "enable", "rotate-secret", "test", "probe"):
            answer = await http.post(f"/webhooks/{webhook}/{call}")
            assert answer.is_success, (call, answer.text)
        sent = (await http.post(f"/webhooks/{webhook}/test")).json()["delivery_id"]
        assert (await http.post(f"/deliveries/{sent}/retry")).status_code == 409  # a test is not sent again

    run(talk, "webhooks:write", "events:write")


def test_a_test_of_a_webhook_that_is_deleted_meanwhile_ends_at_once():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook = await subscribed(http, receiver)
        test = asyncio.create_task(http.post(f"/webhooks/{webhook}/test"))
        await asyncio.sleep(0.3)
        assert (await http.delete(f"/webhooks/{webhook}")).status_code == 204
        answer = await test
        assert answer.status_code == 404
        assert "deleted before the test was sent" in answer.json()["detail"]

    run(talk, works=False)


def test_a_probe_that_succeeds_starts_a_disabled_webhook_with_what_it_missed():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook_id = await subscribed(http, receiver)
        assert (await http.post(f"/webhooks/{webhook_id}/disable")).status_code == 200
        for number in range(3):
            assert (await http.post("/events", json={"type": "order.created", "data": {"number": number}})).json()["deliveries"] == 0
        receiver.answer = answering("503 Service Unavailable")
        failed = (await http.post(f"/webhooks/{webhook_id}/probe", json={"resume": True})).json()
        assert (failed["success"], failed["status"], failed["missed"], failed["resumed"]) == (False, "disabled", 3, False)
        assert failed["attempt"]["status_code"] == 503
        receiver.answer = raw_receiver.OK
        looked = (await http.post(f"/webhooks/{webhook_id}/probe")).json()
        assert (looked["success"], looked["status"], looked["missed"], looked["resumed"]) == (True, "disabled", 3, False)
        resumed = (await http.post(f"/webhooks/{webhook_id}/probe", json={"resume": True, "event": "order.created"})).json()
        assert (resumed["success"], resumed["status"], resumed["missed"], resumed["resumed"]) == (True, "active", 3, True)
        for _ in range(400):
            sent = (await http.get(f"/webhooks/{webhook_id}/deliveries", params={"status": "delivered"})).json()["data"]
            if len([each for each in sent if each["kind"] == "event"]) == 3:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(sent)

    run(talk)


def test_a_probe_of_a_paused_webhook_lets_go_what_waits_and_one_of_an_active_webhook_changes_nothing():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook_id = await subscribed(http, receiver)
        active = (await http.post(f"/webhooks/{webhook_id}/probe", json={"resume": True})).json()
        assert (active["success"], active["status"], active["missed"], active["resumed"]) == (True, "active", 0, False)
        assert (await http.post(f"/webhooks/{webhook_id}/pause")).status_code == 200
        await http.post("/events", json={"type": "order.created", "data": {}})
        paused = (await http.post(f"/webhooks/{webhook_id}/probe", json={"resume": True})).json()
        assert (paused["success"], paused["status"], paused["missed"], paused["resumed"]) == (True, "active", 1, True)

    run(talk)


def test_a_probe_may_skip_what_was_missed():
    async def talk(http: Http, receiver: RawReceiver) -> None:
        webhook_id = await subscribed(http, receiver)
        await http.post(f"/webhooks/{webhook_id}/disable")
        await http.post("/events", json={"type": "order.created", "data": {}})
        skipped = (await http.post(f"/webhooks/{webhook_id}/probe", json={"resume": True, "missed": "skip"})).json()
        assert (skipped["missed"], skipped["resumed"], skipped["status"]) == (1, True, "active")
        assert (await http.get(f"/webhooks/{webhook_id}")).json()["status"] == "active"
        listed = (await http.get(f"/webhooks/{webhook_id}/deliveries")).json()["data"]
        assert {each["kind"] for each in listed} == {"test"}
        assert (await http.post(f"/webhooks/{webhook_id}/probe", json={"missed": "all"})).status_code == 422

    run(talk)
