"""What can be stored: no NUL, no half of a surrogate pair, wherever it is."""

from __future__ import annotations

from typing import Any

import pytest

from backend.core import texts


@pytest.mark.parametrize("value", ["\0", "\ud800", {"a": ["\udfff"]}, {"\ud800": 1}, [[["a\0b"]]]])
def test_what_no_database_takes_is_found_anywhere(value: Any) -> None:
    assert not texts.is_storable(value)


@pytest.mark.parametrize("value", ["", "naïve \U0001f600", {"a": [1, None, True, 1.5, "b"]}])
def test_everything_else_can_be_stored(value: Any) -> None:
    assert texts.is_storable(value)


def test_depth_is_no_obstacle() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert texts.is_storable(value)


def test_a_storable_value_has_no_halves_and_no_nul_and_is_the_same_otherwise() -> None:
    assert texts.storable({"a\ud800": ["\udfff", 1, "é\0"]}) == {"a\ufffd": ["\ufffd", 1, "é\ufffd"]}


def test_a_readable_value_has_no_halves_and_is_the_same_otherwise() -> None:
    assert texts.readable({"a\ud800": ["\udfff", 1, "é\0"]}) == {"a\ufffd": ["\ufffd", 1, "é\0"]}
