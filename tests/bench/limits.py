"""Benchmark of the limiter: how many of many concurrent requests pass, from several callers through several API processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.bench import plumbing
from tests.bench.lines import Line
from tests.bench.sizes import Sizes

PROCESSES = 4
_CONNECTIONS = 125  # of each
_PATH = "/api/v1/webhooks"


def limits(sizes: Sizes) -> Iterator[Line]:
    """Four callers at four API processes, with one key: as many pass as its limit says, no more and no fewer."""
    requests, limit = sizes.limiter
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(plumbing.folder())
        running = stack.enter_context(plumbing.installation(path / "installation", "api"))
        addresses = [running.address, *(stack.enter_context(plumbing.further_api(running)) for _ in range(PROCESSES - 1))]
        runs = [_round(addresses, _key(running, limit), requests) for _ in range(sizes.rounds)]
    told = (
        f"of {requests:,} requests, {PROCESSES} callers with {_CONNECTIONS} connections each, {PROCESSES} processes, a limit of {limit:,}"
    )
    yield Line.of("limits.passed_ratio", [run["200"] / limit for run in runs], "passed / limit", told)
    yield Line.of("limits.refused_ratio", [run["429"] / (requests - limit) for run in runs], "refused / beyond it", "429, the rest")


def _key(running: plumbing.Installation, limit: int) -> str:
    """A new key with a limit by the hour, so that no window ends within the run."""
    with running.client() as client:
        wish = {"name": "Limited", "scopes": ["webhooks:read"], "rate_limit": {"per_hour": limit}}
        return client.post("/api/v1/api-keys", json=wish).raise_for_status().json()["key"]


def _round(addresses: list[str], key: str, requests: int) -> dict[str, int]:
    """How many answers of each status."""
    with ThreadPoolExecutor(PROCESSES) as callers:
        told = list(callers.map(lambda address: _spend(address, key, requests // PROCESSES), addresses))
    return {status: sum(each.get(status, 0) for each in told) for status in ("200", "429")}


def _spend(address: str, key: str, requests: int) -> dict[str, int]:
    return plumbing.run("spenders", int(address.rpartition(":")[2]), _PATH, key, requests, _CONNECTIONS)
