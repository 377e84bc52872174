"""A route's transaction: committed before the answer, rolled back on an error, and a failing commit never answers success."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlmodel import Session, select

from backend.core import db, ids, lenience, permissions, refusals, web
from backend.models import Workspace

router = web.Router(prefix="/things")


class Thing(web.Body):
    """A thing with a name."""

    first_name: str
    since: datetime | None = None


@router.post("", status_code=201, **web.needs(permissions.WEBHOOKS_WRITE))
def create(body: Thing, session: web.WriteSession) -> dict[str, str]:
    """Make one."""
    session.add(Workspace(id=ids.new("wsp"), name=body.first_name))
    return {"name": body.first_name}


@router.get("", **web.needs(permissions.WEBHOOKS_READ))
def names(session: web.ReadSession) -> list[str]:
    """All names."""
    return list(session.exec(select(Workspace.name)))


@router.post("/from-a-read", **web.needs(permissions.WEBHOOKS_READ))
def write_in_a_read(session: web.ReadSession) -> None:
    """What must not work."""
    session.execute(text("DELETE FROM workspace"))


@router.get("/looked-for/{what}", **web.needs(permissions.WEBHOOKS_READ))
def look_for(what: str, session: web.ReadSession) -> None:
    """Look for what no column can hold."""
    if what == "half":
        session.exec(select(Workspace).where(Workspace.name == "\ud800")).first()
    session.exec(select(Workspace).where(Workspace.webhooks_revision == 10**30)).first()
    session.connection().execute(text("SELECT CAST(:large AS integer)"), {"large": 10**30})


@router.get("/listed", **web.needs(permissions.WEBHOOKS_READ))
async def listed(limit: int = 50, webhook_id: str | None = None) -> list[str]:
    """Tell what was asked for."""
    return [str(limit), webhook_id or ""]


@router.post("/nested", **web.needs(permissions.WEBHOOKS_WRITE))
def describe(body: list[Any], session: web.WriteSession) -> str:
    """Do what recursion does with a body."""
    del session

    def depth(value: list[Any]) -> int:
        return 1 + max((depth(item) for item in value), default=0)

    return str(depth(body))


@pytest.fixture
def application() -> FastAPI:
    app = FastAPI()
    app.include_router(router)
    refusals.install(app)
    return app


@pytest.fixture
def failing_commit() -> Iterator[None]:
    def fail(_session: Session) -> None:
        raise RuntimeError("the commit failed")

    event.listen(Session, "before_commit", fail)
    yield
    event.remove(Session, "before_commit", fail)


def call(app: FastAPI, method: str, path: str, **kwargs: object) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **kwargs)  # pyright: ignore[reportArgumentType]  # as the test says

    return asyncio.run(send())


@pytest.mark.usefixtures("database")
def test_a_route_commits_before_it_answers_and_takes_both_spellings(application: FastAPI) -> None:
    assert call(application, "POST", "/things", json={"firstName": "a"}).status_code == 201
    assert call(application, "POST", "/things", json={"first_name": "b"}).status_code == 201
    assert call(application, "GET", "/things").json() == ["a", "b"]


@pytest.mark.usefixtures("database", "failing_commit")
def test_a_failing_commit_answers_500_and_nothing_is_kept(application: FastAPI) -> None:
    assert call(application, "POST", "/things", json={"first_name": "a"}).status_code == 500
    with db.database().reader.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM workspace")).scalar() == 0


@pytest.mark.usefixtures("database")
def test_a_reading_route_cannot_write(application: FastAPI) -> None:
    call(application, "POST", "/things", json={"first_name": "a"})
    assert call(application, "POST", "/things/from-a-read").status_code in {500, 503}
    assert call(application, "GET", "/things").json() == ["a"]


def test_a_database_out_of_reach_is_503_with_retry_after(application: FastAPI, free_port: int) -> None:
    db.configure(f"postgresql+psycopg://nobody@127.0.0.1:{free_port}/nothing")
    answer = call(application, "GET", "/things")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["detail"].startswith("The database cannot be reached")


def test_a_table_lists_every_operation_with_its_permission() -> None:
    entries = {(entry.method, entry.path): entry.permission for entry in web.table([router], "/api/v1")}
    assert entries["POST", "/api/v1/things"] is permissions.WEBHOOKS_WRITE
    assert len(entries) == 6


def test_a_list_takes_both_spellings_of_its_parameters_and_refuses_others(application: FastAPI) -> None:
    assert call(application, "GET", "/things/listed?webhookId=a%26b&limit=3").json() == ["3", "a&b"]
    refused = call(application, "GET", "/things/listed?webhok_id=a&_=1&webhook_id=b")
    assert refused.status_code == 422
    assert [(error["path"], error["fix"]) for error in refused.json()["errors"]] == [
        ("_", "Leave it out."),
        ("webhok_id", "Did you mean webhook_id?"),
    ]
    with lenience.ignoring_unknown_fields():
        assert call(application, "GET", "/things/listed?webhok_id=a").status_code == 200


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("name", ["half \\ud800", "nul \\u0000"])
def test_a_text_that_cannot_be_stored_is_refused_by_its_field(application: FastAPI, name: str) -> None:
    answer = call(application, "POST", "/things", content=f'{{"first_name": "{name}"}}', headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "first_name"


@pytest.mark.usefixtures("database")
def test_a_time_that_does_not_exist_in_utc_is_refused_by_its_field(application: FastAPI) -> None:
    answer = call(application, "POST", "/things", json={"first_name": "a", "since": "0001-01-01T00:00:00+14:00"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "since"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("what", ["half", "number"])
def test_what_a_database_cannot_take_is_the_callers_mistake(application: FastAPI, what: str) -> None:
    assert call(application, "GET", f"/things/looked-for/{what}").status_code == 400


@pytest.mark.usefixtures("database")
def test_a_body_nested_without_end_is_the_callers_mistake(application: FastAPI) -> None:
    answer = call(application, "POST", "/things/nested", content="[" * 900 + "]" * 900, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "nested" in answer.json()["detail"]
