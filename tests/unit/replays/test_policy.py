"""The pace of a replay, and which of its items cannot go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.replays import policy
from backend.replays.policy import Pace
from backend.replays.values import ReplayFilter

RATES = st.floats(policy.LEAST_RATE, policy.GREATEST_RATE)


def run(pace: Pace, moments: list[float]) -> list[tuple[float, int]]:
    """What is made at each of these moments, when everything that is allowed is made."""
    made: list[tuple[float, int]] = []
    for moment in moments:
        count = pace.allowance(moment)
        pace.spend(count, moment)
        made.append((moment, count))
    return made


def busiest(made: list[tuple[float, int]]) -> int:
    """The most that was made in any second that ends with a tick."""
    return max(sum(count for at, count in made if end - 1.0 < at <= end) for end, _ in made)


def every(seconds: float, count: int) -> list[float]:
    return [100.0 + seconds * number for number in range(count)]


@pytest.mark.parametrize("rate", [0.1, 0.5, 1, 3.3, 7, 50, 200, 999.5, 1000])
@pytest.mark.parametrize("tick", [0.1, 0.104, 0.13, 0.2])
def test_steady_ticks_keep_the_rate_within_a_tenth(rate: float, tick: float):
    made = run(Pace(rate, 100.0), every(tick, 600))
    spent = made[-1][0] - made[0][0]
    assert 0.9 * rate * spent - 1 <= sum(count for _, count in made) <= rate * spent + 1.001
    assert busiest(made) <= max(1.1 * rate, rate + 1)


@given(RATES, st.lists(st.floats(0.01, 3.0), min_size=1, max_size=200))
@example(2.875, [1.0, 0.5])
def test_no_second_gets_more_than_a_tenth_above_the_rate_however_the_ticks_come(rate: float, gaps: list[float]):
    moments = [100.0]
    for gap in gaps:
        moments.append(moments[-1] + gap)
    made = run(Pace(rate, 100.0), moments)
    assert busiest(made) <= max(1.1 * rate, rate + 1)
    assert sum(count for _, count in made) <= rate * (moments[-1] - moments[0]) + 1 + 1e-6


def test_an_outage_is_not_made_up_for():
    pace = Pace(50, 100.0)
    run(pace, every(0.1, 11))
    assert pace.allowance(4000.0) == 50


def test_a_short_stall_is_made_up_for_without_a_burst():
    made = run(Pace(200, 100.0), [*every(0.1, 20), *(102.5 + 0.1 * number for number in range(25))])
    assert busiest(made) <= 210
    assert sum(count for _, count in made) >= 0.95 * 200 * (made[-1][0] - 100.0)


def test_the_first_item_goes_at_once_and_a_slow_one_when_it_is_due():
    pace = Pace(0.1, 100.0)
    made = run(pace, every(0.1, 301))
    assert [round(at - 100.0) for at, count in made if count] == [0, 10, 20, 30]


def test_a_clock_that_stands_still_allows_nothing_more():
    pace = Pace(10, 100.0)
    assert pace.allowance(100.0) == 1
    pace.spend(1, 100.0)
    assert pace.allowance(100.0) == 0


@pytest.mark.parametrize(
    ("state", "source", "expected"),
    [
        ("active", "dead", None),
        ("active", "delivered", None),
        ("active", "retrying", None),
        ("active", "cancelled", None),
        ("active", None, None),
        ("paused", "dead", None),
        (None, "dead", "deleted"),
        ("disabled", "dead", "disabled. It answered 410. Enable"),
        ("active", "sending", "being sent"),
        ("active", "waiting", "in line already"),
    ],
)
def test_what_cannot_go_says_why(state: str | None, source: str | None, expected: str | None):
    found = policy.refusal(webhook_state=state, disabled_reason="It answered 410.", source_status=source)
    assert found is None if expected is None else found is not None and expected in found


def test_the_time_to_go_is_known_only_while_it_runs():
    assert policy.eta_seconds(remaining=500, rate=50, is_running=True) == 10
    assert policy.eta_seconds(remaining=500, rate=50, is_running=False) is None
    assert policy.eta_seconds(remaining=500, rate=None, is_running=True) is None


def test_a_filter_is_stored_as_what_it_restricts_and_found_again():
    wanted = ReplayFilter(
        webhook_id="whk_1", event="order.created", status="dead", since=datetime(2026, 3, 1, 12, tzinfo=UTC), ids=("dlv_1", "dlv_2"), q=""
    )
    assert wanted.document() == {
        "webhook_id": "whk_1", "event": "order.created", "status": "dead", "since": "2026-03-01T12:00:00.000Z", "ids": ("dlv_1", "dlv_2"),
    }  # fmt: skip
    found = ReplayFilter.of(wanted.document())
    assert (found.since, found.ids, found.until, found.q) == (wanted.since, wanted.ids, None, None)
    assert ReplayFilter.of({}) == ReplayFilter()
