"""Benchmark of a full database: whether claiming and writing outcomes stay as quick as they are in an almost empty one."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import plumbing
from tests.bench.lines import Line
from tests.bench.sizes import Sizes


def backlog(sizes: Sizes) -> Iterator[Line]:
    """The time of a shift's transaction, which writes outcomes and claims what is due, with few rows and with many.

    90 % of what waits is due and belongs to one webhook, whose rate limit lets almost nothing through.
    """
    few, many = sizes.backlog
    with plumbing.databases(2) as databases, plumbing.folder() as path:
        for name, (small, large) in databases.items():
            small_env, large_env = ({"DATABASE_URL": url, "CROSSDOCK_DATA_DIR": str(path)} for url in (small, large))
            plumbing.run("stock", *few, **small_env)
            plumbing.run("stock", *many, **large_env)
            runs: list[tuple[dict[str, float], dict[str, float]]] = []
            for _ in range(sizes.rounds):
                first = plumbing.run("turns", sizes.turns, **small_env)
                runs.append((first, plumbing.run("turns", sizes.turns, **large_env)))
            prefix, what = f"backlog.{name}", "one claim and flush"
            yield Line.of(f"{prefix}.few_ms", [a["ms"] for a, _ in runs], "ms, median", f"{what}; {few[0]:,} finished, {few[1]:,} waiting")
            yield Line.of(f"{prefix}.many_ms", [b["ms"] for _, b in runs], "ms, median", f"the same; {many[0]:,} and {many[1]:,}")
            yield Line.of(f"{prefix}.ratio", [b["ms"] / a["ms"] for a, b in runs], "many / few", "time")
            yield Line.of(f"{prefix}.cpu_ratio", [b["cpu_ms"] / a["cpu_ms"] for a, b in runs], "many / few", "CPU of the worker")
