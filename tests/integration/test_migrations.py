"""The schema: what the migrations make is what the models say, on both databases."""

from __future__ import annotations

import pytest

from backend.core import migrate


@pytest.mark.usefixtures("database")
def test_a_migrated_database_is_what_the_models_say():
    assert migrate.current() == migrate.head()
    assert migrate.differences() == []


@pytest.mark.usefixtures("database")
def test_a_process_that_waits_for_the_schema_finds_it():
    migrate.wait(seconds=0)
