"""Benchmarks of delivering: how much of a bare HTTP loop's speed is left when each request is durable and logged."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import plumbing
from tests.bench.lines import Line
from tests.bench.sizes import Sizes

AT_ONCE = 64  # as many as the engine sends to one receiver
AT_ONCE_IN_ALL = 192  # and to all


def throughput(sizes: Sizes) -> Iterator[Line]:
    """One webhook, one deliver worker: fresh processes, the same receiver, turn by turn with the bare loop."""
    with plumbing.receiver() as url, plumbing.databases(sizes.rounds) as databases:
        for name, addresses in databases.items():
            yield from _compare(f"deliveries.{name}", url, addresses, (sizes.deliveries, 1), AT_ONCE)


def fan_out(sizes: Sizes) -> Iterator[Line]:
    """Every event to many webhooks, each with a lane of its own."""
    with plumbing.receiver() as url, plumbing.databases(sizes.rounds) as databases:
        for name, addresses in databases.items():
            yield from _compare(f"fan_out.{name}", url, addresses, (sizes.deliveries, sizes.fan_out), AT_ONCE_IN_ALL)


def _compare(prefix: str, url: str, addresses: list[str], size: tuple[int, int], at_once: int) -> Iterator[Line]:
    count, webhooks = size
    bare: list[dict[str, float]] = []
    ours: list[dict[str, float]] = []
    with plumbing.folder() as path:
        for address in addresses:
            bare.append(plumbing.run("bare", url, count, at_once))
            ours.append(
                plumbing.run(
                    "shift",
                    url,
                    count,
                    webhooks,
                    DATABASE_URL=address,
                    CROSSDOCK_DATA_DIR=str(path),
                    CROSSDOCK_EGRESS_ALLOW="127.0.0.0/8",
                )
            )
    pairs = list(zip(bare, ours, strict=True))
    what = "durable deliveries" if webhooks == 1 else f"durable deliveries, {webhooks} webhooks per event"
    yield Line.of(f"{prefix}.rate", [each["rate"] for each in ours], "per second", what)
    yield Line.of(f"{prefix}.bare_rate", [each["rate"] for each in bare], "per second", "requests of a bare aiohttp loop")
    yield Line.of(f"{prefix}.rate_ratio", [b["rate"] / a["rate"] for a, b in pairs], "ours / bare", "rate")
    yield Line.of(f"{prefix}.cpu_us", [each["cpu_us"] for each in ours], "CPU-µs each", f"{what}, the worker's own")
    yield Line.of(f"{prefix}.bare_cpu_us", [each["cpu_us"] for each in bare], "CPU-µs each", "requests of a bare aiohttp loop")
    yield Line.of(f"{prefix}.cpu_ratio", [a["cpu_us"] / b["cpu_us"] for a, b in pairs], "bare / ours", "CPU")
