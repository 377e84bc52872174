"""Every door of the API that opens without a credential, by name: a new one fails here until it is written down."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from redis import Redis
from starlette.routing import Route

from backend import app as application
from backend.core import db, queue
from backend.logs import recorder

# What strangers may call, each for a reason. The forms answer with a page to go to, whoever posts.
OPEN = {
    "GET /api/openapi.json",  # the schema, which says nothing of what is stored
    "GET /api/docs",  # the documentation says nothing of what is stored either
    "GET /api/docs/{version}",
    "GET /api/docs/guides/{name}",
    "GET /api/docs/assets/{name}",
    "GET /api/postman.json",
    "POST /api/v1/auth/token",  # signing in
    "POST /api/v1/auth/refresh",  # the refresh token is the credential
    "GET /api/v1/monitoring/health",
    "GET /api/v1/monitoring/health/live",
    "GET /api/v1/monitoring/health/ready",
    "POST /api/v1/webhooks/incoming/{token}",  # the token is part of the address
    "POST /oauth/token",  # the key is in the form, or in HTTP Basic
    "POST /auth/setup",  # takes a one-time token
    "POST /auth/login",
    "POST /auth/logout",
    "POST /auth/logout-everywhere",
    "POST /auth/workspace",
    "POST /auth/accept-invitation",  # takes a one-time token
    "POST /auth/join",  # the same, of somebody who has an account
    "GET /api/v1/integrations/oauth/callback",  # takes a single-use state
    "GET /api/v1/integrations/oauth/callback/{integration_id}",  # the same
    "POST /api/v1/integrations/oauth/callback",  # the same
    "GET /sandbox/.well-known/openid-configuration",  # the sandbox is a provider of its own, with credentials of its own
    "GET /sandbox/.well-known/oauth-authorization-server",
    "GET /sandbox/oauth/authorize",
    "POST /sandbox/oauth/authorize",
    "POST /sandbox/oauth/token",
    "ANY /receiver/{token:path}",  # the token is part of the address
}
_PARAMETER = re.compile(r"{[^}]+}")


@pytest.fixture
def api(sqlite_url: str, redis: Redis) -> Iterator[Any]:  # noqa: ARG001 - the limits count there
    """The application behind its gateway."""
    opened = db.configure(sqlite_url)
    recorder.start()
    yield application.create_app()
    recorder.stop()
    opened.dispose()


def test_exactly_these_doors_open_without_a_credential(api: Any, redis: Redis):
    answers = _run(_knock(api, redis))

    assert len(answers) > len(OPEN) + 30
    assert {door for door, answer in answers.items() if answer.status_code not in {401, 403}} == OPEN
    for door, answer in answers.items():
        if door not in OPEN and " /sandbox/" not in door:  # which refuses as providers do
            assert answer.headers["content-type"] == "application/problem+json", door
            assert answer.headers["www-authenticate"].startswith("Bearer"), door


def test_no_form_lets_a_stranger_in(api: Any, redis: Redis):
    answers = _run(_knock(api, redis))
    forms = {door: answer for door, answer in answers.items() if " /auth/" in door}
    assert {answer.status_code for answer in forms.values()} == {303}
    for door, answer in forms.items():
        assert answer.headers["location"].startswith(("/login", "/setup?error=", "/invitation?error=")), door
        assert "__Host-crossdock=;" in answer.headers.get("set-cookie", "__Host-crossdock=;"), door


def test_another_way_to_write_an_address_opens_nothing(api: Any, redis: Redis):
    async def knock() -> None:
        for path in (
            "//api/v1/webhooks",
            "/api//v1/webhooks",
            "/api/v1/webhooks/",
            "/api/v1/../v1/webhooks",
            "/%61pi/v1/webhooks",
            "/API/v1/webhooks",
        ):
            for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE", "TRACE", "get"):
                redis.flushall()
                answer = await _ask(api, method, path)
                assert answer.status_code in {307, 401, 404, 405}, (method, path)
                assert "data" not in answer.text, (method, path)

    _run(knock())


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    async def closing() -> Any:
        try:
            return await work
        finally:
            await queue.close_async()

    return asyncio.run(closing())


def test_a_slash_too_many_leads_to_no_host_that_the_caller_names(api: Any):
    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://elsewhere.example") as http:
            return [await http.get("/metrics/"), await http.post("/oauth/token/")]

    assert [answer.status_code for answer in _run(ask())] == [404, 404]


async def _knock(api: Any, redis: Redis) -> dict[str, httpx.Response]:
    """What each route answers to somebody without a credential."""
    answers: dict[str, httpx.Response] = {}
    for method, path in _doors(api._app.routes):
        redis.flushall()  # so that the limit for strangers stays out of it
        answers[f"{method} {path}"] = await _ask(api, "POST" if method == "ANY" else method, _PARAMETER.sub("x", path))
    return answers


def _doors(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(included := getattr(route, "original_router", None), APIRouter):
            yield from _doors(included.routes, prefix + route.include_context.prefix)
            continue
        assert isinstance(route, Route | APIRoute), f"{route!r} is something that this test knows no doors of"
        for method in sorted(route.methods - {"HEAD"}) if route.methods else ["ANY"]:
            yield method, prefix + route.path


async def _ask(api: Any, method: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://127.0.0.1:8000", timeout=30) as http:
        is_form = path.startswith("/auth/")
        request = http.build_request(method, "/", data={"x": "y"} if is_form else None, json=None if is_form or method != "POST" else {})
        request.url = httpx.URL("http://127.0.0.1:8000").copy_with(raw_path=path.encode())
        return await http.send(request)
