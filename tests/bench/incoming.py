"""Benchmark of incoming webhooks: requests that are stored, mapped and upserted, against a bare route that parses the same body."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.bench import plumbing, reading
from tests.bench.lines import Line
from tests.bench.sizes import Sizes

SOURCES = 50
PEOPLE = 1000
_FIELDS = (
    {"name": "email", "type": "email", "unique": True},
    {"name": "name", "type": "text"},
    {"name": "amount", "type": "number"},
    {"name": "city", "type": "text"},
)


def incoming(sizes: Sizes) -> Iterator[Line]:
    """50 sources over HTTP to the API process; each request is kept as it came, makes or changes a record, and publishes its events."""
    with plumbing.folder() as path, plumbing.databases(sizes.rounds) as databases:
        for name, addresses in databases.items():
            runs = [_round(path / f"{name}{number}", address, sizes.publishing_seconds) for number, address in enumerate(addresses)]
            yield from _lines(f"incoming.{name}", runs)


def _lines(prefix: str, runs: list[dict[str, float]]) -> Iterator[Line]:
    def each(key: str) -> list[float]:
        return [run[key] for run in runs]

    yield Line.of(f"{prefix}.rate", each("rate"), "requests per second", f"stored, mapped, upserted; {SOURCES} sources, {PEOPLE:,} records")
    yield Line.of(f"{prefix}.bare_rate", each("bare_rate"), "per second", "answers of a bare FastAPI route")
    yield Line.of(f"{prefix}.rate_ratio", [run["rate"] / run["bare_rate"] for run in runs], "ours / bare", "rate")
    yield Line.of(f"{prefix}.cpu_us", each("cpu_us"), "CPU-µs each", "the API process, per request")
    yield Line.of(f"{prefix}.bare_cpu_us", each("bare_cpu_us"), "CPU-µs each", "the bare route's process")
    yield Line.of(f"{prefix}.cpu_ratio", [run["bare_cpu_us"] / run["cpu_us"] for run in runs], "bare / ours", "CPU")


def _round(path: Path, database: str, seconds: float) -> dict[str, float]:
    """One run of each, in fresh processes."""
    port = plumbing.free_port()
    with plumbing.helper("bare_route", port) as route:
        plumbing.wait_until(lambda: reading.listens(port))
        bare = _post(psutil.Process(route.process.pid), port, "/people", seconds)
    with plumbing.installation(path, "api", database=database) as running:
        address = urlsplit(_address(running))
        ours = _post(running.processes["api"], address.port or 80, address.path, seconds)
    return {"rate": ours["rate"], "cpu_us": ours["cpu_us"], "bare_rate": bare["rate"], "bare_cpu_us": bare["cpu_us"]}


def _post(process: psutil.Process, port: int, path: str, seconds: float) -> dict[str, float]:
    before = plumbing.cpu_seconds(process)
    result = plumbing.run("posters", port, path, SOURCES, seconds, PEOPLE)
    return result | {"cpu_us": (plumbing.cpu_seconds(process) - before) / result["accepted"] * 1e6}


def _address(running: plumbing.Installation) -> str:
    """The address of an incoming webhook into a new module, without a limit."""
    with running.client() as client:
        client.post("/api/v1/modules", json={"name": "people", "label": "People", "fields": _FIELDS}).raise_for_status()
        wish = {
            "name": "Sources",
            "module": "people",
            "action": "upsert",
            "upsert_field": "email",
            "field_mapping": [
                {"source": "email", "target": "email", "transform": ["trim", "lower"], "required": True},
                {"source": "name", "target": "name"},
                {"source": "amount", "target": "amount", "type": "number"},
                {"source": "address.city", "target": "city"},
            ],
            "rate_limit": None,
        }
        return client.post("/api/v1/incoming-webhooks", json=wish).raise_for_status().json()["url"]
