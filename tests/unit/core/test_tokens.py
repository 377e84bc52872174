"""The shape of API keys and of prefixed random tokens."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core import tokens


@pytest.mark.parametrize(("text", "expected"), [("a" * 30, "1yLcDB"), ("a" * 37, "2sN54l")])
def test_checksum_is_crc32_in_base62(text: str, expected: str) -> None:
    assert tokens.checksum(text) == expected


def test_a_new_key_has_the_published_shape() -> None:
    key = tokens.new_api_key()
    assert re.fullmatch(tokens.API_KEY_PATTERN, key)
    assert len(key) == 56
    assert tokens.is_well_formed(key)
    assert key != tokens.new_api_key()


@given(st.integers(0, 55), st.sampled_from(string.ascii_letters + string.digits + "_- é\n"))
def test_one_changed_character_is_always_refused(position: int, character: str) -> None:
    key = tokens.new_api_key()
    changed = key[:position] + character + key[position + 1 :]
    assert tokens.is_well_formed(changed) == (changed == key)


@given(st.integers(4, 54))
def test_two_swapped_neighbours_are_refused(position: int) -> None:
    key = tokens.new_api_key()
    swapped = key[:position] + key[position + 1] + key[position] + key[position + 2 :]
    assert tokens.is_well_formed(swapped) == (swapped == key)


@given(st.text(max_size=80))
def test_any_text_can_be_asked_about(text: str) -> None:
    assert not tokens.is_well_formed(text)


def test_the_checksum_covers_the_prefix() -> None:
    key = tokens.new_api_key()
    assert tokens.checksum(key[4:-6]) != key[-6:]
    assert not tokens.is_well_formed("ydk_" + key[4:])


@pytest.mark.parametrize("suffix", ["\n", " ", "0"])
def test_surrounding_text_is_not_part_of_a_key(suffix: str) -> None:
    assert not tokens.is_well_formed(tokens.new_api_key() + suffix)


def test_what_is_shown_of_a_key() -> None:
    key = tokens.new_api_key()
    assert tokens.display_prefix(key) == key[:8]
    assert tokens.last4(key) == key[-4:]


def test_a_new_secret_is_prefixed_random_and_of_one_length() -> None:
    made = {tokens.new_secret("xds_") for _ in range(200)}
    assert len(made) == 200
    assert {len(secret) for secret in made} == {4 + 43}
    assert all(re.fullmatch(r"xds_[0-9A-Za-z]{43}", secret) for secret in made)


def test_a_secret_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="16 at least"):
        tokens.new_secret("x_", 15)
