"""Benchmarks of publishing: how much of a bare route's speed is left when each event is durable, and what batches bring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.bench import plumbing, reading
from tests.bench.lines import Line
from tests.bench.sizes import Sizes

PUBLISHERS = 50
BATCH = 500
BATCH_PUBLISHERS = 4
_PATH = "/api/v1/events"


def publishing(sizes: Sizes) -> Iterator[Line]:
    """50 publishers over HTTP to the API process; each event is stored with one delivery, of a webhook that is paused."""
    with plumbing.folder() as path, plumbing.databases(sizes.rounds) as databases:
        for name, addresses in databases.items():
            runs = [_round(path / f"{name}{number}", address, sizes.publishing_seconds) for number, address in enumerate(addresses)]
            yield from _lines(f"publishing.{name}", runs)


def _lines(prefix: str, runs: list[dict[str, float]]) -> Iterator[Line]:
    def each(key: str) -> list[float]:
        return [run[key] for run in runs]

    yield Line.of(f"{prefix}.rate", each("rate"), "events per second", f"accepted one by one, {PUBLISHERS} publishers")
    yield Line.of(f"{prefix}.bare_rate", each("bare_rate"), "per second", "answers of a bare FastAPI route")
    yield Line.of(f"{prefix}.rate_ratio", [run["rate"] / run["bare_rate"] for run in runs], "ours / bare", "rate")
    yield Line.of(f"{prefix}.cpu_us", each("cpu_us"), "CPU-µs each", "the API process, per event one by one")
    yield Line.of(f"{prefix}.bare_cpu_us", each("bare_cpu_us"), "CPU-µs each", "the bare route's process")
    yield Line.of(f"{prefix}.cpu_ratio", [run["bare_cpu_us"] / run["cpu_us"] for run in runs], "bare / ours", "CPU")
    yield Line.of(f"{prefix}.batch_rate", each("batch_rate"), "events per second", f"accepted in batches of {BATCH}")
    yield Line.of(f"{prefix}.batch_ratio", [run["batch_rate"] / run["rate"] for run in runs], "batch / one by one", "rate")


def _round(path: Path, database: str, seconds: float) -> dict[str, float]:
    """One run of each: the bare route, one by one, in batches; the processes are fresh."""
    port = plumbing.free_port()
    with plumbing.helper("bare_route", port) as route:
        plumbing.wait_until(lambda: reading.listens(port))
        bare = _publish(psutil.Process(route.process.pid), port, "/events", "none", PUBLISHERS, seconds, 1)
    with plumbing.installation(path, "api", database=database) as running:
        _subscribe(running)
        key, process, port = running.publishing_key(), running.processes["api"], int(running.address.rpartition(":")[2])
        single = _publish(process, port, _PATH, key, PUBLISHERS, seconds, 1)
        batch = _publish(process, port, f"{_PATH}/batch", key, BATCH_PUBLISHERS, seconds, BATCH)
    return {
        "bare_rate": bare["rate"],
        "bare_cpu_us": bare["cpu_us"],
        "rate": single["rate"],
        "cpu_us": single["cpu_us"],
        "batch_rate": batch["rate"],
    }


def _publish(process: psutil.Process, port: int, path: str, key: str, connections: int, seconds: float, batch: int) -> dict[str, float]:
    before = plumbing.cpu_seconds(process)
    result = plumbing.run("publishers", port, path, key, connections, seconds, batch)
    used = plumbing.cpu_seconds(process) - before
    return result | {"cpu_us": used / result["accepted"] * 1e6}


def _subscribe(running: plumbing.Installation) -> None:
    with running.client() as client:
        answer = client.post("/api/v1/webhooks", json={"url": "http://127.0.0.1:9/hook", "events": ["order.created"]}).raise_for_status()
        client.post(f"/api/v1/webhooks/{answer.json()['id']}/pause").raise_for_status()
