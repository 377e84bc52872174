"""The suite: every scenario, how often it strikes, and the run of one on one database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos import disks, scenarios
from tests.chaos.ledger import Result
from tests.chaos.scenarios import Scenario
from tests.chaos.servers import PostgreSQL
from tests.chaos.site import Site, site
from tests.chaos.whole import Whole

SQLITE, POSTGRES = ("sqlite",), ("postgresql",)
BOTH = SQLITE + POSTGRES


@dataclass(frozen=True, slots=True)
class Plan:
    """A scenario, how often it strikes in the full suite and in the short one, and the databases of either."""

    scenario: Scenario
    times: int
    short_times: int
    databases: tuple[str, ...] = BOTH
    short_databases: tuple[str, ...] = BOTH

    @property
    def name(self) -> str:
        """The name of the scenario."""
        return self.scenario.__name__

    @property
    def restarts_postgres(self) -> bool:
        """Whether it needs a server of its own."""
        return self.scenario is scenarios.postgres_restarted


PLANS = (
    Plan(scenarios.workers_killed, 20, 2, BOTH, POSTGRES),
    Plan(scenarios.redis_lost, 8, 2, BOTH, SQLITE),
    Plan(scenarios.web_killed, 10, 1, BOTH, SQLITE),
    Plan(scenarios.postgres_restarted, 6, 1, POSTGRES, POSTGRES),
    Plan(scenarios.disk_full, 3, 1, SQLITE, SQLITE),
    Plan(scenarios.cron_killed, 6, 1, BOTH, POSTGRES),
    Plan(scenarios.everything_at_once, 20, 2, BOTH, SQLITE),
    Plan(scenarios.two_workers, 2, 1, POSTGRES, POSTGRES),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run has its files and its database; `postgres` is the server that `url` is a database of, if it is one."""

    folder: Path
    url: str
    postgres: PostgreSQL | None = None


class Broken(Exception):
    """A run that did not come to its end; the message says why."""


def run(plan: Plan, place: Place, *, events: int, times: int, seed: str) -> Result:
    """One run. Raises `Broken` where it does not come to its end."""
    try:
        with _site(plan, place, events, seed) as made:
            plan.scenario(made, times)
            return made.result(plan.name)
    except (pytest.fail.Exception, Exception) as error:  # a failure of pytest's is none of Exception's
        raise Broken(f"{type(error).__name__}: {error}") from error


@contextlib.contextmanager
def _site(plan: Plan, place: Place, events: int, seed: str) -> Iterator[Site]:
    if plan.scenario is scenarios.everything_at_once:
        whole = Whole(place.folder, place.url, events=events, seed=seed, postgres=place.postgres)
        with whole.prepared():
            yield whole
    elif plan.scenario is scenarios.disk_full:
        with (
            disks.small(place.folder / "disk", events) as disk,
            site(place.folder, f"sqlite:///{disk.folder}/chaos.sqlite3", events=events, seed=seed, disk=disk) as made,
        ):
            yield made
    else:
        with site(place.folder, place.url, events=events, seed=seed, postgres=place.postgres) as made:
            yield made
