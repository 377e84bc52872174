"""The audit on both databases: only ever added to, sealed in a chain, and every way to falsify it is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel, select
from typer.testing import CliRunner

from backend import cli
from backend.accounts import service
from backend.audit import jobs, sealing, verification
from backend.audit import service as audit
from backend.core import crypto, db
from backend.core.actor import Actor, ActorKind, Role
from backend.models import AuditEntry
from tests.conftest import ENCRYPTION_KEY
from tests.factories import accounts

pytestmark = pytest.mark.usefixtures("database")


def act(actor: Actor, count: int = 5) -> None:
    with db.transaction(write=True) as session:
        for number in range(count):
            audit.record(
                session, actor=actor, action="api_key.updated", target_kind="api_key", target_id=f"key_{number}",
                before={"name": "é", "limit": 1.5, "big": 2**70}, after={"name": "b", "limit": None}, reason="Wanted",
            )  # fmt: skip


def sealed(count: int = 5) -> Actor:
    owner = accounts.workspace()
    act(owner, count)
    jobs.seal()
    return owner


def found(actor: Actor) -> list[str]:
    return [each.sentence for each in verification.verify(actor.workspace_id).breaks]


def forge(database: db.Database, *statements: str) -> None:
    """What somebody does who owns the database but has no key."""
    with database.writer.begin() as connection:
        for name in ("no_delete", "no_change"):
            connection.execute(text(f"DROP TRIGGER audit_entry_{name}{'' if database.is_sqlite else ' ON audit_entry'}"))
        for statement in statements:
            connection.execute(text(statement))


def test_a_sealed_chain_is_whole_and_goes_on():
    owner, other = sealed(), sealed(2)
    act(owner, 2)
    report = verification.verify(owner.workspace_id)
    assert (report.sealed, report.unsealed, report.breaks) == (5, 2, [])
    assert report.unsealed_since is not None
    jobs.seal()
    report = verification.verify(owner.workspace_id)
    assert (report.sealed, report.unsealed, report.unsealed_since, report.breaks) == (7, 0, None, [])
    assert verification.verify(other.workspace_id).sealed == 2


def test_more_than_a_batch_is_sealed_in_the_order_of_ids(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sealing, "BATCH", 3)
    monkeypatch.setattr(verification, "_BATCH", 4)
    owner = sealed(10)
    assert found(owner) == []
    with db.transaction() as session:
        rows = session.exec(select(AuditEntry).order_by(AuditEntry.id)).all()  # type: ignore[arg-type] - a column
    assert [row.sequence for row in rows] == list(range(1, 11))


@pytest.mark.parametrize(
    "change",
    [
        "action = 'api_key.read'",
        "actor_name = 'Somebody else'",
        "reason = NULL",
        "after = '{}'",
        "target_id = 'key_9'",
        "ip = '192.0.2.1'",
        "created_at = '2020-01-01 00:00:00.000000'",
        "sealed_at = '2020-01-01 00:00:00.000000'",
    ],
)
def test_a_change_is_found(database: db.Database, change: str):
    owner = sealed()
    forge(database, f"UPDATE audit_entry SET {change} WHERE sequence = 3")  # noqa: S608 - the changes above
    (told,) = found(owner)
    assert told.startswith("Entry 3 (aud_")
    assert "is not what was sealed" in told


def test_a_deletion_is_found(database: db.Database):
    owner = sealed()
    forge(database, "DELETE FROM audit_entry WHERE sequence IN (2, 3)")
    assert found(owner) == ["Entries 2 to 3 are missing."]


def test_a_beginning_that_was_cut_off_is_found(database: db.Database):
    owner = sealed()
    forge(database, "DELETE FROM audit_entry WHERE sequence = 1")
    assert found(owner) == ["Entry 1 is missing."]


def test_an_end_that_was_cut_off_is_found(database: db.Database):
    owner = sealed()
    forge(database, "DELETE FROM audit_entry WHERE sequence >= 4")
    assert found(owner) == ["Entries 4 to 5 are missing."]
    act(owner, 1)
    jobs.seal()  # going on from the head does not cover it up
    assert found(owner) == ["Entries 4 to 5 are missing."]


def test_an_end_that_was_cut_off_with_the_record_of_it_is_found(database: db.Database):
    owner = sealed()
    forge(
        database,
        "DELETE FROM audit_entry WHERE sequence >= 4",
        "UPDATE audit_head SET sequence = 3, entry_mac = (SELECT mac FROM audit_entry WHERE sequence = 3)",
    )
    (told,) = found(owner)
    assert "end was" in told or "ends was changed" in told


def test_a_lost_record_of_the_end_is_found(database: db.Database):
    owner = sealed()
    forge(database, "DELETE FROM audit_head")
    (told,) = found(owner)
    assert "record of where the chain ends is missing" in told


def test_entries_that_changed_places_are_found(database: db.Database):
    owner = sealed()
    forge(
        database,
        "UPDATE audit_entry SET sequence = 100 WHERE sequence = 2",
        "UPDATE audit_entry SET sequence = 2 WHERE sequence = 4",
        "UPDATE audit_entry SET sequence = 4 WHERE sequence = 100",
    )
    assert {told.split()[1] for told in found(owner)} >= {"2", "4"}


def test_entries_that_tell_each_others_story_are_found(database: db.Database):
    owner = sealed()
    forge(database, "UPDATE audit_entry SET target_id = CASE sequence WHEN 4 THEN 'key_4' ELSE 'key_3' END WHERE sequence IN (4, 5)")
    assert [told.split()[1] for told in found(owner)] == ["4", "5"]


def test_an_end_that_was_made_up_is_found(database: db.Database):
    """A copy of the last entry is put after it as if it were sealed, and the record of the end is moved there."""
    owner = sealed()
    columns = [column.name for column in SQLModel.metadata.tables["audit_entry"].columns]
    copied = {"id": "'aud_7zzzzzzzzzzzzzzzzzzzzzzzzz'", "sequence": "6", "previous_mac": "mac"}
    values = ", ".join(copied.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    forge(
        database,
        f"INSERT INTO audit_entry ({names}) SELECT {values} FROM audit_entry WHERE sequence = 5",  # noqa: S608 - names of our own
        "UPDATE audit_head SET sequence = 6",
    )
    told = found(owner)
    assert any(each.startswith("Entry 6 (aud_7zz") and "is not what was sealed" in each for each in told)
    assert any("record of where the chain ends was changed" in each for each in told)


def test_an_entry_of_another_workspace_does_not_fit(database: db.Database):
    owner, other = sealed(3), sealed(3)
    mine, theirs = (f"workspace_id = '{actor.workspace_id}'" for actor in (owner, other))
    forge(
        database,
        f"DELETE FROM audit_entry WHERE {mine} AND sequence = 2",  # noqa: S608 - ids of our own
        f"UPDATE audit_entry SET {mine} WHERE {theirs} AND sequence = 2",  # noqa: S608 - the same
    )
    assert any("is not what was sealed" in told for told in found(owner))
    assert found(other) == ["Entry 2 is missing."]


def test_a_forged_entry_is_found(database: db.Database):
    owner = sealed()
    forge(database, "UPDATE audit_entry SET sequence = -1, target_id = 'x' WHERE sequence = 5")
    assert any("is not what was sealed" in told for told in found(owner))


def test_a_rotated_key_still_verifies_and_a_dropped_one_does_not():
    owner = sealed(2)
    crypto.configure(["another-key-0123456789abcdefghijklmnopqrstuvwxyz", ENCRYPTION_KEY])
    act(owner, 1)
    jobs.seal()
    assert found(owner) == []
    crypto.configure(["another-key-0123456789abcdefghijklmnopqrstuvwxyz"])
    assert [told.split()[1] for told in found(owner)] == ["1", "2"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET action = 'x'",
        "UPDATE audit_entry SET sequence = NULL",
        "UPDATE audit_entry SET before = NULL WHERE sequence IS NULL",
    ],
)
def test_the_database_refuses_to_change_or_delete_entries(database: db.Database, statement: str):
    owner = sealed(1)
    act(owner, 1)
    with pytest.raises(DBAPIError, match="audit entries cannot be"), database.writer.begin() as connection:
        connection.execute(text(statement))
    assert found(owner) == []


def test_the_command_tells_what_it_found(database: db.Database):
    owner = sealed(3)
    act(owner, 1)
    told = CliRunner().invoke(cli.app, ["verify-audit"])
    assert told.exit_code == 0, told.output
    assert f"ok       Acme ({owner.workspace_id}): 3 sealed; 1 not sealed yet, since " in told.output
    forge(database, "DELETE FROM audit_entry WHERE sequence = 2")
    told = CliRunner().invoke(cli.app, ["verify-audit"])
    assert told.exit_code == 1
    assert "BROKEN   Acme" in told.output
    assert "Entry 2 is missing." in told.output


def test_an_audit_that_was_removed_as_a_whole_is_found(database: db.Database):
    owner = sealed(3)
    forge(database, "DELETE FROM audit_entry", "DELETE FROM audit_head")
    told = CliRunner().invoke(cli.app, ["verify-audit"])
    assert told.exit_code == 1
    assert f"BROKEN   Acme ({owner.workspace_id}): 0 sealed" in told.output
    assert "the whole audit was removed" in told.output


def test_a_new_workspace_begins_with_the_entry_of_its_making():
    with db.transaction(write=True) as session:
        user = service.create_admin(session, email="ann@example.com", password_hash="x", workspace="First")
        maker = Actor(ActorKind.USER, user.id, "", name=user.email, role=Role.SUPER_ADMIN)
        service.create_workspace(session, actor=maker, name="Second")
    reports = verification.verify_all()
    assert [(report.name, report.unsealed, report.breaks) for report in sorted(reports, key=lambda report: report.name)] == [
        ("First", 1, []),
        ("Second", 1, []),
    ]


def test_a_database_that_was_set_back_is_found_by_what_was_kept_elsewhere(database: db.Database, tmp_path: Path):
    ends = tmp_path / "ends.json"
    owner = sealed(3)
    with database.reader.connect() as connection:
        before = connection.execute(text("SELECT sequence, entry_mac, mac FROM audit_head")).one()
    act(owner, 2)
    jobs.seal()
    told = CliRunner().invoke(cli.app, ["verify-audit", "--ends", str(ends)])
    assert told.exit_code == 0, told.output
    assert json.loads(ends.read_text())[owner.workspace_id][0] == 5
    restore = f"UPDATE audit_head SET sequence = {before[0]}, entry_mac = '{before[1]}', mac = '{before[2]}'"  # noqa: S608 - our own values
    forge(database, "DELETE FROM audit_entry WHERE sequence > 3", restore)
    assert found(owner) == []  # the chain itself looks whole
    told = CliRunner().invoke(cli.app, ["verify-audit", "--ends", str(ends)])
    assert told.exit_code == 1
    assert "Entries 4 to 5 are missing." in told.output
    assert json.loads(ends.read_text())[owner.workspace_id][0] == 5  # what was kept is not overwritten
    act(owner, 3)
    jobs.seal()
    told = CliRunner().invoke(cli.app, ["verify-audit", "--ends", str(ends)])
    assert "is not the entry with which the chain ended when it was last verified." in told.output


def test_a_file_of_ends_that_is_something_else_is_refused(tmp_path: Path):
    ends = tmp_path / "notes.txt"
    ends.write_text("Buy milk")
    told = CliRunner().invoke(cli.app, ["verify-audit", "--ends", str(ends)])
    assert told.exit_code != 0
    assert "is not a file that this command has written" in told.output
    assert ends.read_text() == "Buy milk"
