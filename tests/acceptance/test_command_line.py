"""`crossdock …` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from backend.accounts import service as accounts
from backend.cli import app
from backend.core import clock, crypto, db
from backend.models import Event, IntegrationCredential, User
from backend.settings import settings

PASSWORD = "correct horse battery staple"


@pytest.fixture
def crossdock() -> CliRunner:
    """Runs commands in this process."""
    return CliRunner()


@pytest.fixture
def administrator(database: db.Database, crossdock: CliRunner) -> str:
    """An installation whose administrator was made on the command line; their id."""
    del database
    made = crossdock.invoke(app, ["create-admin", "--email", "ada@example.com", "--password", PASSWORD, "--workspace", "Acme"])
    assert made.exit_code == 0, made.output
    with db.transaction() as session:
        return session.exec(select(User.id).where(col(User.email) == "ada@example.com")).one()


def test_the_administrators_password_may_come_from_the_environment(
    database: db.Database, crossdock: CliRunner, monkeypatch: pytest.MonkeyPatch
):
    del database
    monkeypatch.setenv("CROSSDOCK_ADMIN_PASSWORD", PASSWORD)
    settings.cache_clear()
    made = crossdock.invoke(app, ["create-admin", "--email", "ada@example.com"])
    assert (made.exit_code, "can sign in now" in made.output) == (0, True), made.output


def test_migrate_makes_the_schema_and_may_be_repeated(crossdock: CliRunner, data_dir: Path):
    first = crossdock.invoke(app, ["migrate"])
    again = crossdock.invoke(app, ["migrate"])
    db.database().dispose()

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "It was empty before" in first.output
    assert "It was empty before" not in again.output
    assert (data_dir / "crossdock.sqlite3").exists()


def test_the_migrations_are_in_step_with_the_models(crossdock: CliRunner):
    checked = crossdock.invoke(app, ["check-migrations"])

    assert checked.exit_code == 0, checked.output


def test_no_migration_is_written_while_there_is_nothing_to_migrate(crossdock: CliRunner):
    refused = crossdock.invoke(app, ["new-migration", "Nothing"])

    assert refused.exit_code == 1
    assert "there is nothing to write" in refused.output


def test_an_administrator_made_on_the_command_line_ends_the_set_up(administrator: str):
    assert administrator
    with db.transaction() as session:
        assert not accounts.setup_needed(session)


@pytest.mark.usefixtures("database")
def test_a_weak_password_is_refused_with_a_sentence(crossdock: CliRunner):
    refused = crossdock.invoke(app, ["create-admin", "--email", "ada@example.com", "--password", "short"])

    assert refused.exit_code == 1
    assert "password" in refused.output
    assert "Traceback" not in refused.output


@pytest.mark.usefixtures("administrator", "redis")
def test_an_event_is_published_once_per_idempotency_key(crossdock: CliRunner):
    words = ["emit", "order.created", "--data", json.dumps({"id": "ord_1"}), "--idempotency-key", "abc"]
    first, again = crossdock.invoke(app, words), crossdock.invoke(app, words)

    assert first.exit_code == 0, first.output
    assert first.output == again.output
    with db.transaction() as session:
        assert [event.type for event in session.exec(select(Event)).all()] == ["order.created"]


@pytest.mark.usefixtures("administrator")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["order.created", "--data", "{"], "is not JSON"),
        (["order.created", "--data", "[]"], "not a JSON object"),
        (["order.imagined"], "order.imagined"),
        (["order.created", "--workspace", "Nowhere"], "is not the name or id of a workspace"),
    ],
)
def test_what_cannot_be_published_is_refused_with_a_sentence(words: list[str], said: str, crossdock: CliRunner):
    refused = crossdock.invoke(app, ["emit", *words])

    assert refused.exit_code == 1
    assert said in refused.output


def test_the_doctor_finds_what_is_missing(crossdock: CliRunner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CROSSDOCK_PROT", "9000")
    examined = crossdock.invoke(app, ["doctor"])

    assert examined.exit_code == 1
    assert "CROSSDOCK_PROT is set but means nothing to Crossdock. Did you mean CROSSDOCK_PORT?" in examined.output
    assert "run `crossdock migrate`" in examined.output


@pytest.mark.usefixtures("database", "redis")
def test_the_doctor_finds_database_and_redis_well(crossdock: CliRunner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(crypto._Configured, "keyring", None)
    examined = crossdock.invoke(app, ["doctor"]).output

    assert "answers and is at revision" in examined
    assert "Redis answers" in examined
    assert "Every sealed value has its key" in examined


@pytest.mark.usefixtures("database", "redis")
def test_the_doctor_names_an_encryption_key_that_is_missing(crossdock: CliRunner):
    with db.transaction(write=True) as session:
        at = clock.now()
        session.add(
            IntegrationCredential(
                id="crd_1", workspace_id="wsp_1", integration_id="int_1", kind="fields", sealed="v1.0badc0de.x", updated_at=at
            )
        )
    examined = crossdock.invoke(app, ["doctor"])

    assert examined.exit_code == 1
    assert "1 sealed value needs the key 0badc0de, which ENCRYPTION_KEY does not hold" in examined.output


def test_the_doctor_explains_a_wrong_setting(crossdock: CliRunner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CROSSDOCK_PORT", "none")
    examined = crossdock.invoke(app, ["doctor"])

    assert examined.exit_code == 1
    assert "CROSSDOCK_PORT must be a port number" in examined.output
