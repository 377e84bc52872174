"""How much each benchmark does: in earnest, and quickly to see that it works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts and seconds of one run, and how many runs there are."""

    rounds: int
    deliveries: int  # of one webhook
    fan_out: int  # webhooks per event
    idle_events: int
    publishing_seconds: float
    warm_up_seconds: float
    steady_seconds: float
    steady_rate: float  # events per second
    backlog: tuple[tuple[int, int], tuple[int, int]]  # finished and waiting deliveries: few, many
    turns: int
    memory: tuple[int, int]  # deliveries before each look
    records: tuple[int, int]  # in a module: few, many
    limiter: tuple[int, int]  # requests, and the limit of them


FULL = Sizes(
    rounds=5,
    deliveries=6000,
    fan_out=100,
    idle_events=40,
    publishing_seconds=5,
    warm_up_seconds=5,
    steady_seconds=60,
    steady_rate=200,
    backlog=((10_000, 1_000), (1_000_000, 100_000)),
    turns=100,
    memory=(10_000, 100_000),
    records=(10_000, 1_000_000),
    limiter=(10_000, 1_000),
)
QUICK = Sizes(
    rounds=1,
    deliveries=300,
    fan_out=20,
    idle_events=5,
    publishing_seconds=0.5,
    warm_up_seconds=0.5,
    steady_seconds=2,
    steady_rate=50,
    backlog=((1_000, 1_000), (5_000, 2_000)),
    turns=5,
    memory=(200, 400),
    records=(200, 1_000),
    limiter=(600, 60),
)
