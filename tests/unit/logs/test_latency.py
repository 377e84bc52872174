"""Buckets and percentiles of latencies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.logs.latency import BUCKETS, Times, bucket_of
from backend.models import LATENCY_BOUNDS_MS


@pytest.mark.parametrize(("milliseconds", "bucket"), [(0, 0), (5, 0), (5.01, 1), (30_000, 11), (30_001, 12)])
def test_a_time_falls_in_the_first_bucket_whose_bound_is_not_below_it(milliseconds: float, bucket: int):
    assert bucket_of(milliseconds) == bucket


def test_a_percentile_lies_within_its_bucket():
    counts = [0] * len(BUCKETS)
    counts[2], counts[4] = 90, 10
    assert Times(tuple(counts)).percentile(0.5) == pytest.approx(10 + 15 * 50 / 90)
    assert Times(tuple(counts)).percentile(0.95) == pytest.approx(75)


@settings(max_examples=50)
@given(st.lists(st.floats(0.1, 60_000), min_size=1, max_size=20), st.floats(0.01, 1))
def test_a_percentile_lies_between_the_least_and_the_greatest_time(taken: list[float], share: float):
    counts = [0] * len(BUCKETS)
    for milliseconds in taken:
        counts[bucket_of(milliseconds)] += 1
    found = Times(tuple(counts), min(taken), max(taken)).percentile(share)
    assert found is not None
    assert min(taken) <= found <= max(taken) * (1 + 1e-9)


def test_the_percentiles_of_one_time_are_that_time_whatever_stood_beside_it_empty():
    one = Times((0, 0, 0, 1, *[0] * 9), 32.0, 32.0)
    together = Times.together([Times(), one])
    assert (together.percentile(0.5), together.percentile(0.95)) == (32.0, 32.0)


def test_nothing_counted_has_no_percentile_and_the_open_bucket_has_its_lower_bound():
    assert Times().percentile(0.5) is None
    assert Times((*[0] * 12, 3)).percentile(0.5) == LATENCY_BOUNDS_MS[-1]
