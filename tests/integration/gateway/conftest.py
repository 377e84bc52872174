"""A small API behind the real door, on an event loop of its own, and callers of it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from backend.accounts import routes as accounts
from backend.api_keys import oauth_routes
from backend.api_keys import routes as api_keys
from backend.audit import routes as audit
from backend.core import permissions, queue, refusals, web
from backend.docs import routes as docs
from backend.gateway import instance
from backend.gateway import routes as gateway
from backend.gateway.door import Gateway
from backend.integrations import log_routes as integration_log
from backend.logs import recorder
from backend.logs import routes as logs
from backend.monitoring import routes as monitoring
from backend.retention import routes as retention

PREFIX = "/api/v1"
things = web.Router(tags=["things"])


class Thing(web.Body):
    """What the small API takes."""

    name: str


@things.get("/things", **web.needs(permissions.WEBHOOKS_READ))
async def list_things(request: Request) -> dict[str, Any]:
    """Tell what arrived."""
    actor = request.scope["state"]["actor"]
    return {"actor": actor.id, "ip": actor.ip, "query": request.url.query, "request_id": actor.request_id}


@things.post("/things", status_code=201, **web.needs(permissions.WEBHOOKS_WRITE))
async def create_thing(body: Thing) -> dict[str, str]:
    """Take a body."""
    return {"name": body.name}


@things.get("/things/{thing_id}", **web.needs(permissions.WEBHOOKS_READ))
async def read_thing(thing_id: str) -> dict[str, str]:
    """Tell an id."""
    return {"id": thing_id}


@things.get("/open", **web.needs(web.PUBLIC))
async def read_open() -> dict[str, str]:
    """Answer everybody."""
    return {"open": "yes"}


@things.get("/boom", **web.needs(web.AUTHENTICATED))
async def boom() -> None:
    """Fail in a way that nobody expected."""
    raise RuntimeError("a secret of the inside")


class Door:
    """A gateway on a loop of its own, called from the test's thread."""

    def __init__(self) -> None:
        app = FastAPI(openapi_url=None)
        below = (
            things, accounts.router, api_keys.router, logs.router, integration_log.router, audit.router, retention.router, monitoring.router,
            gateway.router,
        )  # fmt: skip
        for router in below:
            app.include_router(router, prefix=PREFIX)
        app.include_router(docs.router, prefix="/api")
        app.include_router(monitoring.root)
        app.include_router(oauth_routes.router)
        refusals.install(app)
        self.gateway = Gateway(app, [*web.table(below, PREFIX), *web.table([docs.router], "/api"), *web.table([monitoring.root], "")])
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def call(self, method: str, path: str, *, ip: str = "203.0.113.7", key: str | None = None, **kwargs: Any) -> httpx.Response:
        """One request; a path without `/api` or `/oauth` is below `/api/v1`, but for `/metrics`. `key` goes in the Authorization header."""
        headers = dict(kwargs.pop("headers", {}))
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        full = path if path == "/api" or path.startswith(("/api/", "/oauth/", "/metrics")) else PREFIX + path

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.gateway, client=(ip, 40_000))
            async with httpx.AsyncClient(transport=transport, base_url="http://crossdock.test") as client:
                return await client.request(method, full, headers=headers, **kwargs)

        return self.run(send())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine on the door's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def close(self) -> None:
        """Stop the loop and whatever runs on it."""

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*others, return_exceptions=True)
            await queue.close_async()

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture(name="door")
def _door(database: object, redis: object) -> Iterator[Door]:  # noqa: ARG001 - it stands on both
    """The small API behind the door, on both databases."""
    instance.forget()
    made = Door()
    yield made
    made.close()
    recorder.stop()
    instance.forget()


@pytest.fixture
def other_door() -> Iterator[Door]:
    """A second process's door on the same database and Redis, as far as it remembers anything of its own."""
    made = Door()
    yield made
    made.close()
