"""An installation that serves the sandbox, and a workspace on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from backend.core import db
from backend.core.actor import Actor
from backend.records import modules
from backend.sandbox import service as sandbox
from backend.settings import settings
from tests.factories import accounts
from tests.fakes import provider as fakes
from tests.fakes.provider import Provider


@pytest.fixture
def owner(origin: str) -> Actor:
    """The owner of a workspace with the CRM's modules and a sandbox of 120 contacts."""
    assert origin
    actor = accounts.workspace()
    with db.transaction(write=True) as session:
        modules.install(session, actor=actor, name="crm")
        sandbox.set_switches(session, actor=actor, changes={"contacts": 120})
    return actor


@pytest.fixture
def caller(database: db.Database, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """The owner of a workspace, on an installation that may call loopback."""
    assert db.database() is database
    assert redis.ping()
    monkeypatch.setenv("CROSSDOCK_EGRESS_ALLOW", "127.0.0.0/8")
    settings.cache_clear()
    return accounts.workspace()


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[str, list[Provider]]]:
    """Where fakes of providers answer."""
    with fakes.listening() as found:
        yield found
