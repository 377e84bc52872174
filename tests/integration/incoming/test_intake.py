"""Requests at an incoming webhook: stored first, made records of, recognised when they come again, told why they are not."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend.core import db
from backend.incoming import plans, presets, requests, service
from backend.models import RequestLog, UnknownRequest
from backend.orders import money
from backend.orders import service as orders
from tests.integration.incoming import steps
from tests.integration.incoming.steps import Post
from tests.unit.incoming.sources import b64, mac

pytestmark = pytest.mark.usefixtures("database", "redis")


def reason(answer: httpx.Response, status: int) -> str:
    """What a refusal says, after what every one has was checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["instance"] == "/api/v1/webhooks/incoming"
    return answer.json()["detail"]


def test_a_request_becomes_a_record_and_its_event() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner)

    answer = steps.say(token, {"email": "Ada@example.com", "name": "Ada", "amount": 12.5})

    assert answer.status_code == 201, answer.text
    (record,) = steps.all_of(owner)
    assert (record["email"], record["name"], record["amount"]) == ("ada@example.com", "Ada", 12.5)
    told = answer.json()
    assert (told["success"], told["status"], told["id"], told["action"]) == (True, "accepted", record["id"], "created")
    (row,) = steps.stored(owner)
    assert (row.status, row.record_id, row.incoming_id, row.id) == ("accepted", record["id"], webhook.id, told["request_id"])
    assert [step["name"] for step in row.steps] == ["signature", "body", "mapping", "record"]
    (event,) = steps.events(owner)
    assert event.trace_id == row.trace_id == told["trace_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-incoming-request-id"] == row.id


def test_create_update_and_upsert() -> None:
    owner = steps.people()
    _, creating = steps.make(owner, action="create")
    _, updating = steps.make(owner, action="update")
    _, upserting = steps.make(owner)
    answers: list[httpx.Response] = []

    async def post_all(post: Post) -> None:
        ada = {"email": "ada@example.com", "name": "Ada"}
        for token in (updating, creating, creating, updating, upserting):
            answer = await post(token, {**ada, "name": f"Ada {len(answers)}"})
            answers.append(answer)

    steps.talk(post_all)
    assert "no record of people has" in reason(answers[0], 422)
    assert answers[0].json()["errors"][0]["path"] == "email"
    assert [answer.status_code for answer in answers[1:]] == [201, 409, 200, 200]
    assert [answer.json().get("action") for answer in answers[3:]] == ["updated", "updated"]
    assert [record["name"] for record in steps.all_of(owner)] == ["Ada 4"]


def test_orders_are_made_and_moved_from_a_providers_payload() -> None:
    owner = steps.people()

    preset = presets.find("deliveroo")
    assert preset is not None
    status = {
        "source": "body.order.status",
        "target": "status",
        "transform": {"name": "lookup", "table": {"placed": "pending", "accepted": "confirmed"}},
    }
    mapping = [*preset.field_mapping, status]
    _, token = steps.make(owner, module="orders", upsert_field=None, field_mapping=mapping)
    accepted: dict[str, Any] = json.loads(json.dumps(preset.sample))
    accepted["body"]["order"]["status"] = "accepted"
    answers: list[httpx.Response] = []

    async def post_all(post: Post) -> None:
        answers.extend([await post(token, preset.sample), await post(token, accepted), await post(token, {"body": {"order": {"id": "x"}}})])

    steps.talk(post_all)
    assert [answer.status_code for answer in answers] == [201, 200, 422], answers[0].text
    assert {error["path"] for error in answers[2].json()["errors"]} == {"branch_id", "items"}
    with db.transaction() as session:
        detail = orders.get(session, actor=owner, order_id=answers[0].json()["id"])
    assert (detail.order.provider, detail.order.external_id, detail.order.status) == ("deliveroo", "gb:0b2e7d4c", "confirmed")
    assert (detail.items[0].product_id, detail.items[0].quantity) == ("product-456", 2)
    assert len(steps.events(owner, "order.created")) == len(steps.events(owner, "order.confirmed")) == 1


def test_an_order_of_shopify_comes_in_once_and_is_changed_as_it_changes_there() -> None:
    owner = steps.people()
    preset = presets.find("shopify_orders")
    assert preset is not None
    with db.transaction(write=True) as session:
        _, token = service.create(session, actor=owner, values={"source": preset.name, "verification": {"secret": steps.SECRET}})
    answers: list[httpx.Response] = []

    async def post_all(post: Post) -> None:
        for number, note in enumerate((None, "Leave it at the door")):
            body = json.dumps({**preset.sample, "note": note}).encode()
            proof = b64(mac(steps.SECRET, body))
            answers.append(await post(token, body, {"x-shopify-hmac-sha256": proof, "x-shopify-webhook-id": f"w-{number}"}))

    steps.talk(post_all)
    assert [answer.status_code for answer in answers] == [201, 200], answers[0].text
    with db.transaction() as session:
        found = orders.get(session, actor=owner, order_id=answers[1].json()["id"])
    order = found.order
    assert (order.provider, order.external_id, order.branch_id, order.order_type) == (
        "generic",
        "820982911946154508",
        "shopify",
        "delivery",
    )
    assert (order.customer_name, order.customer_phone, order.notes) == ("John Smith", "555-555-7777", "Leave it at the door")
    assert (order.delivery_address, order.currency) == ("123 Shipping Street, 40003, Shippington, United States", "USD")
    assert order.total == 403 * money.UNIT
    assert [(item.product_id, item.quantity) for item in found.items] == [("IPOD2008PINK", 1), ("141249953214522974", 1)]


def test_a_refusal_names_the_field_its_source_and_the_reason() -> None:
    owner = steps.people()
    _, token = steps.make(
        owner, field_mapping=[{"source": "who.mail", "target": "email", "required": True}, {"source": "n", "target": "name"}]
    )
    answers: list[httpx.Response] = []

    async def post_all(post: Post) -> None:
        answers.extend([await post(token, {"n": "Ada"}), await post(token, {"who": {"mail": "ada"}, "n": 5})])

    steps.talk(post_all)
    assert reason(answers[0], 422) == "email: who.mail is absent, and the field is required."
    assert [(each["path"], each["message"]) for each in answers[1].json()["errors"]] == [
        ("email", "who.mail is no e-mail address."), ("name", "n is a number, no text.")
    ]  # fmt: skip
    assert [(row.status, row.reason, row.record_id) for row in steps.stored(owner)] == [
        ("rejected", "mapping", None),
        ("rejected", "record", None),
    ]
    assert steps.all_of(owner) == []
    (event,) = steps.events(owner, "incoming.rejected")  # once in ten minutes, however many there are
    assert json.loads(event.body)["data"]["reason"] == "mapping"


def test_what_is_not_the_sources_is_kept_and_makes_nothing() -> None:
    owner = steps.people()
    _, token = steps.make(owner, verification={"scheme": "github", "secret": steps.SECRET})
    body = json.dumps({"email": "ada@example.com", "name": "Ada"}).encode()
    answers: list[httpx.Response] = []

    async def post_all(post: Post) -> None:
        for headers in (steps.github(body, secret="another"), {}, steps.github(body), steps.github(body)):
            answer = await post(token, body, headers)
            answers.append(answer)

    steps.talk(post_all)
    assert reason(answers[0], 401).startswith("The step signature failed. The signature does not match")
    assert reason(answers[1], 401).startswith("The step headers failed. The header x-hub-signature-256 is missing.")
    assert (answers[2].status_code, answers[3].status_code) == (201, 200)
    again = answers[3].json()
    assert (again["status"], again["id"]) == ("duplicate", answers[2].json()["id"])
    assert "came before" in again["detail"]
    assert [row.status for row in steps.stored(owner)] == ["rejected", "rejected", "accepted", "duplicate"]
    assert len(steps.all_of(owner)) == 1


def test_a_rejected_request_may_come_again_under_its_id() -> None:
    owner = steps.people()
    _, token = steps.make(owner, verification={"scheme": "none", "dedupe": "id"})
    answers: list[httpx.Response] = []

    async def post_all(post: Post) -> None:
        for name in (5, "Ada", "Bob"):
            answer = await post(token, {"id": "e-1", "email": "ada@example.com", "name": name})
            answers.append(answer)

    steps.talk(post_all)
    assert [answer.status_code for answer in answers] == [422, 201, 200]
    assert answers[2].json()["status"] == "duplicate"
    assert [record["name"] for record in steps.all_of(owner)] == ["Ada"]


def test_handshakes_and_answers_that_sources_insist_on() -> None:
    owner = steps.people()
    _, slack = steps.make(owner, verification={"scheme": "slack", "secret": "sl"})
    _, github = steps.make(owner, verification={"scheme": "github", "secret": steps.SECRET})
    _, xero = steps.make(owner, verification={"scheme": "xero", "secret": "xe"})

    async def post_all(post: Post) -> None:
        challenge = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode()
        at = str(int(time.time()))
        signed = {"x-slack-request-timestamp": at, "x-slack-signature": "v0=" + mac("sl", f"v0:{at}:".encode() + challenge).hex()}
        answer = await post(slack, challenge, signed)
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "3eZbrw1aB", "text/plain; charset=utf-8")
        answer = await post(slack, challenge, {**signed, "x-slack-signature": "v0=" + "0" * 64})
        assert (answer.status_code, "3eZbrw1aB" in answer.text) == (401, False)
        ping = b'{"zen":"Keep it logically awesome."}'
        answer = await post(github, ping, {**steps.github(ping), "x-github-event": "ping"})
        assert (answer.status_code, answer.json()["action"]) == (200, "handshake")
        intent = b'{"events":[]}'
        answer = await post(xero, intent, {"x-xero-signature": b64(mac("xe", intent))})
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await post(xero, intent, {"x-xero-signature": b64(mac("no", intent))})).status_code == 401

    steps.talk(post_all)
    assert steps.all_of(owner) == []


def test_without_a_mapping_requests_are_kept_for_later() -> None:
    owner = steps.people()
    _, token = steps.make(owner, field_mapping=[], action="create")
    answer = steps.say(token, {"email": "ada@example.com"})
    assert (answer.status_code, answer.json()["status"]) == (202, "captured")
    assert steps.stored(owner)[0].status == "captured"


def test_forms_lists_and_bodies_that_say_nothing() -> None:
    owner = steps.people()
    _, token = steps.make(owner)
    _, listing = steps.make(owner, items="people")
    answers: list[httpx.Response] = []

    async def post_all(post: Post) -> None:
        form = {"content-type": "application/x-www-form-urlencoded"}
        answers.append(await post(token, b"email=ada%40example.com&name=Ada+Byron", form))
        answers.append(await post(listing, {"people": [{"email": f"{n}@example.com", "name": f"N{n}"} for n in range(3)]}))
        answers.append(await post(listing, {"people": [{"email": "new@example.com", "name": "New"}, {"email": "x", "name": "X"}]}))
        answers.append(await post(token, b"not json"))
        answers.append(await post(token, b"--x", {"content-type": "multipart/form-data; boundary=x"}))
        answers.append(await post(listing, {"other": 1}))

    steps.talk(post_all)
    assert [answer.status_code for answer in answers] == [201, 201, 422, 400, 415, 422]
    assert len(answers[1].json()["ids"]) == 3
    assert [row.reason for row in steps.stored(owner)] == [None, None, "record", "json", "media", "mapping"]
    assert len(steps.all_of(owner)) == 4  # of the list with a mistake in it nothing was made


def test_addresses_that_lead_nowhere_say_nothing() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner)
    with db.transaction(write=True) as session:
        service.delete(session, actor=owner, incoming_id=webhook.id)
    for wrong in (token, plans.TOKEN_PREFIX + "0" * 33, "x", "xdi_ä", "pause"):
        answer = steps.say(wrong, {})
        assert (answer.status_code, answer.json()["request_id"]) == (404, answer.headers["x-request-id"])
    with db.transaction() as session:
        logged = session.exec(select(UnknownRequest)).all()
        assert session.exec(select(RequestLog)).all() == []
    assert {row.path for row in logged} == {"/api/v1/webhooks/incoming/{token}"}
    assert steps.stored(owner) == []


def test_a_disabled_webhook_refuses_and_keeps() -> None:
    owner = steps.people()
    _, token = steps.make(owner, is_active=False)
    answer = steps.say(token, {"email": "ada@example.com", "name": "Ada"})
    assert "disabled" in reason(answer, 403)
    (row,) = steps.stored(owner)
    assert (row.status, row.reason) == ("rejected", "disabled")
    told = answer.json()
    assert (told["request_id"], told["trace_id"]) == (row.id, row.trace_id) == (answer.headers["x-incoming-request-id"], row.trace_id)
    assert row.trace_id == answer.headers["x-request-id"]


def test_the_limit_of_a_webhook_is_its_own() -> None:
    owner = steps.people()
    _, token = steps.make(owner, rate_limit=2)
    _, other = steps.make(owner)
    statuses: list[int] = []

    async def post_all(post: Post) -> None:
        for number, each in enumerate((token, token, token, other)):
            answer = await post(each, {"email": f"{number}@example.com", "name": "Ada"})
            statuses.append(answer.status_code)
            if answer.status_code == 429:
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.headers["x-ratelimit-limit"] == "2"

    steps.talk(post_all)
    assert statuses == [201, 201, 429, 201]


def test_a_regenerated_token_leaves_the_old_one_working_for_the_overlap() -> None:
    owner = steps.people()
    webhook, old = steps.make(owner)
    with db.transaction(write=True) as session:
        _, new = service.regenerate_token(session, actor=owner, incoming_id=webhook.id, overlap_hours=24)
    body = {"email": "ada@example.com", "name": "Ada"}
    assert [steps.say(token, body).status_code for token in (old, new)] == [201, 200]
    with db.transaction(write=True) as session:
        _, newest = service.regenerate_token(session, actor=owner, incoming_id=webhook.id, overlap_hours=0)
    assert [steps.say(token, body).status_code for token in (old, new, newest)] == [404, 404, 200]


def test_fifty_concurrent_posts_of_one_key_make_one_record() -> None:
    owner = steps.people()
    _, token = steps.make(owner)

    async def post_all(post: Post) -> None:
        answers = await asyncio.gather(*(post(token, {"email": "ada@example.com", "name": f"Ada {n}"}) for n in range(50)))
        assert {answer.status_code for answer in answers} == {200, 201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert [answer.status_code for answer in answers].count(201) == 1

    steps.talk(post_all)
    assert len(steps.all_of(owner)) == 1
    assert len(steps.events(owner)) == 1
    assert [row.status for row in steps.stored(owner)] == ["accepted"] * 50


def test_secrets_are_neither_stored_nor_shown() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, verification={"scheme": "basic", "username": "ada", "secret": "pa55-word"})
    body = {"email": "ada@example.com", "name": "Ada", "password": "hunter2-secret", "deep": [{"access_token": "t0ken-value"}]}
    basic = {"authorization": "Basic " + base64.b64encode(b"ada:pa55-word").decode(), "cookie": "session=abcdefgh"}
    assert steps.say(token, body, basic).status_code == 201
    (row,) = steps.stored(owner)
    with db.transaction() as session:
        _, shown = requests.get(session, actor=owner, incoming_id=webhook.id, request_id=row.id)
    everything = repr(row) + repr(shown) + repr(webhook) + repr(steps.events(owner))
    for secret in ("pa55-word", base64.b64encode(b"ada:pa55-word").decode(), "hunter2-secret", "t0ken-value", "abcdefgh", token):
        assert secret not in everything
    assert ("authorization", "[redacted]") in shown.headers
    assert shown.payload["password"] == shown.payload["deep"][0]["access_token"] == "[redacted]"
    assert shown.payload["name"] == "Ada"


def test_secrets_are_cut_out_of_whatever_was_sent() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, verification={"scheme": "header", "header": "X-Hook", "secret": "s3cret-of-then"})
    sent = {"x-hook": "s3cret-of-then", "x-gitlab-token": "t0ken-of-gitlab", "x-hub-signature-256": "sha256=abc"}
    steps.say(token, b'{"name": "Ada", "client_secret": "hunter2-secret", "pwd": ["hunter3-secret"], "state": "CA"', sent)
    steps.say(token, {"passwords": ["x"], "password": ["hunter4-secret"], "postal_code": "N1", "state": "CA", "key": "ABC-1"}, sent)
    with db.transaction(write=True) as session:
        service.update(session, actor=owner, incoming_id=webhook.id, changes={"verification": {"scheme": "github", "secret": "new"}})
    broken, read = steps.stored(owner)
    with db.transaction() as session:
        shown = [requests.get(session, actor=owner, incoming_id=webhook.id, request_id=row.id)[1] for row in (broken, read)]
    for secret in ("s3cret-of-then", "t0ken-of-gitlab", "hunter2", "hunter4"):
        assert secret not in repr(shown)
    assert ("x-hub-signature-256", "sha256=abc") in shown[0].headers
    assert '"state": "CA"' in shown[0].body
    assert (shown[1].payload["state"], shown[1].payload["postal_code"], shown[1].payload["key"]) == ("CA", "N1", "ABC-1")


def test_ids_that_begin_alike_are_not_the_same() -> None:
    owner = steps.people()
    _, token = steps.make(owner, verification={"scheme": "none", "dedupe": "id"})
    for number in range(2):
        assert steps.say(token, {"id": "x" * 500 + str(number), "email": f"{number}@example.com", "name": "Ada"}).status_code == 201
