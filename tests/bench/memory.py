"""Benchmark of memory: whether a deliver worker that has worked for long holds more than one that has begun."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.bench import plumbing
from tests.bench.lines import Line
from tests.bench.sizes import Sizes

_AT_ONCE = 10_000
_SECONDS = 300.0


def memory(sizes: Sizes) -> Iterator[Line]:
    """The resident memory of a deliver worker, which runs shift after shift, after few and after many deliveries."""
    few, many = sizes.memory
    with plumbing.folder() as path, plumbing.receiver() as url:
        runs = [_round(path / str(number), url, few, many) for number in range(sizes.rounds)]
    yield Line.of("memory.few_mib", [first for first, _ in runs], "MiB", f"the deliver worker after {few:,} deliveries")
    yield Line.of("memory.many_mib", [second for _, second in runs], "MiB", f"and after {many:,}")
    yield Line.of("memory.ratio", [second / first for first, second in runs], "many / few", "resident memory")


def _round(path: Path, url: str, few: int, many: int) -> tuple[float, float]:
    with plumbing.installation(path, "deliver") as running:
        workspace = ""
        seen: list[float] = []
        made = 0
        for goal in (few, many):
            while made < goal:
                more = min(_AT_ONCE, goal - made)
                workspace = str(plumbing.run("fill", url, more, workspace, **running.env)["workspace"])
                made += more
                plumbing.wait_until(lambda goal=made: _delivered(path) >= goal, seconds=_SECONDS, every=0.2)
            seen.append(running.processes["deliver"].memory_info().rss / 1024 / 1024)
    return seen[0], seen[1]


def _delivered(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{path}/bench.sqlite3?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT count(*) FROM delivery WHERE status = 'delivered'").fetchone()[0]
