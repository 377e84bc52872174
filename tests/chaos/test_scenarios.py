"""The failure suite in short: each scenario with a few hundred events. `make chaos` runs it in full and prints a table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import suite
from tests.chaos.servers import running_postgres
from tests.chaos.suite import Place, Plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
EVENTS = 200
CASES = [pytest.param(plan, database, id=f"{plan.name}-{database}") for plan in suite.PLANS for database in plan.short_databases]


@contextlib.contextmanager
def place(plan: Plan, database: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    """Where the run has its database; a server that is to be restarted is its own."""
    if plan.restarts_postgres:
        with running_postgres() as postgres:
            yield Place(folder, postgres.new_database(), postgres)
    else:
        yield Place(folder, request.getfixturevalue("sqlite_url" if database == "sqlite" else "postgres_url"))


@pytest.mark.parametrize(("plan", "database"), CASES)
def test_what_is_accepted_is_delivered_whatever_fails(plan: Plan, database: str, tmp_path: Path, request: pytest.FixtureRequest):
    with place(plan, database, tmp_path, request) as where:
        result = suite.run(plan, where, events=EVENTS, times=plan.short_times, seed=f"{request.node.name}")
    assert result.broken == ()
    assert result.accepted == result.delivered == EVENTS
