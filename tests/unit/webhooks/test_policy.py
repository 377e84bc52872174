"""The retry policy, Retry-After and the rule that disables a webhook."""

from __future__ import annotations

import itertools
import math
import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.webhooks import policy
from backend.webhooks.policy import DisableWebhook, GiveUp, Retry, RetryPolicy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUSES = st.one_of(st.none(), st.integers(100, 599).filter(lambda code: code != 410 and not 200 <= code <= 299))
SCHEDULES = st.lists(st.floats(0, policy.MAX_DELAY), max_size=policy.MAX_RETRIES)


def decide(failure_count: int = 1, status_code: int | None = 500, header: str | None = None) -> policy.Decision:
    return policy.decide(
        RetryPolicy(),
        failure_count=failure_count,
        status_code=status_code,
        retry_after=header,
        now=NOW,
        rng=random.Random(1),
    )


def test_the_default_is_ten_attempts_by_standard_webhooks():
    default = policy.parse(None)
    assert default.max_attempts == 10
    assert default.delays == (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert sum(default.delays) == 75 * 3600 + 35 * 60 + 5


def test_any_exponential_field_makes_the_policy_exponential():
    assert policy.parse({"max_retries": 5}).delays == (5, 10, 20, 40, 80)
    assert policy.parse({"initial_delay": 1}).delays == (1, 2, 4)
    assert policy.parse({"multiplier": 3}).delays == (5, 15, 45)
    assert policy.parse({"max_retries": 0}).max_attempts == 1
    assert policy.parse({"max_retries": 20, "multiplier": 10}).delays[-1] == 86400
    assert policy.parse({"max_retries": 4, "max_delay": 12}).delays == (5, 10, 12, 12)


def test_a_policy_reads_back_as_it_was_completed():
    for document in ({}, {"schedule": [1, 2.5]}, {"max_retries": 2}, {"schedule": []}):
        assert policy.parse(policy.complete(document)) == policy.parse(document)
    assert policy.complete({"max_retries": 2}) == {
        "max_retries": 2,
        "initial_delay": 5.0,
        "multiplier": 2.0,
        "max_delay": 86400.0,
    }


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"schedule": "often"}, "schedule"),
        ({"schedule": [1] * 21}, "schedule"),
        ({"schedule": [5, -1]}, "schedule[1]"),
        ({"schedule": [604_801]}, "schedule[0]"),
        ({"schedule": [True]}, "schedule[0]"),
        ({"schedule": ["5"]}, "schedule[0]"),
        ({"schedule": [float("nan")]}, "schedule[0]"),
        ({"schedule": [5], "max_retries": 3}, "schedule"),
        ({"max_retries": 21}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"initial_delay": 86_401}, "initial_delay"),
        ({"multiplier": 0.5}, "multiplier"),
        ({"multiplier": float("inf")}, "multiplier"),
        ({"max_delay": None}, "max_delay"),
        ({"tries": 3}, "tries"),
    ],
)
def test_a_wrong_policy_is_refused_where_it_is_wrong(document: dict[str, object], path: str):
    (problem,) = policy.problems(document)
    assert problem.path == path
    assert problem.fix
    with pytest.raises(ValueError, match=path.partition("[")[0]):
        policy.parse(document)


def test_every_problem_of_a_policy_is_named_at_once():
    found = policy.problems({"max_retries": -1, "initial_delay": "x", "multiplier": 99, "max_delay": -2, "more": 1})
    assert {problem.path for problem in found} == {"more", "max_retries", "initial_delay", "multiplier", "max_delay"}


@given(schedule=SCHEDULES, failures=st.integers(1, 25), seed=st.integers())
def test_a_delay_stays_within_ten_percent_of_the_schedule(schedule: list[float], failures: int, seed: int):
    found = policy.delay(policy.parse({"schedule": schedule}), failures, random.Random(seed))
    if failures > len(schedule):
        assert found is None
    else:
        planned = schedule[failures - 1]
        assert found is not None
        assert planned * 0.9 <= found <= planned * 1.1 + 1e-9


def test_jitter_spreads_over_the_whole_range():
    rng = random.Random(7)
    found = [policy.delay(RetryPolicy((100.0,)), 1, rng) or 0 for _ in range(500)]
    assert min(found) < 91
    assert max(found) > 109


@given(schedule=SCHEDULES, status=STATUSES, header=st.one_of(st.none(), st.text(max_size=80)), failures=st.integers(1, 25))
def test_every_failure_is_retried_until_the_policy_is_exhausted(
    schedule: list[float], status: int | None, header: str | None, failures: int
):
    decision = policy.decide(
        policy.parse({"schedule": schedule}),
        failure_count=failures,
        status_code=status,
        retry_after=header,
        now=NOW,
        rng=random.Random(0),
    )
    if failures > len(schedule):
        assert isinstance(decision, GiveUp)
    else:
        assert isinstance(decision, Retry)
        assert decision.at >= NOW + timedelta(seconds=schedule[failures - 1] * 0.9) - timedelta(microseconds=1)
        assert decision.at >= (decision.block_lane_until or NOW)
    if decision.block_lane_until is not None:
        assert status in {429, 503}
        assert NOW <= decision.block_lane_until <= NOW + timedelta(days=1)


def test_only_2xx_is_success():
    assert [code for code in range(100, 600) if policy.is_delivered(code)] == list(range(200, 300))
    assert not policy.is_delivered(None)
    assert policy.error_class(204) is None
    assert {policy.error_class(code) for code in range(300, 400)} == {"redirect"}
    assert policy.error_class(404) == policy.error_class(500) == "status"


def test_gone_disables_the_webhook_even_on_the_last_attempt():
    assert isinstance(decide(status_code=410), DisableWebhook)
    assert isinstance(decide(failure_count=10, status_code=410), DisableWebhook)


def test_the_tenth_failure_is_the_last_and_says_so():
    assert isinstance(decide(failure_count=9), Retry)
    decision = decide(failure_count=10)
    assert isinstance(decision, GiveUp)
    assert decision.reason == "All 10 attempts failed; the last outcome was status 500."


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("120.1", 121),
        ("120.6", 121),
        ("0", 0),
        (" 7 ", 7),
        ("86401", 86400),
        ("999999999999", 86400),
        ("9" * 13, 86400),
        ("9" * 8000, 86400),
        ("0.0000000000000001", 1),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120),
        ("Sunday, 01-Mar-26 12:02:00 GMT", 120),
        ("Sun Mar  1 12:02:00 2026", 120),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value: str, seconds: float):
    assert policy.retry_after(value, NOW) == seconds


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1e3", "٣", "120,5", "nan", "inf", "Sun, 99 Mar 2026 12:00:00 GMT"])
def test_rubbish_in_retry_after_is_ignored(value: str | None):
    assert policy.retry_after(value, NOW) is None


@given(st.text(max_size=200))
def test_no_retry_after_raises_or_leaves_its_bounds(value: str):
    found = policy.retry_after(value, NOW)
    assert found is None or 0 <= found <= 86400


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2060, 1, 1)))  # noqa: DTZ001 - aware just below
def test_a_date_in_retry_after_means_the_seconds_until_then(moment: datetime):
    aware = moment.replace(tzinfo=UTC, microsecond=0)
    found = policy.retry_after(format_datetime(aware, usegmt=True), NOW)
    assert found == min(max((aware - NOW).total_seconds(), 0), 86400)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_back_the_whole_receiver_and_never_hurries(status: int):
    later = decide(status_code=status, header="600")
    assert isinstance(later, Retry)
    assert later.at == later.block_lane_until == NOW + timedelta(seconds=600)
    assert later.block_reason == "retry_after"
    sooner = decide(failure_count=2, status_code=status, header="1")
    assert isinstance(sooner, Retry)
    assert sooner.block_lane_until == NOW + timedelta(seconds=1)
    assert sooner.at >= NOW + timedelta(seconds=270)


def test_retry_after_counts_for_429_and_503_only():
    for status in (301, 404, 500, 502, 504):
        decision = decide(status_code=status, header="600")
        assert isinstance(decision, Retry)
        assert decision.block_lane_until is None


def test_429_without_a_time_pauses_the_receiver_briefly():
    decision = decide(status_code=429)
    assert isinstance(decision, Retry)
    assert decision.block_lane_until == NOW + timedelta(seconds=1)
    assert decision.block_reason == "throttle"


def test_an_exhausted_delivery_still_leaves_the_pause_that_was_asked_for():
    decision = decide(failure_count=10, status_code=503, header="60")
    assert isinstance(decision, GiveUp)
    assert decision.block_lane_until == NOW + timedelta(seconds=60)


def test_failing_from_the_fifth_failure_in_a_row():
    assert not policy.is_failing(4)
    assert policy.is_failing(5)


@given(
    enabled=st.booleans(),
    days=st.integers(1, 30),
    failures=st.integers(0, 60),
    elapsed=st.one_of(st.none(), st.timedeltas(timedelta(), timedelta(days=60))),
)
def test_a_webhook_is_disabled_exactly_by_days_and_twenty_failures(
    enabled: bool,  # noqa: FBT001 - drawn by hypothesis
    days: int,
    failures: int,
    elapsed: timedelta | None,
):
    since = None if elapsed is None else NOW - elapsed
    disabled = policy.should_disable(
        auto_disable=enabled, disable_after_days=days, failing_since=since, consecutive_failures=failures, now=NOW
    )
    assert disabled == (enabled and failures >= 20 and elapsed is not None and elapsed >= timedelta(days=days))
    announced = policy.announcement(
        auto_disable=enabled, disable_after_days=days, failing_since=since, consecutive_failures=failures, now=NOW
    )
    if disabled:
        assert announced is not None
        assert announced <= NOW
    if announced is not None:
        assert since is not None
        assert announced == since + timedelta(days=days)


def test_the_rule_waits_for_the_twentieth_failure_and_the_whole_of_the_last_day():
    def disabled(failures: int, elapsed: timedelta) -> bool:
        since = NOW - elapsed
        return policy.should_disable(auto_disable=True, disable_after_days=5, failing_since=since, consecutive_failures=failures, now=NOW)

    days, instant = timedelta(days=5), timedelta(microseconds=1)
    assert disabled(20, days)
    assert not disabled(19, days)
    assert not disabled(20, days - instant)


def test_the_date_is_announced_from_half_way():
    def told(hours: int) -> datetime | None:
        since = NOW - timedelta(hours=hours)
        return policy.announcement(auto_disable=True, disable_after_days=5, failing_since=since, consecutive_failures=9, now=NOW)

    assert told(59) is None
    assert told(60) == NOW + timedelta(hours=60)


def test_the_reason_of_the_rule_names_days_and_failures():
    assert policy.disabled_reason(5, 31) == "Every attempt failed for 5 days (31 in a row)."
    assert policy.disabled_reason(1, 20) == "Every attempt failed for 1 day (20 in a row)."


@given(
    retries=st.integers(0, policy.MAX_RETRIES),
    initial=st.floats(0, policy.MAX_EXPONENTIAL_DELAY),
    multiplier=st.floats(1, policy.MAX_MULTIPLIER),
    cap=st.floats(0, policy.MAX_EXPONENTIAL_DELAY),
)
def test_an_exponential_policy_grows_from_its_first_delay_to_its_cap(retries: int, initial: float, multiplier: float, cap: float):
    document = {"max_retries": retries, "initial_delay": initial, "multiplier": multiplier, "max_delay": cap}
    delays = policy.parse(document).delays
    assert len(delays) == retries == policy.parse(document).max_attempts - 1
    assert list(delays) == sorted(delays)
    assert all(0 <= each <= cap for each in delays)
    for earlier, later in itertools.pairwise(delays):
        assert later == pytest.approx(min(earlier * multiplier, cap))
    if delays:
        assert delays[0] == min(initial, cap)


@given(st.integers(-(10**20), 10**20) | st.floats() | st.floats(0, 10**6))
def test_a_number_in_retry_after_is_taken_up_to_a_day_and_never_below_nought(number: float):
    found = policy.retry_after(str(number), NOW)
    if found is None:
        assert not 0 <= number <= 86_400 or "e" in str(number) or len(str(number).partition(".")[2]) > 12 or str(number) == "-0.0"
    else:
        assert found == min(math.ceil(number), 86_400)
        assert found >= 0


@given(
    enabled=st.booleans(),
    days=st.integers(1, 30),
    failures=st.integers(0, 60),
    elapsed=st.none() | st.timedeltas(timedelta(), timedelta(days=60)),
)
def test_the_date_is_told_exactly_from_half_way_on_while_it_is_failing(
    enabled: bool,  # noqa: FBT001 - drawn by hypothesis
    days: int,
    failures: int,
    elapsed: timedelta | None,
):
    since = None if elapsed is None else NOW - elapsed
    rule = {"auto_disable": enabled, "disable_after_days": days, "failing_since": since, "consecutive_failures": failures, "now": NOW}
    told = policy.announcement(**rule)
    due = enabled and elapsed is not None and failures >= 5 and elapsed >= timedelta(days=days) / 2
    assert (told is not None) is due
    if policy.should_disable(**rule):
        assert told is not None
        assert failures >= 20


@given(days=st.integers(1, 30), hours=st.lists(st.floats(0.01, 30), min_size=1, max_size=80))
def test_whoever_fails_on_is_told_of_the_date_before_the_rule_applies(days: int, hours: list[float]):
    """Failures in a row with these pauses: first failing, then told of one date that stays, then disabled on or after it."""
    at, dates = NOW, set[datetime]()
    for count, pause in enumerate(hours, start=1):
        rule = {"auto_disable": True, "disable_after_days": days, "failing_since": NOW, "consecutive_failures": count, "now": at}
        told = policy.announcement(**rule)
        dates |= {told} if told is not None else set()
        if policy.should_disable(**rule):
            assert dates == {NOW + timedelta(days=days)}
            assert at >= NOW + timedelta(days=days)
            assert count >= 20
            return
        assert told is None or at >= NOW + timedelta(days=days) / 2
        at += timedelta(hours=pause)
    assert len(dates) <= 1


def test_the_sentences_of_the_rules_tell_which_rule_it_was():
    assert policy.rule_of(policy.GONE) == policy.RULE_GONE
    assert policy.rule_words(policy.GONE) == "410 Gone"
    for days, words in ((5, "failing for 5 days"), (1, "failing for 1 day")):
        reason = policy.disabled_reason(days, 31)
        assert (policy.rule_of(reason), policy.rule_words(reason)) == (policy.RULE_FAILING, words)
