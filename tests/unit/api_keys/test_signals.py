"""When the use of a key is unusual, at the edges of each rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.api_keys import signals
from backend.logs.usage import Seen

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seen(ip: str = "203.0.113.7", refusal: str | None = None, ago: timedelta = timedelta(0)) -> Seen:
    return Seen(ip, NOW - ago, refusal, None)


@pytest.mark.parametrize(
    ("ip", "network"),
    [("203.0.113.7", "203.0.113.0/24"), ("2001:db8:7:1::9", "2001:db8:7::/48"), ("nonsense", ""), ("", "")],
)
def test_an_address_has_a_network(ip: str, network: str):
    assert signals.network_of(ip) == network


def test_five_new_networks_are_a_burst_and_four_are_not():
    recent = [seen(f"198.51.{number}.1") for number in range(5)]
    assert signals.new_networks(recent[:4], [seen()]) is None
    found = signals.new_networks(recent, [seen()])
    assert found is not None
    assert found.facts["networks"] == 5
    assert signals.new_networks(recent, [seen(), seen("198.51.4.200")]) is None
    assert signals.new_networks(recent, []) is None


def test_networks_that_were_refused_are_none_of_the_keys():
    assert signals.new_networks([seen(f"198.51.{number}.1", "ip") for number in range(9)], [seen()]) is None


@pytest.mark.parametrize(
    ("requests", "before", "is_unusual"),
    [
        (500, [100] * 5, True),
        (499, [10] * 5, False),  # too few to matter
        (500, [101] * 5, False),  # not five times as many
        (5000, [100] * 4, False),  # too little is known
        (5000, [5000] * 7, False),  # as every night
    ],
)
def test_a_rate_is_judged_by_the_hours_that_had_requests(requests: int, before: list[int], *, is_unusual: bool):
    assert (signals.unusual_rate(requests, before) is not None) == is_unusual


def test_twenty_denials_within_half_an_hour_are_many():
    denied = [seen(refusal="scope") for _ in range(19)]
    assert signals.repeated_denials(denied, NOW) is None
    assert signals.repeated_denials([*denied, seen(refusal="rate_limit"), seen()], NOW) is None
    assert signals.repeated_denials([*denied, seen(refusal="scope", ago=timedelta(minutes=31))], NOW) is None
    found = signals.repeated_denials([*denied, seen("198.51.100.1", "ip")], NOW)
    assert found is not None
    assert found.facts == {"denials": 20, "reason": "scope", "ip": "203.0.113.7"}
