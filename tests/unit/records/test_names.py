"""How modules and fields are named, in both spellings, and the singular by which events are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.records import names
from backend.records.starters import SETS


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("contacts", "contact"), ("opportunities", "opportunity"), ("gl_entries", "gl_entry"), ("branches", "branch"),
        ("boxes", "box"), ("addresses", "address"), ("people", "person"), ("status", "status"), ("news", "news"),
    ],
)  # fmt: skip
def test_singulars(plural: str, singular: str) -> None:
    assert names.singular(plural) == singular


@given(st.from_regex(r"[a-z][a-z]{0,5}(_[a-z]{1,5}){0,3}", fullmatch=True))
def test_a_name_of_words_comes_back_from_camel_case(name: str) -> None:
    assert names.is_name(name)
    if all(len(word) > 1 for word in name.split("_")):
        assert names.snake(names.camel(name)) == name


def test_the_starter_sets_name_everything_in_order() -> None:
    modules = [module for one in SETS.values() for module in one.modules]
    assert len({module.name for module in modules}) == len(modules)
    for module in modules:
        assert names.is_name(module.name)
        for field in module.fields:
            assert names.is_name(field["name"])
            assert field["name"] not in names.RESERVED
