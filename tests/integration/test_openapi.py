"""The OpenAPI document says what is true: security and scope of every call, our own errors, good names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from backend import app as application
from backend.core import queue, web
from backend.logs import recorder


@pytest.fixture
def recording() -> Iterator[None]:
    """The request log's thread, ended before the database is gone."""
    recorder.start()
    yield
    recorder.stop()


@pytest.mark.usefixtures("database", "redis", "recording")
def test_every_call_says_how_to_authenticate_what_it_needs_and_how_it_refuses() -> None:
    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application.create_app()), base_url="http://127.0.0.1:8000") as client:
            try:
                return await client.get("/api/openapi.json")
            finally:
                await queue.close_async()

    schema = asyncio.run(fetch()).json()
    entries = {(entry.method.lower(), entry.path): entry.permission for entry in application.operations()}
    entries["post", "/oauth/token"] = web.PUBLIC
    described = {(method, path): operation for path, methods in schema["paths"].items() for method, operation in methods.items()}
    assert described.keys() == entries.keys()
    names = [operation["operationId"] for operation in described.values()]
    assert len(names) == len(set(names))
    for place, operation in described.items():
        permission = entries[place]
        assert permission is not None
        assert operation["description"], place
        media = "application/json" if place[1] == "/oauth/token" else "application/problem+json"
        assert operation["responses"]["4XX"]["content"].keys() == {media}
        assert "422" not in operation["responses"]
        if permission is web.PUBLIC:
            assert operation["security"] == []
        else:
            assert operation["security"] == [{"bearer": []}, {"apiKey": []}]
            assert operation.get("x-scope") == permission.scope
    assert "HTTPValidationError" not in schema["components"]["schemas"]
