"""What may be chosen about how long logs are kept, and the sentence when it may not."""

from __future__ import annotations

from typing import Any

import pytest

from backend.core.errors import Invalid
from backend.retention import policy
from backend.retention.policy import InstanceRetention, Retention


def test_the_defaults_are_those_of_the_documents():
    assert Retention().model_dump() == {
        "requests": 30,
        "deliveries": 90,
        "attempts": 90,
        "attempt_bodies": 90,
        "errors": 90,
        "incoming": 30,
        "integrations": 90,
    }


def test_what_belongs_to_deliveries_ends_with_them():
    changed = policy.change(Retention(), {"deliveries": 30})
    assert (changed.deliveries, changed.attempts, changed.attempt_bodies) == (30, 30, 30)
    changed = policy.change(Retention(), {"attempts": 60})
    assert (changed.deliveries, changed.attempts, changed.attempt_bodies) == (90, 60, 60)


def test_keeping_deliveries_for_longer_again_leaves_the_rest_as_it_was_chosen():
    shortened = policy.change(Retention(), {"deliveries": 30})
    assert policy.change(shortened, {"deliveries": 90}).attempts == 30


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"requests": 0}, "requests", "Use at least 1."),
        ({"errors": 4000}, "errors", "Use at most 3650."),
        ({"requests": "30"}, "requests", "Send a whole number."),
        ({"requests": None}, "requests", "Send a whole number."),
        ({"attempts": 91}, "attempts", "Use at most 90 days, or keep deliveries longer."),
        ({"attempts": 30, "attempt_bodies": 31}, "attempt_bodies", "Use at most 30 days, or keep attempts longer."),
        ({"request": 3}, "request", "Did you mean requests?"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(changes: dict[str, Any], path: str, words: str):
    with pytest.raises(Invalid) as refused:
        policy.change(Retention(), changes)
    (error,) = refused.value.errors
    assert (error.path, error.fix) == (path, words)


def test_charts_of_a_month_stay_whole():
    with pytest.raises(Invalid) as refused:
        policy.change_instance(InstanceRetention(), {"hour_figures": 30})
    (error,) = refused.value.errors
    assert (error.path, error.fix) == ("instance.hour_figures", "Use at least 31.")
