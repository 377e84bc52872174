"""Latencies in the roll-ups: buckets that count them, the least and the greatest of them, and percentiles of their sums."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, case, func, or_

from backend.models import LATENCY_BOUNDS_MS

BUCKETS: Final = tuple(f"b{number}" for number in range(len(LATENCY_BOUNDS_MS) + 1))
EXTREMES: Final = ("min_ms", "max_ms")
_UNKNOWN: Final = 1e18  # a greatest time that was not noted: rows of before these columns existed


def bucket_of(milliseconds: float) -> int:
    """The number of the bucket that counts a time: the first whose upper bound is not below it."""
    return bisect_left(LATENCY_BOUNDS_MS, milliseconds)


@dataclass(frozen=True, slots=True)
class Times:
    """Times in milliseconds as the roll-ups keep them: how many fell in each bucket, the least and the greatest."""

    counts: tuple[int, ...] = (0,) * len(BUCKETS)
    least: float = 0.0
    greatest: float = _UNKNOWN

    @classmethod
    def read(cls, values: Sequence[float]) -> Self:
        """From the values of `columns`."""
        *counts, least, greatest = values
        return cls(tuple(int(count) for count in counts), float(least), float(greatest))

    @classmethod
    def together(cls, parts: Iterable[Times]) -> Self:
        """All the times of `parts`."""
        counted = [part for part in parts if any(part.counts)]
        if not counted:
            return cls()
        counts = tuple(sum(column) for column in zip(*(part.counts for part in counted), strict=True))
        return cls(counts, min(part.least for part in counted), max(part.greatest for part in counted))

    def percentile(self, share: float) -> float | None:
        """About how many milliseconds `share` (0.95) of the times took at most; None where none was counted.

        Linear within a bucket, and never below the least time nor above the greatest. Where the greatest is not known, times in the
        last bucket, which has no upper bound, count as its lower one.
        """
        total = sum(self.counts)
        if not total:
            return None
        rank, below, lower = share * total, 0, 0.0
        for count, bound in zip(self.counts, (*LATENCY_BOUNDS_MS, _UNKNOWN), strict=True):
            if count and below + count >= rank:
                upper = min(float(bound), self.greatest)
                lower = max(lower, self.least)
                return lower if upper == _UNKNOWN else lower + (upper - lower) * max(rank - below, 0.0) / count
            below, lower = below + count, float(bound)
        return lower


def columns(table: Any) -> list[ColumnElement[Any]]:
    """What to select of the columns `table` of a roll-up for `Times.read`."""
    sums = [func.sum(getattr(table, name)) for name in BUCKETS]
    return [*sums, func.min(func.coalesce(table.min_ms, 0.0)), func.max(func.coalesce(table.max_ms, _UNKNOWN))]


def of_row(row: Any) -> Times:
    """The times of one row of a roll-up."""
    greatest = _UNKNOWN if row.max_ms is None else row.max_ms
    return Times(tuple(getattr(row, name) for name in BUCKETS), row.min_ms or 0.0, greatest)


def merged(table: Any, excluded: Any, counts: Iterable[str]) -> Mapping[str, ColumnElement[Any]]:
    """What ON CONFLICT sets: `counts` added up, extremes widened; one that is not known of a row's earlier times stays unknown."""
    least, greatest = table.min_ms, table.max_ms
    return {
        **{name: table[name] + excluded[name] for name in counts},
        "min_ms": case((or_(least.is_(None), least <= excluded.min_ms), least), else_=excluded.min_ms),
        "max_ms": case((or_(greatest.is_(None), greatest >= excluded.max_ms), greatest), else_=excluded.max_ms),
    }
