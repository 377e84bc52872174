"""The application served over real HTTP by the server of production."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest
from granian.constants import Interfaces
from granian.server.embed import Server
from redis import Redis

from backend import app as application
from backend.core import db
from backend.logs import recorder
from backend.settings import settings
from tests.waiting import eventually


@pytest.fixture
def origin(database: db.Database, redis: Redis, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the application answers, gateway included."""
    assert db.database() is database
    assert redis.ping()
    monkeypatch.setenv("CROSSDOCK_PORT", str(free_port))
    settings.cache_clear()
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stopping = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stopping))
        server = Server(application.create_app(), address="127.0.0.1", port=free_port, interface=Interfaces.ASGI, log_access=False)
        serving = asyncio.create_task(server.serve())
        ready.set()
        await stopping.wait()
        server.interrupt_signal = True
        server.main_loop_interrupt.set()
        await asyncio.wait({serving}, timeout=5)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    url = f"http://127.0.0.1:{free_port}"
    eventually(lambda: httpx.get(f"{url}/api/v1/monitoring/health/live").status_code < 500)
    yield url
    loop, stopping = loops[0]
    loop.call_soon_threadsafe(stopping.set)
    thread.join(10)
    recorder.stop()
