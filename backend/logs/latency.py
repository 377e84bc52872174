"""Latency buckets of the roll-ups: which one a time falls in, and percentiles of a sum of them. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from backend.models import LATENCY_BOUNDS_MS

BUCKETS: Final = tuple(f"b{number}" for number in range(len(LATENCY_BOUNDS_MS) + 1))


def bucket_of(milliseconds: float) -> int:
    """The number of the bucket that counts a time: the first whose upper bound is not below it."""
    return bisect_left(LATENCY_BOUNDS_MS, milliseconds)


def percentile(counts: Sequence[int], share: float) -> float | None:
    """About how many milliseconds `share` (0.95) of the counted times took at most; None where none was counted.

    Linear within a bucket. Times in the last bucket, which has no upper bound, count as its lower one.
    """
    total = sum(counts)
    if not total:
        return None
    rank, below, lower = share * total, 0, 0.0
    for count, upper in zip(counts, LATENCY_BOUNDS_MS, strict=False):
        if count and below + count >= rank:
            return lower + (upper - lower) * max(rank - below, 0.0) / count
        below, lower = below + count, float(upper)
    return lower
