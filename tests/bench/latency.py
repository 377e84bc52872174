"""Benchmarks of delay: how soon an event arrives when nothing else happens, and when one of ten receivers hangs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.bench import plumbing
from tests.bench.lines import Line
from tests.bench.sizes import Sizes
from tests.fakes import raw_receiver

HEALTHY = 9
_PROCESSES = ("api", "deliver", "jobs", "cron")
_EVENT = {"type": "order.created", "data": {"order_id": "4711"}}


def idle(sizes: Sizes) -> Iterator[Line]:
    """From the request that publishes to the arrival at the receiver, on an idle installation, over HTTP."""
    medians: list[float] = []
    tails: list[float] = []
    with plumbing.folder() as path, raw_receiver.running() as receiver:
        for number in range(sizes.rounds):
            with plumbing.installation(path / str(number), *_PROCESSES) as running, running.client() as client:
                _subscribe(client, receiver.url)
                taken = sorted(_publish_and_wait(client, receiver) for _ in range(sizes.idle_events))
            medians.append(taken[len(taken) // 2])
            tails.append(taken[int(len(taken) * 0.95)])
    yield Line.of("latency.idle_ms", medians, "ms, median", "publish over HTTP until it arrives, idle, SQLite")
    yield Line.of("latency.idle_p95_ms", tails, "ms, p95", "the same")


def hanging(sizes: Sizes) -> Iterator[Line]:
    """Events at a steady rate to nine receivers that answer, without and with a tenth that takes requests and never answers."""
    without: list[float] = []
    with_it: list[float] = []
    with plumbing.folder() as path:
        for number in range(sizes.rounds):
            without.append(_steady(path / f"{number}-nine", sizes, hangs=False))
            with_it.append(_steady(path / f"{number}-ten", sizes, hangs=True))
    what = f"publish to delivered, {HEALTHY} receivers at {sizes.steady_rate:g} events/s for {sizes.steady_seconds:g} s, SQLite"
    yield Line.of("hanging.without_p99_ms", without, "ms, p99", what)
    yield Line.of("hanging.p99_ms", with_it, "ms, p99", "the same beside a tenth that hangs")
    yield Line.of("hanging.ratio", [b / a for a, b in zip(without, with_it, strict=True)], "with / without", "p99")


def _steady(path: Path, sizes: Sizes, *, hangs: bool) -> float:
    """The p99 in ms of all deliveries to the healthy receivers; every one of them must have arrived."""
    with plumbing.helper("receivers", HEALTHY, int(hangs)) as receivers, plumbing.installation(path, *_PROCESSES) as running:
        with running.client() as client:
            for port in receivers.said:
                _subscribe(client, f"http://127.0.0.1:{port}/hook")
        port = int(running.address.rpartition(":")[2])
        sent = plumbing.run("steady", port, running.publishing_key(), sizes.steady_rate, sizes.warm_up_seconds, sizes.steady_seconds)
        time.sleep(2)  # for what was published last
        arrived = receivers.end()
    if arrived["count"] < sent["accepted"] * HEALTHY:
        raise RuntimeError(f"Of {sent['accepted']:.0f} events to {HEALTHY} receivers only {arrived['count']} deliveries arrived.")
    return arrived["p99_ms"]


def _subscribe(client: httpx.Client, url: str) -> None:
    client.post("/api/v1/webhooks", json={"url": url, "events": ["order.created"]}).raise_for_status()


def _publish_and_wait(client: httpx.Client, receiver: raw_receiver.RawReceiver) -> float:
    """Milliseconds from the beginning of the request until the event has arrived."""
    time.sleep(0.05)  # idle again
    before, begun = len(receiver.received), time.perf_counter()
    client.post("/api/v1/events", json=_EVENT).raise_for_status()
    while len(receiver.received) == before:
        time.sleep(0.0005)
    return (time.perf_counter() - begun) * 1000
