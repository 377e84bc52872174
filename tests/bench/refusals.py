"""Benchmarks of the door alone: requests that it refuses, against a bare FastAPI route that answers the same body."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench import plumbing, reading
from tests.bench.lines import Line
from tests.bench.sizes import Sizes

READERS = 32
_PATH = "/api/v1/webhooks"


def refusals(sizes: Sizes) -> Iterator[Line]:
    """32 callers whose key may not do what they ask (403), or has used up its limit (429): recognised, judged, answered, logged."""
    with plumbing.folder() as path, plumbing.databases(sizes.rounds) as databases:
        addresses = databases["sqlite"]  # a refusal asks the database nothing
        runs = [_round(path / str(number), address, sizes.publishing_seconds) for number, address in enumerate(addresses)]
    for kind, told in (("scope", "403, the key lacks the scope"), ("limit", "429, its limit is used up")):
        yield Line.of(f"refusals.{kind}.rate", [run[kind]["rate"] for run in runs], "per second", told)
        ratios = [run[kind]["rate"] / run["bare"]["rate"] for run in runs]
        yield Line.of(f"refusals.{kind}.rate_ratio", ratios, "ours / bare", "rate, against a bare FastAPI route")
        yield Line.of(f"refusals.{kind}.cpu_us", [run[kind]["cpu_us"] for run in runs], "CPU-µs each", "the API process")
    yield Line.of("refusals.bare_cpu_us", [run["bare"]["cpu_us"] for run in runs], "CPU-µs each", "the bare route's process")


def _round(path: Path, database: str, seconds: float) -> dict[str, dict[str, float]]:
    """One run of each, in fresh processes."""
    with plumbing.installation(path, "api", database=database) as running:
        with running.client() as client:
            keys = {
                kind: client.post("/api/v1/api-keys", json={"name": kind, "scopes": [scope], "rate_limit": {"per_minute": 1}})
                .raise_for_status()
                .json()["key"]
                for kind, scope in (("scope", "orders:read"), ("limit", "webhooks:read"))
            }
            headers = {"Authorization": f"Bearer {keys['limit']}"}
            client.get(_PATH, headers=headers)  # all that it has
            body = client.get(_PATH, headers=headers).text
        process, port = running.processes["api"], int(running.address.rpartition(":")[2])
        measured = {
            "scope": reading.read(process, port, _PATH, keys["scope"], READERS, seconds, 403),
            # A new window lets one through in between: any answer counts.
            "limit": reading.read(process, port, _PATH, keys["limit"], READERS, seconds, 0),
        }
    return {**measured, "bare": reading.bare(path, body, READERS, seconds)}
