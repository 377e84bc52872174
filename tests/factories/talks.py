"""A client of the whole application, gateway included, that holds a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from backend import app as application
from backend.api_keys import service as api_keys
from backend.api_keys.service import KeyInput
from backend.core import db, queue
from backend.core.actor import Actor
from backend.logs import recorder
from tests.factories import accounts

Http = httpx.AsyncClient


def key_of(actor: Actor, *scopes: str) -> str:
    """An unlimited key of the actor's workspace."""
    with db.transaction(write=True) as session:
        return api_keys.create(session, actor=actor, input=KeyInput(name="Partner", scopes=list(scopes), limit_per_minute=None))[1]


def run(talk: Callable[[Http], Awaitable[None]], *scopes: str, actor: Actor | None = None) -> None:
    """Have a key with `scopes`, of the actor's workspace or a new one, talk to the application below `/api/v1`."""
    key = key_of(actor or accounts.workspace(), *scopes)

    async def session_of() -> None:
        transport = httpx.ASGITransport(application.create_app())
        headers = {"authorization": f"Bearer {key}"}
        try:
            async with Http(transport=transport, base_url="http://127.0.0.1:8000/api/v1", headers=headers, timeout=30) as http:
                await talk(http)
        finally:
            await queue.close_async()

    recorder.start()
    try:
        asyncio.run(session_of())
    finally:
        recorder.stop()
