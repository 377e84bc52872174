"""Buckets and percentiles of latencies."""

from __future__ import annotations

import pytest

from backend.logs.latency import BUCKETS, bucket_of, percentile
from backend.models import LATENCY_BOUNDS_MS


@pytest.mark.parametrize(("milliseconds", "bucket"), [(0, 0), (5, 0), (5.01, 1), (30_000, 11), (30_001, 12)])
def test_a_time_falls_in_the_first_bucket_whose_bound_is_not_below_it(milliseconds: float, bucket: int):
    assert bucket_of(milliseconds) == bucket


def test_a_percentile_lies_within_its_bucket():
    counts = [0] * len(BUCKETS)
    counts[2], counts[4] = 90, 10
    assert percentile(counts, 0.5) == pytest.approx(10 + 15 * 50 / 90)
    assert percentile(counts, 0.95) == pytest.approx(75)


def test_nothing_counted_has_no_percentile_and_the_open_bucket_has_its_lower_bound():
    assert percentile([0] * len(BUCKETS), 0.5) is None
    assert percentile([0] * 12 + [3], 0.5) == LATENCY_BOUNDS_MS[-1]
