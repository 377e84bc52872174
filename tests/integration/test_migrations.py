"""The schema: what the migrations make is what the models say, on both databases."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import insert, text

from backend.core import clock, db, migrate
from backend.models import Delivery


@pytest.mark.usefixtures("database")
def test_a_migrated_database_is_what_the_models_say():
    assert migrate.current() == migrate.head()
    assert migrate.differences() == []


@pytest.mark.usefixtures("database")
def test_a_process_that_waits_for_the_schema_finds_it():
    migrate.wait(seconds=0)


def test_what_the_first_release_stored_is_there_after_the_migration(database: db.Database):
    with database.writer.begin() as connection:
        command.downgrade(migrate._config(connection), "0001")
    row = {
        "id": "dlv_1", "created_at": clock.now(), "workspace_id": "wsp_1", "event_id": "evt_1", "webhook_id": "whk_1",
        "event_type": "order.created", "kind": "event", "status": "dead", "attempt_count": 1, "failure_count": 1, "max_attempts": 10,
        "trigger": "event", "trace_id": "trc_1",
    }  # fmt: skip
    with database.writer.begin() as connection:
        connection.execute(insert(Delivery), row)
    migrate.upgrade()
    assert migrate.differences() == []
    with database.reader.connect() as connection:
        kept = connection.execute(text("SELECT id, status, replay_id FROM delivery")).all()
    assert [tuple(each) for each in kept] == [("dlv_1", "dead", None)]
