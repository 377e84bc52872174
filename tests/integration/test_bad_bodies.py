"""A bad body gets all its errors at once, of form and of meaning, each with its path and what would be right; nothing is made of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from backend import app as application
from backend.core import queue
from backend.core.actor import Actor
from backend.gateway import instance
from backend.logs import recorder
from tests.factories import accounts, rows
from tests.integration.gateway.callers import access_token

_JSON = {"content-type": "application/json"}

# What is wrong of each kind of body, by the paths of all that is to be told. The words `zz` and `skopes` are no fields.
BODIES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "api-keys": (
        {"name": 5, "scopes": ["nope:read"], "skopes": 1, "rate_limit": {"per_minute": 0}, "allowed_ips": ["x"], "expires_at": "soon"},
        {"name", "scopes[0]", "skopes", "rate_limit.per_minute", "allowed_ips[0]", "expires_at"},
    ),
    "webhooks": (
        {"url": "nowhere", "events": ["no.such"], "timeout": "x", "zz": 1, "filter": {"all": 3}, "headers": {"host": "x"}},
        {"url", "events[0]", "timeout", "zz", "filter.all", "headers.host"},
    ),
    "event-types": ({"name": "Bad Name!", "description": 5, "zz": 1}, {"name", "description", "zz"}),
    "events": (
        {"type": "no.such", "data": [1], "zz": 1, "occurred_at": "2095-01-01T00:00:00Z", "idempotency_key": "ü"},
        {"type", "data", "zz", "occurred_at", "idempotency_key"},
    ),
    "events/batch": (
        {"events": [{"type": "no.such", "data": {}}, {"type": "order.created", "data": {}, "occurred_at": "2095-01-01T00:00:00Z"}]},
        {"events[0].type", "events[1].occurred_at"},
    ),
    "orders": (
        {"branch_id": 5, "order_type": "x", "items": [{"quantity": 0}, {"product_id": "p", "quantity": "1", "unit_price": "a"}], "zz": 1},
        {"branch_id", "order_type", "items[0].product_id", "items[0].quantity", "items[1].quantity", "items[1].unit_price", "zz"},
    ),
    "modules": (
        {"name": "Bad name", "label": 7, "fields": [{"name": "x y", "type": "nope"}, {"name": "t", "type": "select"}], "zz": 1},
        {"name", "singular", "label", "fields[0].name", "fields[0].type", "fields[1].options", "zz"},
    ),
    "replays": (
        {"filter": {"status": "nope", "webhook_id": 5, "zz": 1}, "rate": 0, "reason": 7, "zz": 1},
        {"filter.status", "filter.webhook_id", "filter.zz", "rate", "reason", "zz"},
    ),
    "records/contacts": ({"email": "no", "firstName": 5, "zz": 1}, {"email", "firstName", "zz"}),
    "webhooks/bulk": ({"action": "nope", "ids": [], "zz": 1, "overlap_hours": "x"}, {"action", "ids", "zz", "overlap_hours"}),
}


@pytest.fixture(autouse=True)
def recording(database: object, redis: object) -> Iterator[None]:  # noqa: ARG001 - the door stands on both
    """The request log's thread, ended before the database is gone."""
    instance.forget()
    recorder.start()
    yield
    recorder.stop()


def ask(owner: Actor, bodies: Mapping[str, dict[str, Any] | bytes]) -> dict[str, httpx.Response]:
    """What the calls that create answer to these bodies."""

    async def send() -> dict[str, httpx.Response]:
        headers = {"authorization": f"Bearer {access_token(owner)[0]}"}
        transport = httpx.ASGITransport(application.create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000/api/v1/", headers=headers) as client:
            try:
                return {path: await client.post(path, content=_written(body), headers=_JSON) for path, body in bodies.items()}
            finally:
                await queue.close_async()

    return asyncio.run(send())


def _written(body: dict[str, Any] | bytes) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_cannot_be_read_is_told_with_what_to_do() -> None:
    deep, long, latin = b"[" * 5000 + b"]" * 5000, b"9" * 5000, b'"\xff"'
    bodies = {path: b'{"data": ' + value + b"}" for path, value in (("events", deep), ("orders", long), ("webhooks", latin))}
    answers = ask(accounts.workspace(), bodies)
    assert {path: (answer.status_code, answer.json()["detail"]) for path, answer in answers.items()} == {
        "events": (400, "The body is nested too deeply. Flatten it: a few levels are plenty."),
        "orders": (400, "A number in the body has more than 4,300 digits. Send it as a text."),
        "webhooks": (400, "The body is not UTF-8 at byte 10. Send JSON in UTF-8."),
    }


def test_every_mistake_of_a_body_is_told_at_once_and_nothing_is_made_of_it() -> None:
    owner = accounts.workspace()
    ask(owner, {"modules/starter-sets/crm/install": {}})
    before = rows.of_workspace(owner.workspace_id)
    answers = ask(owner, {path: body for path, (body, _) in BODIES.items()})
    for path, answer in answers.items():
        assert answer.status_code == 422, (path, answer.text)
        errors = answer.json()["errors"]
        assert {each["path"] for each in errors} == BODIES[path][1], path
        assert len({each["path"] for each in errors}) == len(errors), path
        assert all(each["message"].endswith(".") and each["fix"].endswith((".", "?")) for each in errors), errors
    kept = rows.of_workspace(owner.workspace_id)
    for table in ("request_log", "request_rollup", "user_session"):
        before.pop(table, None)
        kept.pop(table, None)
    assert kept == before


def test_a_misspelt_field_is_told_the_nearest_that_there_is() -> None:
    body = {"url": "https://x.example.com/h", "evnts": ["*"], "retry_polcy": {}}
    answer = ask(accounts.workspace(), {"webhooks": body})["webhooks"]
    fixes = {each["path"]: each["fix"] for each in answer.json()["errors"]}
    assert fixes.keys() == {"evnts", "retry_polcy", "events"}
    assert (fixes["evnts"], fixes["retry_polcy"]) == ("Did you mean events?", "Did you mean retry_policy?")
