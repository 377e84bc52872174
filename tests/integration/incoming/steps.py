"""What tests of incoming webhooks do again and again: make one, post to it, look at what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
from sqlmodel import select

from backend import app as application
from backend.core import db, queue
from backend.core.actor import Actor
from backend.incoming import intake, service
from backend.logs import recorder
from backend.models import Event, IncomingRequest, IncomingWebhook
from backend.records import modules
from backend.records import service as records
from backend.records.definitions import ModuleInput
from tests.factories import accounts

SECRET = "It's a Secret to Everybody"
FIELDS = (
    {"name": "email", "type": "email", "unique": True},
    {"name": "name", "type": "text", "required": True, "max_length": 200},
    {"name": "amount", "type": "number"},
    {"name": "anything", "type": "json"},
)


def people(actor: Actor | None = None) -> Actor:
    """A workspace with a module `people`; its owner."""
    owner = actor or accounts.workspace()
    with db.transaction(write=True) as session:
        modules.create(session, actor=owner, input=ModuleInput(name="people", fields=list(FIELDS)))
    return owner


def make(actor: Actor, **values: Any) -> tuple[IncomingWebhook, str]:
    """An incoming webhook into `people`, and its token."""
    given: dict[str, Any] = {
        "name": "People",
        "module": "people",
        "action": "upsert",
        "upsert_field": "email",
        "field_mapping": {"email": "email", "name": "name", "amount": "amount"},
        "rate_limit": None,
    }
    with db.transaction(write=True) as session:
        return service.create(session, actor=actor, values={**given, **values})


def github(body: bytes, delivery: str = "72d3162e", secret: str = SECRET) -> dict[str, str]:
    """The headers that GitHub sends with a body."""
    return {
        "content-type": "application/json",
        "x-github-event": "issues",
        "x-github-delivery": delivery,
        "x-hub-signature-256": "sha256=" + hmac.digest(secret.encode(), body, hashlib.sha256).hex(),
    }


Post = Callable[..., Awaitable[httpx.Response]]


def talk(work: Callable[[Post], Awaitable[None]]) -> None:
    """Have somebody post to addresses of the whole application, gateway included."""

    async def session_of() -> None:
        transport = httpx.ASGITransport(application.create_app())
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=30) as http:

                async def post(token: str, body: Any, headers: Mapping[str, str] | None = None, query: str = "") -> httpx.Response:
                    content = body if isinstance(body, bytes) else json.dumps(body).encode()
                    given = {"content-type": "application/json", **(headers or {})}
                    return await http.post(f"{service.PATH}{token}{query}", content=content, headers=given)

                await work(post)
        finally:
            await queue.close_async()

    recorder.start()
    try:
        asyncio.run(session_of())
    finally:
        intake.committer.stop()
        recorder.stop()


def say(token: str, body: Any, headers: Mapping[str, str] | None = None, query: str = "") -> httpx.Response:
    """Post once."""
    answers: list[httpx.Response] = []

    async def once(post: Post) -> None:
        answers.append(await post(token, body, headers, query))

    talk(once)
    return answers[0]


def stored(actor: Actor) -> list[IncomingRequest]:
    """Every stored request of the workspace, oldest first."""
    with db.transaction() as session:
        query = select(IncomingRequest).where(IncomingRequest.workspace_id == actor.workspace_id).order_by(IncomingRequest.id)  # type: ignore[arg-type]
        return list(session.exec(query).all())


def all_of(actor: Actor, module: str = "people") -> list[dict[str, Any]]:
    """Every record of a module."""
    with db.transaction() as session:
        return [each.document for each in records.list_records(session, actor=actor, module=module, parameters=[("limit", "200")]).data]


def events(actor: Actor, kind: str = "record.created") -> list[Event]:
    """The events of a type."""
    with db.transaction() as session:
        return list(session.exec(select(Event).where(Event.workspace_id == actor.workspace_id, Event.type == kind)).all())
