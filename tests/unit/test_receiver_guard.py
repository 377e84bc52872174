"""The rate guard of the built-in receiver."""

from __future__ import annotations

from backend.receiver.intake import Guard


def test_a_bucket_fills_at_its_rate_up_to_its_burst():
    now = [0.0]
    guard = Guard(2, 3, now=lambda: now[0])
    assert [guard.take("a") for _ in range(4)] == [True, True, True, False]
    assert guard.take("b")
    now[0] = 0.5
    assert [guard.take("a") for _ in range(2)] == [True, False]
    now[0] = 100
    assert [guard.take("a") for _ in range(4)] == [True, True, True, False]


def test_the_number_of_buckets_is_bounded():
    guard = Guard(1, 1)
    for number in range(5000):
        guard.take(str(number))
    assert len(guard._buckets) == 1000
