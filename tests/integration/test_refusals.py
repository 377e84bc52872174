"""Every kind of refusal by the whole API: its body, its headers, and the sentence that says what to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from backend import app as application
from backend.api_keys import service as api_keys
from backend.core import clock, crypto, db, ids, queue
from backend.core import tokens as shapes
from backend.core.actor import Actor
from backend.docs import guides
from backend.gateway import instance
from backend.idempotency import service as idempotency
from backend.logs import recorder
from backend.models import ApiKey, IdempotencyRecord
from tests.factories import accounts
from tests.integration.gateway.callers import away, change, make

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors", "statusCode", "message"}
HOW = "Send an API key as `Authorization: Bearer xdk_…` or `X-API-Key: xdk_…`, or a user's access token from POST /api/v1/auth/token."
BARE = 'Bearer realm="crossdock"'
NOT_VALID = f'{BARE}, error="invalid_token"'
SECONDS = r"\d+"
ORDER = {"branch_id": "b", "order_type": "pickup", "items": [{"product_id": "p", "quantity": 1}], "external_id": "4711"}


@dataclass(frozen=True)
class Refusal:
    """A request, and the answer to it: status, code, title, and expressions of its sentence and of its own headers.

    `{key}` in the path is the id of the caller's key. `prepare` is done to the workspace before; `more` are further members of the body.
    """

    status: int
    code: str
    title: str
    detail: str
    method: str = "GET"
    path: str = "/api/v1/webhooks"
    scopes: tuple[str, ...] = ("webhooks:read",)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    content: bytes | None = None
    token: str | None = None  # another than the key's own; none if empty
    prepare: Callable[[Actor, ApiKey], None] | None = None
    shown: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    times: int = 1


def revoke(owner: Actor, key: ApiKey) -> None:
    change(api_keys.revoke, owner, key)


def disable(owner: Actor, key: ApiKey) -> None:
    change(api_keys.disable, owner, key)


def take_name(owner: Actor, _key: ApiKey) -> None:
    from backend.event_types import service as event_types

    with db.transaction(write=True) as session:
        event_types.create(session, actor=owner, name="invoice.settled")


def still_running(owner: Actor, key: ApiKey) -> None:
    """A claim without an answer, as another transaction would see it that cannot wait."""
    with db.transaction(write=True) as session:
        record = IdempotencyRecord(
            id=ids.new("idk"), workspace_id=owner.workspace_id, caller=key.id, route="POST /api/v1/orders", key="k", state="running",
            body_hash=crypto.fingerprint(b"x"), expires_at=clock.now() + idempotency.KEPT_FOR,
        )  # fmt: skip
        session.add(record)


REFUSALS = {
    "no JSON": Refusal(
        400, "bad_request", "Bad request", r"The body is not JSON: .+ at character \d+\. Send an object\.",
        "POST", "/api/v1/orders", ("orders:write",), {"content-type": "application/json"}, content=b'{"a":',
    ),
    "no credential": Refusal(
        401, "unauthenticated", "Not authenticated", f"This call needs a credential. {re.escape(HOW)}", token="",
        shown={"www-authenticate": re.escape(BARE)},
    ),
    "no key": Refusal(
        401, "unauthenticated", "Not authenticated",
        r"This API key is not known here\. Check that it is the whole key, and for this address\.",
        token=shapes.new_api_key(), shown={"www-authenticate": re.escape(NOT_VALID)},
    ),
    "revoked": Refusal(
        401, "unauthenticated", "Not authenticated", r"This API key was revoked at \S+Z\. Ask its owner for a new one\.",
        prepare=revoke, shown={"www-authenticate": re.escape(NOT_VALID)},
    ),
    "disabled": Refusal(
        401, "unauthenticated", "Not authenticated", r"This API key is disabled at \S+Z\. Ask its owner to enable it\.",
        prepare=disable, shown={"www-authenticate": re.escape(NOT_VALID)},
    ),
    "scope": Refusal(
        403, "forbidden", "Not allowed",
        r"This needs the scope webhooks:write, which the key does not hold\. Use a key that has it, or add it\.",
        "POST", body={}, more={"requiredScopes": ["webhooks:write", "webhooks:manage"]},
        shown={"www-authenticate": re.escape(f'{BARE}, error="insufficient_scope", scope="webhooks:write webhooks:manage"')},
    ),
    "users only": Refusal(
        403, "forbidden", "Not allowed", r"API keys cannot do this; sign in as a user\.", path="/api/v1/logs/audit", more={"requiredScopes": []},
    ),
    "nothing there": Refusal(
        404, "not_found", "Not found", r"There is no such webhook in this workspace\. Check the id; GET /api/v1/webhooks lists them\.",
        path="/api/v1/webhooks/whk_none",
    ),
    "no path": Refusal(
        404, "not_found", "Not found", r"There is nothing at /api/v1/nothing\. GET /api/openapi\.json lists every call\.", path="/api/v1/nothing"
    ),
    "method": Refusal(
        405, "method_not_allowed", "Method not allowed", r"/api/v1/webhooks has no DELETE\. Use GET or POST\.",
        "DELETE", shown={"allow": "GET, POST"},
    ),
    "taken": Refusal(
        409, "conflict", "Conflict", r"There is already an event type invoice\.settled\. Change that one, or use another name\.",
        "POST", "/api/v1/event-types", ("events:write",), body={"name": "invoice.settled"}, prepare=take_name,
    ),
    "running": Refusal(
        409, "in_progress", "Conflict", r"A request with this idempotency key is still running\. Try again in a second to get its answer\.",
        "POST", "/api/v1/orders", ("orders:write",), {"idempotency-key": "k"}, ORDER, prepare=still_running, shown={"retry-after": "1"},
    ),
    "size": Refusal(
        413, "too_large", "Too large", r"The body is larger than 1,048,576 bytes, the most that this call takes\. Send less, or in parts\.",
        "POST", "/api/v1/orders", ("orders:write",), {"content-type": "application/json"}, content=b" " * (1024 * 1024 + 1),
    ),
    "media": Refusal(
        415, "unsupported_media", "Unsupported media type",
        r"The body's content type is text/plain\. Send JSON with `Content-Type: application/json`\.",
        "POST", "/api/v1/orders", ("orders:write",), {"content-type": "text/plain"}, content=b"{}",
    ),
    "values": Refusal(
        422, "invalid", "Not valid", r"url: is missing\. events: .*", "POST", scopes=("webhooks:write",), body={},
    ),
    "limit": Refusal(
        429, "rate_limited", "Rate limit exceeded", rf"The limit of 2 per minute for this API key is used up\. Try again in {SECONDS} s\.",
        shown={
            "retry-after": SECONDS, "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": r"\S+Z",
            "ratelimit": rf'"per_minute";r=0;t={SECONDS}', "ratelimit-policy": '"per_minute";q=2;w=60',
        },
        times=3,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def recording(database: object, redis: object) -> Iterator[None]:  # noqa: ARG001 - the door stands on both
    """The request log's thread, ended before the database is gone."""
    instance.forget()
    recorder.start()
    yield
    recorder.stop()
    instance.forget()


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_body_its_headers_and_its_sentence(name: str) -> None:
    wanted = REFUSALS[name]
    owner = accounts.workspace()
    key, token = make(owner, *wanted.scopes, limit_per_minute=2)
    if wanted.prepare is not None:
        wanted.prepare(owner, key)
    answer = ask(wanted, token if wanted.token is None else wanted.token)
    judge(answer, wanted)


def test_what_is_out_of_reach_is_503_with_the_time_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    away(monkeypatch)
    wanted = Refusal(503, "unavailable", "Unavailable for now", r".+\.", path="/api/openapi.json", shown={"retry-after": SECONDS})
    judge(ask(wanted, ""), wanted)


def test_every_refusal_that_there_is_has_one_here() -> None:
    assert {each.status for each in REFUSALS.values()} | {503} == {400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 503}


def ask(wanted: Refusal, token: str) -> httpx.Response:
    """The answer to the last of the requests."""

    async def send() -> httpx.Response:
        headers = {**wanted.headers, **({"authorization": f"Bearer {token}"} if token else {})}
        transport = httpx.ASGITransport(application.create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=headers) as client:
            try:
                answers = [
                    await client.request(wanted.method, wanted.path, json=wanted.body, content=wanted.content) for _ in range(wanted.times)
                ]
            finally:
                await queue.close_async()
        return answers[-1]

    return asyncio.run(send())


def judge(answer: httpx.Response, wanted: Refusal) -> None:
    """Everything that a refusal has."""
    body: dict[str, Any] = answer.json()
    assert answer.status_code == wanted.status, answer.text
    further = {429: {"retryAfter", "violated-policies"}, 403: {"requiredScopes"}}.get(wanted.status, set())
    assert body.keys() == MEMBERS | further
    assert (body["status"], body["statusCode"], body["code"], body["title"]) == (wanted.status, wanted.status, wanted.code, wanted.title)
    assert re.fullmatch(wanted.detail, body["detail"]), body["detail"]
    assert (body["message"], body["instance"]) == (body["detail"], wanted.path)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {name: body[name] for name in wanted.more} == wanted.more
    assert bool(body["errors"]) == (wanted.status == 422)
    assert all(each.keys() == {"path", "message", "fix"} and all(each.values()) for each in body["errors"])
    _judge_headers(answer, wanted)
    guide = guides.find("errors")
    assert guide is not None
    assert f"\n## {wanted.code}\n" in guide.markdown
    assert wanted.status == 429 or body["type"] == f"http://127.0.0.1:8000/api/docs/guides/errors#{wanted.code}"


def _judge_headers(answer: httpx.Response, wanted: Refusal) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert answer.headers["content-length"] == str(len(answer.content))
    for name, expression in wanted.shown.items():
        assert re.fullmatch(expression, answer.headers[name]), (name, answer.headers[name])
    for name in ("retry-after", "allow", "www-authenticate"):
        assert (name in answer.headers) == (name in wanted.shown or (name == "www-authenticate" and "users" in wanted.detail)), name
