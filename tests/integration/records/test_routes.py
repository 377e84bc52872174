"""Modules and records over HTTP, through the door: names, errors, idempotency, scopes by module, and what the log keeps."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend import app as application
from backend.api_keys import service as api_keys
from backend.api_keys.service import KeyInput
from backend.core import db, queue
from backend.core.actor import Actor
from backend.core.errors import Invalid
from backend.logs import recorder
from backend.models import Record, RequestLog
from tests.factories import accounts
from tests.integration.records.steps import define, install, make
from tests.integration.records.test_records import count

pytestmark = pytest.mark.usefixtures("database", "redis")
Client = httpx.AsyncClient


def key(actor: Actor, *scopes: str) -> str:
    """A new API key with these scopes."""
    with db.transaction(write=True) as session:
        return api_keys.create(session, actor=actor, input=KeyInput(name="Partner", scopes=list(scopes), limit_per_minute=None))[1]


@contextlib.asynccontextmanager
async def client(token: str) -> AsyncIterator[Client]:
    """A client of the whole application with a key."""
    recorder.start()
    transport = httpx.ASGITransport(application.create_app())
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with Client(transport=transport, base_url="http://127.0.0.1:8000/api/v1", timeout=30, headers=headers) as http:
            yield http
    finally:
        await queue.close_async()
        recorder.stop()


def calling(token: str, work: Callable[[Client], Awaitable[Any]]) -> Any:
    """What `work` does with a client."""

    async def run() -> Any:
        async with client(token) as http:
            return await work(http)

    return asyncio.run(run())


def test_a_module_and_its_records_from_nothing() -> None:
    actor = accounts.workspace()

    async def work(http: Client) -> None:
        body = {"name": "invoices", "label": "Invoices", "fields": [{"name": "dueOn", "type": "date", "maxLength": None}]}
        made = await http.post("/modules", json=body)
        assert made.status_code == 201, made.text
        assert [field["name"] for field in made.json()["fields"]] == ["due_on"]
        assert made.json()["event_types"] == ["invoice.created", "invoice.updated", "invoice.deleted"]
        assert (await http.get("/modules/invoices")).json() == made.json()
        assert (await http.get("/modules")).json() == {"data": [made.json()], "next_cursor": None, "has_more": False}
        record = await http.post("/records/invoices", json={"dueOn": "2026-01-31"})
        assert record.status_code == 201
        place = f"/records/invoices/{record.json()['id']}"
        assert (await http.get(place)).json() == record.json()
        assert (await http.get("/records/invoices")).json() == {"data": [record.json()], "next_cursor": None, "has_more": False}
        for method in ("PATCH", "PUT"):
            changed = await http.request(method, place, json={"due_on": f"2026-02-0{len(method) - 2}"})
            assert changed.json()["due_on"] == f"2026-02-0{len(method) - 2}"
        assert (await http.delete("/modules/invoices")).status_code == 409
        assert (await http.delete(place)).status_code == 204
        assert (await http.get(place)).status_code == 404
        assert (await http.delete("/modules/invoices")).status_code == 204
        assert (await http.get("/records/invoices")).status_code == 404

    calling(key(actor, "modules:manage", "records:manage"), work)


def test_pages_through_the_door_are_those_of_the_service() -> None:
    actor = accounts.workspace()
    define(actor)
    records = [make(actor, title=f"{number} – ünï", amount=number) for number in range(7)]

    async def work(http: Client) -> None:
        for parameters in ({}, {"sort": "amount"}, {"amount[gte]": "2", "q": "ünï"}):
            found: list[dict[str, Any]] = []
            cursor: str | None = None
            for _ in range(4):
                answer = await http.get("/records/things", params=parameters | {"limit": "3"} | ({"cursor": cursor} if cursor else {}))
                assert answer.headers["content-type"] == "application/json"
                assert answer.headers["x-ratelimit-limit" if "x-ratelimit-limit" in answer.headers else "x-request-id"]
                found += answer.json()["data"]
                cursor = answer.json()["next_cursor"]
                assert answer.json()["has_more"] == (cursor is not None)
                if cursor is None:
                    break
            wanted = [one for one in records if "q" not in parameters or one["amount"] >= 2]
            assert found == (wanted if "sort" in parameters else wanted[::-1])

    calling(key(actor, "records:read"), work)


def test_many_pages_at_the_same_moment_are_each_answered() -> None:
    actor = accounts.workspace()
    define(actor)
    for number in range(5):
        make(actor, title=str(number))

    async def work(http: Client) -> None:
        await http.get("/records/things")
        answers = await asyncio.gather(*(http.get(f"/records/things?limit={1 + index % 6}") for index in range(80)))
        for index, answer in enumerate(answers):
            if index % 6 == 5:
                assert [one["title"] for one in answer.json()["data"]] == ["4", "3", "2", "1", "0"]
            else:
                assert len(answer.json()["data"]) == 1 + index % 6
        assert (await http.get("/records/things?limit=0")).status_code == 422
        assert (await http.get("/records/things?cursor=made-up")).status_code == 422

    calling(key(actor, "things:read"), work)


def test_a_create_with_an_idempotency_key_happens_once() -> None:
    actor = accounts.workspace()
    define(actor)

    async def work(http: Client) -> None:
        headers = {"Idempotency-Key": "abc"}
        first = await http.post("/records/things", json={"title": "One", "extra": {"b": 1, "a": 2}}, headers=headers)
        again = await http.post("/records/things", json={"extra": {"a": 2, "b": 1}, "title": "One"}, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert (first.headers.get("Idempotency-Replayed"), again.headers.get("Idempotency-Replayed")) == (None, "true")
        other = await http.post("/records/things", json={"title": "Two"}, headers=headers)
        assert other.status_code == 409
        refused = await http.post("/records/things", json={"amount": "x"}, headers={"Idempotency-Key": "def"})
        assert refused.status_code == 422
        assert (await http.post("/records/things", json={"title": "Two"}, headers={"Idempotency-Key": "def"})).status_code == 201
        at_once = await asyncio.gather(
            *(http.post("/records/things", json={"title": "x"}, headers={"Idempotency-Key": "g"}) for _ in range(5))
        )
        assert {answer.status_code for answer in at_once} <= {201, 409}
        types = [await http.post("/event-types", json={"name": "a.b"}, headers={"Idempotency-Key": "t"}) for _ in range(2)]
        assert (types[0].status_code, types[0].json()) == (201, types[1].json())
        modules = [await http.post("/modules", json={"name": "m", "fields": []}, headers={"Idempotency-Key": "m"}) for _ in range(2)]
        assert modules[0].json() == modules[1].json()

    calling(key(actor, "records:write", "modules:write", "events:write"), work)
    assert count(Record) == 3


def test_a_bad_body_is_told_with_every_field() -> None:
    actor = accounts.workspace()
    define(actor)

    async def work(http: Client) -> None:
        answer = await http.post("/records/things", json={"amount": "x", "day": 5, "nope": 1})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert {error["path"] for error in answer.json()["errors"]} == {"amount", "day", "nope", "title"}
        assert all(error["fix"] for error in answer.json()["errors"])
        for body in (
            b"[]",
            b"null",
            b'"x"',
            b"{",
            b'{"title": NaN}',
            b'{"extra": [1e999]}',
            b'{"title": "\\ud800"}',
            b'{"title": "a\\u0000"}',
        ):
            told = await http.post("/records/things", content=body, headers={"Content-Type": "application/json", "Idempotency-Key": "k"})
            assert told.status_code in {400, 422}, (body, told.text)
        assert (await http.post("/records/nothing", json={})).status_code == 404
        assert (await http.get("/records/things/rec_nothing")).status_code == 404

    calling(key(actor, "records:manage"), work)


def test_a_key_for_one_module_reaches_no_other() -> None:
    actor = accounts.workspace()
    install(actor)
    define(actor, "projects", [{"name": "title", "type": "text"}])
    with pytest.raises(Invalid) as refused:
        key(actor, "project:read")
    assert refused.value.errors[0].fix == "Did you mean projects:read?"
    made = make(actor, "projects", title="One")
    token = key(actor, "projects:read", "contacts:write")

    async def work(http: Client) -> None:
        assert (await http.get("/records/projects")).status_code == 200
        assert (await http.get(f"/records/projects/{made['id']}")).status_code == 200
        assert (await http.post("/records/contacts", json={"email": "a@example.com"})).status_code == 201
        answer = await http.get("/records/contacts")
        assert answer.status_code == 403
        assert answer.json()["requiredScopes"] == ["contacts:read", "contacts:manage", "records:read", "records:manage"]
        assert (await http.delete(f"/records/projects/{made['id']}")).status_code == 403
        assert (await http.get("/records/leads")).status_code == 403
        assert (await http.get("/modules")).status_code == 403

    calling(token, work)
    older = key(actor, "gl:read")
    install(actor, "erp")

    async def older_work(http: Client) -> None:
        assert (await http.get("/records/gl_entries")).status_code == 200
        assert (await http.get("/records/invoices")).status_code == 403

    calling(older, older_work)


def test_the_request_log_keeps_nothing_of_what_records_are_looked_for_by() -> None:
    actor = accounts.workspace()
    define(actor)

    async def work(http: Client) -> None:
        await http.get("/records/things", params={"email": "grace@example.com", "limit": "5", "q": "byron", "sort": "title"})
        await http.post("/records/things", json={"email": "not-an-address-of-grace", "title": "x"})

    calling(key(actor, "things:manage"), work)
    with db.transaction() as session:
        logged = session.exec(select(RequestLog).order_by(RequestLog.id)).all()
    text = json.dumps([row.model_dump(mode="json") for row in logged])
    assert "things" in text
    assert "limit=5" in text
    assert "sort=title" in text
    assert "grace" not in text
    assert "byron" not in text


def test_catalogues_come_page_by_page_and_short_lists_whole_in_the_same_envelope() -> None:
    actor = accounts.workspace()

    async def work(http: Client) -> None:
        await http.post("/event-types", json={"name": "a.first"})
        for path, name in (("/event-types", "name"), ("/integrations/providers", "id")):
            page = (await http.get(path, params={"limit": 200})).json()
            everything = [row[name] for row in page["data"]]
            assert (page["next_cursor"], page["has_more"], len(set(everything))) == (None, False, len(everything))
            found, cursor = list[str](), None
            while cursor is not None or not found:
                page = (await http.get(path, params={"limit": 20, **({"cursor": cursor} if cursor else {})})).json()
                assert page["has_more"] is (page["next_cursor"] is not None)
                assert len(page["data"]) <= 20
                found, cursor = found + [row[name] for row in page["data"]], page["next_cursor"]
            assert found == everything
            assert [(await http.get(path, params=wrong)).status_code for wrong in ({"limit": 201}, {"limit": 0}, {"cursor": "x"})] == [
                422
            ] * 3
        assert len((await http.get("/event-types")).json()["data"]) == 50
        for path in ("/templates", "/incoming-webhooks/sources", "/modules/starter-sets", "/api-keys/due", "/routes/actions"):
            page = (await http.get(path)).json()
            assert (page.keys(), page["next_cursor"], page["has_more"]) == ({"data", "next_cursor", "has_more"}, None, False), path

    calling(key(actor, *(f"{each}:manage" for each in ("events", "integrations", "modules", "incoming", "api_keys"))), work)


def test_starter_sets_are_listed_and_installed() -> None:
    actor = accounts.workspace()

    async def work(http: Client) -> None:
        listed = (await http.get("/modules/starter-sets")).json()["data"]
        assert {one["name"]: [module["name"] for module in one["modules"]] for one in listed} == {
            "crm": ["contacts", "leads", "opportunities", "tasks", "tickets"],
            "erp": ["forms", "invoices", "gl_entries", "workflows", "approvals"],
            "social": ["posts", "mentions", "conversations", "messages", "alerts", "campaigns"],
            "restaurant": ["branches", "products"],
        }
        installed = await http.post("/modules/starter-sets/crm/install")
        assert (installed.status_code, installed.json()["kept"]) == (200, [])
        again = await http.post("/modules/starter-sets/crm/install")
        assert again.json() == {"name": "crm", "made": [], "kept": ["contacts", "leads", "opportunities", "tasks", "tickets"]}
        assert (await http.post("/modules/starter-sets/none/install")).status_code == 404
        listed = (await http.get("/modules/starter-sets")).json()["data"]
        assert all(module["installed"] == (one["name"] == "crm") for one in listed for module in one["modules"])

    calling(key(actor, "modules:manage"), work)
