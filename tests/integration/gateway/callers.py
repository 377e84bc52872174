"""Who calls the door in tests, and what every refusal has."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlmodel import select

from backend.accounts import sessions, tokens
from backend.api_keys import service
from backend.api_keys.inputs import KeyInput
from backend.core import db, queue
from backend.core.actor import Actor, Role
from backend.gateway import instance
from backend.logs import recorder
from backend.models import ApiKey, RequestLog, UnknownRequest, User
from backend.settings import settings
from tests.factories import accounts


def make(actor: Actor, *scopes: str, **values: Any) -> tuple[ApiKey, str]:
    given = {"name": "Partner", "scopes": list(scopes) or ["webhooks:read"], **values}
    with db.transaction(write=True) as session:
        return service.create(session, actor=actor, input=KeyInput(**given))


def change(operation: Any, actor: Actor, key: ApiKey, **values: Any) -> Any:
    with db.transaction(write=True) as session:
        return operation(session, actor=actor, key_id=key.id, **values)


def set_up(actor: Actor, **changes: Any) -> None:
    """Change the installation's settings of the door."""
    with db.transaction(write=True) as session:
        admin = accounts.member(session, actor.workspace_id, Role.SUPER_ADMIN)
        instance.change(session, actor=admin, changes=changes)
    instance.forget()


def access_token(actor: Actor) -> tuple[str, str]:
    """A user's access token and the id of its session."""
    with db.transaction(write=True) as session:
        user = session.get(User, actor.id)
        assert user is not None
        _, row = sessions.open_session(session, user, workspace_id=actor.workspace_id, ip="", user_agent="", kind="api")
        info = sessions.info_of(session, row)
    assert info is not None
    return tokens.access_token(info), row.id


def refused(answer: httpx.Response, status: int, words: str) -> dict[str, Any]:
    """The problem of a refusal, after what every refusal has was checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["statusCode"], problem["message"]) == (status, status, problem["detail"])
    assert problem["instance"] == answer.request.url.path
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert words in problem["detail"], problem["detail"]
    assert problem["detail"].rstrip().endswith((".", "`."))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    return problem


def requests_of(actor: Actor) -> list[RequestLog]:
    assert recorder.flush()
    with db.transaction() as session:
        return list(session.exec(select(RequestLog).where(RequestLog.workspace_id == actor.workspace_id).order_by(RequestLog.id)).all())  # type: ignore[arg-type] - a column


def strangers() -> list[UnknownRequest]:
    assert recorder.flush()
    with db.transaction() as session:
        return list(session.exec(select(UnknownRequest).order_by(UnknownRequest.id)).all())  # type: ignore[arg-type] - a column


def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process's Redis be one that nobody serves."""
    monkeypatch.setenv("REDIS_URL", "unix:///nonexistent/valkey.sock")
    settings.cache_clear()
    queue.forget_connections()
