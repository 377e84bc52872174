"""What may be said about a key, and what is told about what may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.api_keys import inputs
from backend.core.errors import Invalid

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def errors_of(values: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        inputs.check(values, now=NOW)
    return {error.path: error.fix for error in refused.value.errors}


def test_everything_wrong_is_told_at_once_with_what_would_be_right():
    found = errors_of(
        {
            "name": "  ",
            "scopes": ["webhook:read"],
            "limit_per_minute": 0,
            "limit_per_day": 1_000_001,
            "allowed_ips": ["203.0.113.7", "300.1.1.1", "10.0.0.0/33"],
            "expires_at": NOW,
            "rotate_every_days": 0,
            "metadata": {"x": "y" * 20_000},
        }
    )
    assert list(found) == [
        "name", "scopes[0]", "rate_limit.per_minute", "rate_limit.per_day", "allowed_ips[1]", "allowed_ips[2]",
        "expires_at", "rotate_every", "metadata",
    ]  # fmt: skip
    assert all(found.values())
    assert found["rate_limit.per_minute"] == "Use 1 to 1,000,000 requests, or null for no limit."


@pytest.mark.parametrize("limit", [1, 1_000_000, None])
def test_limits_from_one_to_a_million_and_none_are_taken(limit: int | None):
    assert inputs.check({"limit_per_hour": limit}, now=NOW) == {"limit_per_hour": limit}


def test_without_any_limit_a_hundred_per_minute_hold():
    assert inputs.with_default_limit({}) == {"limit_per_minute": 100, "limit_per_hour": None, "limit_per_day": None}


@pytest.mark.parametrize("given", [{"limit_per_minute": None}, {"limit_per_hour": None}])
def test_an_explicit_null_is_unlimited(given: dict[str, None]):
    assert inputs.with_default_limit(dict(given)) == dict.fromkeys(inputs.LIMIT_FIELDS)


def test_one_limit_stands_alone():
    assert inputs.with_default_limit({"limit_per_hour": 5})["limit_per_minute"] is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_addresses_and_ranges_are_kept_in_their_shortest_form(text: str, kept: str):
    assert inputs.check({"allowed_ips": [text, text]}, now=NOW) == {"allowed_ips": [kept]}


def test_an_end_without_a_zone_is_utc():
    later = datetime(2026, 2, 1, 8)  # noqa: DTZ001 - what is tested
    assert inputs.check({"expires_at": later}, now=NOW) == {"expires_at": later.replace(tzinfo=UTC)}


@pytest.mark.parametrize("hours", [-0.1, 168.1, float("nan")])
def test_an_overlap_beyond_seven_days_is_refused(hours: float):
    with pytest.raises(Invalid):
        inputs.check_overlap(hours)


def test_what_is_not_given_is_left_alone():
    assert inputs.check({"name": inputs.UNSET, "expires_at": NOW + timedelta(days=1)}, now=NOW).keys() == {"expires_at"}
