"""Owns the HTTP server of `web` (console and API) and `api` (the API alone): granian, one process, one event loop."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend import process
from backend.core import lifecycle, logging
from backend.core.logging import logger
from backend.settings import Settings

APPLICATIONS = {"web": "console.serve:create", "api": "backend.app:create_app"}

_MOST_CONNECTIONS = 16_384  # open ones, idle ones too; else as few as the backlog, which one stranger's idle ones would fill
_LEAVE_SECONDS = 1.0  # for browsers to be told to go
_DRAIN_SECONDS = 5.0  # for requests that are being answered
_CLOSE_SECONDS = 2.0  # for what the application writes at its end
_log = logger(__name__)


def run(name: str) -> None:
    """Serve `web` or `api` until asked to stop."""
    module, _, factory = APPLICATIONS[name].partition(":")
    settings = process.begin(name, module)
    application: ASGIApp = getattr(importlib.import_module(module), factory)()
    asyncio.run(_serve(settings, name, application))


async def _serve(settings: Settings, name: str, application: ASGIApp) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    lifespan = Lifespan(application)
    leaving = Leaving(application, stopping)
    server = Server(
        leaving,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,  # its own lifespan would not end while a connection is open
        backlog=1024,
        backpressure=_MOST_CONNECTIONS,
        log_access=False,
    )
    logging.configure(settings, name)  # the server's constructor has replaced the handlers
    with lifecycle.on_stop(lambda: loop.call_soon_threadsafe(stopping.set)):
        await lifespan.start()
        process.keep_loaded()
        serving = asyncio.create_task(server.serve())
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()  # raises what ended it
        await asyncio.wait({asyncio.create_task(leaving.left())}, timeout=_LEAVE_SECONDS)
        server.interrupt_signal = True
        server.main_loop_interrupt.set()
        await asyncio.wait({serving}, timeout=_DRAIN_SECONDS)
        await asyncio.wait({asyncio.create_task(lifespan.stop())}, timeout=_CLOSE_SECONDS)
    if not serving.done():
        _log.warning("server.connections_cut")
    sys.stdout.flush()
    # Threads that still answer a request must not hold the process; their transactions roll back.
    os._exit(0)


class Lifespan:
    """The application's own start and stop, by the ASGI lifespan protocol."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Have the application start. Raises `RuntimeError` if it cannot."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._task = asyncio.create_task(self._run(scope))
        await self._ask("lifespan.startup")

    async def stop(self) -> None:
        """Have the application stop."""
        await self._ask("lifespan.shutdown")

    async def _run(self, scope: Scope) -> None:
        try:
            await self._application(scope, self._asked.get, self._told.put)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what start() reports
            _log.exception("server.lifespan_failed")
            await self._told.put({"type": "lifespan.failed", "message": str(error)})

    async def _ask(self, event: str) -> None:
        await self._asked.put({"type": event})
        answer = await self._told.get()
        if answer["type"] != f"{event}.complete":
            raise RuntimeError(f"The application did not answer {event}: {answer.get('message', '')}")


class Leaving:
    """Ends every websocket when the process is to stop, so that browsers go to its successor and nobody waits for them."""

    def __init__(self, application: ASGIApp, stopping: asyncio.Event) -> None:
        self._application = application
        self._stopping = stopping
        self._open = 0
        self._empty = asyncio.Event()
        self._empty.set()

    async def left(self) -> None:
        """Wait until no websocket is open any more."""
        await self._empty.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on everything but the wait of a websocket, which a stop ends as the peer's going away would."""
        if scope["type"] != "websocket":
            await self._application(scope, receive, send)
            return

        async def receive_or_leave() -> Message:
            message = asyncio.ensure_future(receive())
            stop = asyncio.ensure_future(self._stopping.wait())
            await asyncio.wait({message, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if message.done():
                return message.result()
            message.cancel()
            await send({"type": "websocket.close", "code": 1001})
            return {"type": "websocket.disconnect", "code": 1001}

        self._open += 1
        self._empty.clear()
        try:
            await self._application(scope, receive_or_leave, send)
        finally:
            self._open -= 1
            if not self._open:
                self._empty.set()
