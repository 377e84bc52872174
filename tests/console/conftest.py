"""A web process of its own, and browsers' tabs reduced to their websocket."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import socketio

from backend.accounts import cookies, sessions
from backend.core import db
from backend.core.actor import Actor
from backend.models import User
from tests.conftest import ENCRYPTION_KEY
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent.parent
NAMESPACE = "/_event"
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Web:
    """A web process: its address, its database, its log."""

    address: str
    database_url: str
    log: Path


@pytest.fixture(scope="session")
def web_process(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, valkey_url: str) -> Iterator[Web]:
    """`crossdock web` on a migrated, empty database, for all tests of this folder."""
    folder = tmp_path_factory.mktemp("console")
    file = folder / "console.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_")} | {
        "CROSSDOCK_DATA_DIR": str(folder),
        "CROSSDOCK_PORT": str(port),
        "CROSSDOCK_LOG_FORMAT": "json",
        "CROSSDOCK_EGRESS_ALLOW": "127.0.0.0/8",
        "ENCRYPTION_KEY": ENCRYPTION_KEY,
        "DATABASE_URL": f"sqlite:///{file}",
        "REDIS_URL": valkey_url,
    }
    log = folder / "web.log"
    with log.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", "backend", "web"], cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
    web = Web(f"http://127.0.0.1:{port}", f"sqlite:///{file}", log)
    try:
        eventually(lambda: httpx.get(f"{web.address}/ping").status_code == 200, seconds=60)
        yield web
    finally:
        process.terminate()
        process.wait(15)


@pytest.fixture
def web(web_process: Web, redis: object) -> Web:  # noqa: ARG001 - the hints go through the same Valkey
    """The web process, with its database as the one of the test."""
    db.configure(web_process.database_url)
    return web_process


def signed_in(actor: Actor) -> str:
    """The Cookie header of a browser in which `actor` has signed in."""
    with db.transaction(write=True) as session:
        user = session.get_one(User, actor.id)
        token, _ = sessions.open_session(session, user, workspace_id=actor.workspace_id, ip="127.0.0.1", user_agent="test")
    return f"{cookies.NAME}={token}"


@dataclass(slots=True)
class Tab:
    """A tab: what it sends, and every update that it was sent."""

    client: socketio.AsyncClient
    updates: list[dict[str, Any]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, name: str, payload: dict[str, Any] | None = None, *, path: str = "/") -> None:
        """Send an event as a page at `path` does."""
        plain, _, query = path.partition("?")
        router = {"pathname": plain, "asPath": path, "query": dict(part.split("=", 1) for part in query.split("&") if part)}
        await self.client.emit("event", {"name": name, "payload": payload or {}, "router_data": router}, namespace=NAMESPACE)

    async def until(self, condition: Callable[[Tab], object]) -> None:
        """Wait until what has arrived fulfils `condition`."""
        async with asyncio.timeout(_PATIENCE):
            while not condition(self):
                self.arrived.clear()
                await self.arrived.wait()

    def forget(self) -> None:
        """Begin anew."""
        self.updates.clear()

    @property
    def deltas(self) -> dict[str, Any]:
        """Every value that has arrived, by state and variable."""
        return {
            f"{state}.{name}": value
            for update in self.updates
            for state, values in (update.get("delta") or {}).items()
            for name, value in values.items()
        }

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Every event that the browser was told to run."""
        return [(event["name"], event.get("payload")) for update in self.updates for event in update.get("events") or ()]

    def was_sent_to(self, path: str) -> bool:
        """Whether it was redirected to `path`."""
        return any(name == "_redirect" and path in str(payload) for name, payload in self.events)

    def was_told(self, words: str) -> bool:
        """Whether a toast says `words`."""
        return any(words in str(payload) for _, payload in self.events)


@asynccontextmanager
async def tab(web: Web, cookie: str = "", *, token: str = "", origin: str | None = None) -> AsyncIterator[Tab]:
    """An open tab."""
    http = aiohttp.ClientSession()
    client = socketio.AsyncClient(reconnection=False, http_session=http)
    opened = Tab(client)

    def receive(update: dict[str, Any]) -> None:
        opened.updates.append(update)
        opened.arrived.set()

    client.on("event", receive, namespace=NAMESPACE)
    headers = {"Origin": origin if origin is not None else web.address} | ({"Cookie": cookie} if cookie else {})
    url = f"{web.address}?token={token or uuid.uuid4()}"
    try:
        await client.connect(url, headers=headers, transports=["websocket"], socketio_path="/_event", namespaces=[NAMESPACE])
        yield opened
    finally:
        await client.disconnect()
        await http.close()
