"""Owns the HTTP server of `web` (console and API) and `api` (the API alone): granian, one process, one event loop."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

from backend import process
from backend.core import lifecycle, logging
from backend.core.logging import logger
from backend.settings import Settings

APPLICATIONS = {"web": "console.serve:create", "api": "backend.app:create_app"}

_GRACE_SECONDS = 6.0
_log = logger(__name__)


def run(name: str) -> None:
    """Serve `web` or `api` until asked to stop."""
    settings = process.begin(name)
    application = _load(APPLICATIONS[name])
    asyncio.run(_serve(settings, name, application))
    # Threads that still answer a request must not hold the process; their transactions roll back.
    os._exit(0)


async def _serve(settings: Settings, name: str, application: Callable[..., Any]) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    server = Server(
        application,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        backlog=1024,
        log_access=False,
    )
    logging.configure(settings, name)  # the server's constructor has replaced the handlers
    with lifecycle.on_stop(lambda: loop.call_soon_threadsafe(stopping.set)):
        serving = asyncio.create_task(server.serve())
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()
            return
        server.interrupt_signal = True
        server.main_loop_interrupt.set()
        _, late = await asyncio.wait({serving}, timeout=_GRACE_SECONDS)
        if late:
            _log.warning("server.connections_cut")


def _load(target: str) -> Callable[..., Any]:
    module, _, factory = target.partition(":")
    return getattr(importlib.import_module(module), factory)()
