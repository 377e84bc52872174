"""Runs the whole failure suite and prints a table; exit status 1 when a law was broken. Names as arguments narrow it."""

from __future__ import annotations

import argparse
import logging
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import structlog

from tests.bench.lines import machine
from tests.chaos import suite
from tests.chaos.ledger import Result
from tests.chaos.servers import PostgreSQL, running_postgres
from tests.chaos.suite import PLANS, Broken, Place, Plan

EVENTS = 10_000


def main() -> int:
    """Run what was asked for; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these scenarios: " + ", ".join(plan.name for plan in PLANS))
    parser.add_argument("--database", choices=suite.BOTH, help="only this one")
    parser.add_argument("--events", type=int, default=EVENTS, help=f"events of each run, {EVENTS:,} by default")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of a run that is to be repeated")
    parser.add_argument("--keep", type=Path, help="a folder to leave databases and logs in")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # of this process, whose Redis goes away too
    _say(f"{machine()}\nseed {arguments.seed}, {arguments.events:,} events with fan-out 2 in each run\n")
    _say(
        f"{'scenario':20} {'database':10} {'accepted':>8} {'delivered':>9} {'duplicates':>10} {'bound':>6} {'recovered':>9} {'s':>5}  killed"
    )
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # in order, so that nothing of it is left
    broken = 0
    with running_postgres() as postgres:
        for plan, database in _wanted(arguments):
            broken += not _run(plan, database, arguments, postgres)
    _say("\nEvery law held." if not broken else f"\nRuns that broke a law: {broken}.")
    return 1 if broken else 0


def _wanted(arguments: argparse.Namespace) -> Iterator[tuple[Plan, str]]:
    for plan in PLANS:
        for database in plan.databases:
            if (not arguments.names or plan.name in arguments.names) and arguments.database in (None, database):
                yield plan, database


def _run(plan: Plan, database: str, arguments: argparse.Namespace, postgres: PostgreSQL) -> bool:
    """Whether every law held."""
    with tempfile.TemporaryDirectory(prefix="xd-chaos-") as temporary:
        folder = (arguments.keep or Path(temporary)) / f"{plan.name}-{database}"
        folder.mkdir(parents=True)
        is_sqlite = database == "sqlite"
        place = Place(folder, f"sqlite:///{folder}/chaos.sqlite3") if is_sqlite else Place(folder, postgres.new_database(), postgres)
        try:
            result = suite.run(plan, place, events=arguments.events, times=plan.times, seed=f"{arguments.seed}/{folder.name}")
        except Broken as problem:
            _say(f"{plan.name:20} {database:10} BROKEN: {problem}")
            return False
    _print(result)
    return not result.broken


def _print(result: Result) -> None:
    killed = ", ".join(f"{count} × {what}" for what, count in result.killed.items())
    _say(
        f"{result.scenario:20} {result.database:10} {result.accepted:>8,} {result.delivered:>9,} {result.duplicates:>10,} {result.bound:>6,} "
        f"{result.recovered:>9,} {result.seconds:>5.0f}  {'; '.join(part for part in (killed, result.remark) if part)}"
    )
    for law in result.broken:
        _say(f"{'':20} BROKEN: {law}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
