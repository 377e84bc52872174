"""Routes that create honour `Idempotency-Key`: the first answer again for the same key and body, without its secrets."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection
from typing import Annotated, Any, TypeVar

from fastapi import Header, Response
from sqlmodel import Session

from backend.core import crypto, web
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.core.web import Body, Out
from backend.idempotency import service

REPLAYED = "Idempotency-Replayed"
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="The same key and body give the first answer again, for 24 hours, without secrets.",
        json_schema_extra={"pattern": rf"^[!-~]([ -~]{{0,{service.MAX_KEY_LENGTH - 2}}}[!-~])?$"},
    ),
]

Answer = TypeVar("Answer", bound=Out)


def once(
    session: Session,
    *,
    actor: Actor,
    route: str,
    key: str | None,
    body: Body,
    response: Response,
    make: Callable[[], Answer],
    answer: type[Answer],
    secrets: Collection[str] = (),
    status_code: int = 201,
) -> Answer:
    """What `make` makes, or made when this key first came; `secrets` are the fields that a repeated answer has null.

    `route` is the method and path, `status_code` that of the route. Raises `Invalid` for an unusable key, `Conflict` when it came with another body.
    """
    if key is None:
        return make()
    scope, replay = _begin(session, actor, route, key, body.model_dump(mode="json", exclude_unset=True))
    if replay is not None:
        response.headers[REPLAYED] = "true"
        response.status_code = replay.status_code
        return answer.model_validate(replay.answer)
    made = make()
    kept = made.model_dump(mode="json") | dict.fromkeys(secrets)
    service.finish(session, scope, status_code=response.status_code or status_code, answer=kept)
    return made


async def once_outside(
    *,
    actor: Actor,
    route: str,
    key: str | None,
    body: Body,
    response: Response,
    work: Callable[[], Awaitable[Answer]],
    answer: type[Answer],
    status_code: int = 200,
) -> Answer:
    """The same for what asks somebody else's server, between transactions: a key whose work failed is free again.

    Raises as `once`; `Conflict` too where the first request was cut off, since nobody knows whether it was done.
    """
    if key is None:
        return await work()
    scope = _scope(actor, route, key, body.model_dump(mode="json", exclude_unset=True))
    replay = await web.in_transaction(service.claim, write=True, scope=scope)
    if replay is not None:
        response.headers[REPLAYED] = "true"
        return answer.model_validate(replay.answer)
    try:
        made = await work()
    except CrossdockError:
        await web.in_transaction(service.release, write=True, scope=scope)
        raise
    kept = made.model_dump(mode="json")
    await web.in_transaction(service.finish, write=True, scope=scope, status_code=status_code, answer=kept)
    return made


def check(key: str | None) -> None:
    """Judge the key of a request that makes nothing, as if it did. Raises `Invalid`."""
    if key is not None:
        service.check_key(key)


def once_document(
    session: Session, *, actor: Actor, route: str, key: str | None, body: Any, make: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """The same for a route whose body and answer are JSON objects of any content; and whether this is the answer from before."""
    if key is None:
        return make(), False
    scope, replay = _begin(session, actor, route, key, body)
    if replay is not None:
        return replay.answer, True
    made = make()
    service.finish(session, scope, status_code=201, answer=made)
    return made, False


def _begin(session: Session, actor: Actor, route: str, key: str, body: Any) -> tuple[service.Scope, service.Replay | None]:
    scope = _scope(actor, route, key, body)
    return scope, service.begin(session, scope)


def _scope(actor: Actor, route: str, key: str, body: Any) -> service.Scope:
    same = json.dumps(body, sort_keys=True).encode()  # JSON's members have no order
    return service.Scope(actor.workspace_id, actor.id, route, service.check_key(key), crypto.fingerprint(same))
