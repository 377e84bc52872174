"""Encryption keys rotate: every sealed value moves, a kill in the middle loses none, and nothing ends before all were opened again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import insert
from sqlmodel import SQLModel, col, func, select

from backend.core import clock, crypto, db, ids
from backend.core.actor import Actor, Role
from backend.core.errors import Conflict, Forbidden
from backend.encryption import rotation, service
from backend.encryption.sealed import COLUMNS
from backend.integrations import vault
from backend.models import Integration, IntegrationCredential, KeyRotation
from tests.conftest import ENCRYPTION_KEY
from tests.factories import accounts, consents
from tests.waiting import eventually

NEW_KEY = "the-next-one-0123456789abcdefghijklmnopqrstuvwxyz"
ROWS = 10_000
pytestmark = pytest.mark.usefixtures("database")
# What a worker does with a rotation: one batch after another, saying after each where it is.
_WORKER = """
import sys
from backend.core import crypto, db
from backend.encryption import rotation
db.configure(sys.argv[1])
crypto.configure(sys.argv[2:])
while rotation.step():
    print("x", flush=True)
"""


@pytest.fixture
def owner() -> Iterator[Actor]:
    """The owner of a workspace; afterwards the keys are those of the other tests again."""
    yield accounts.workspace()
    crypto.configure([ENCRYPTION_KEY])


def stock(owner: Actor, number: int) -> None:
    """So many credentials, sealed under the current key."""
    ring, now = crypto.keyring(), clock.now()
    rows = []
    for _ in range(number):
        row = IntegrationCredential(
            id=ids.new("crd"), workspace_id=owner.workspace_id, integration_id=ids.new("int"), kind="fields", sealed="", updated_at=now
        )
        row.sealed = ring.encrypt(f"secret of {row.id}".encode(), context=vault.context(row))
        rows.append(row.model_dump())
    with db.transaction(write=True) as session:
        session.connection().execute(insert(IntegrationCredential), rows)


def begin(owner: Actor) -> KeyRotation:
    """Make a new key the current one, and begin."""
    crypto.configure([NEW_KEY, ENCRYPTION_KEY])
    with db.transaction(write=True) as session:
        return service.begin(session, actor=owner)


def standing(owner: Actor) -> service.Standing:
    """How the keys stand."""
    with db.transaction() as session:
        return service.standing(session, actor=owner)


def test_ten_thousand_values_survive_a_kill_in_the_middle(owner: Actor, database: db.Database) -> None:
    stock(owner, ROWS)
    made = begin(owner)
    assert made.total == ROWS
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER, database.url, NEW_KEY, ENCRYPTION_KEY], stdout=subprocess.PIPE, env={**os.environ}
    )
    assert worker.stdout is not None
    for _ in range(10):
        worker.stdout.read(2)
    worker.send_signal(signal.SIGKILL)
    worker.wait(20)
    worker.stdout.close()

    def row() -> KeyRotation:
        with db.transaction() as session:
            return session.get_one(KeyRotation, made.id)

    eventually(lambda: row().status == rotation.RUNNING)
    assert 0 < row().done < ROWS
    assert rotation.advance()
    ended = row()
    assert (ended.status, ended.done, ended.checked, ended.failed) == (rotation.DONE, ROWS, ROWS, 0)
    crypto.configure([NEW_KEY])  # the old key is gone for good
    with db.transaction() as session:
        some = session.exec(select(IntegrationCredential).order_by(col(IntegrationCredential.id)).limit(50)).all()
        assert session.exec(select(func.count()).select_from(IntegrationCredential)).one() == ROWS
    for each in some:
        assert crypto.keyring().decrypt(each.sealed, context=vault.context(each)) == f"secret of {each.id}".encode()


def test_a_key_may_go_once_nothing_refers_to_it(owner: Actor) -> None:
    stock(owner, 3)
    begin(owner)
    old = crypto.keyring().key_ids[1]
    assert standing(owner).sealed == {old: 3}
    assert standing(owner).removable == []
    rotation.advance()
    assert standing(owner).sealed == {crypto.keyring().current_id: 3}
    assert standing(owner).removable == [old]


def test_a_value_that_does_not_open_is_told_and_the_others_move(owner: Actor) -> None:
    stock(owner, 3)
    with db.transaction(write=True) as session:
        first, second, _ = session.exec(select(IntegrationCredential).order_by(col(IntegrationCredential.id))).all()
        first.sealed, second.sealed = second.sealed, first.sealed  # each in the other's row: neither opens
    made = begin(owner)
    rotation.advance()
    with db.transaction() as session:
        ended = session.get_one(KeyRotation, made.id)
    assert (ended.status, ended.done, ended.failed) == (rotation.FAILED, 1, 2)
    assert first.id in ended.error
    assert "another row" in ended.error


def test_a_credential_opens_in_its_own_row_alone(owner: Actor) -> None:
    rows = [consents.integration(owner, "stripe", credentials={"api_key": f"sk_live_{name}"}) for name in ("one", "two")]
    with db.transaction(write=True) as session:
        kept = [session.exec(select(IntegrationCredential).where(IntegrationCredential.integration_id == row.id)).one() for row in rows]
        kept[0].sealed, kept[1].sealed = kept[1].sealed, kept[0].sealed
    with db.transaction() as session, pytest.raises(crypto.DecryptionFailed):
        vault.load(session, session.get_one(Integration, rows[0].id), vault.FIELDS)


def test_one_key_alone_cannot_rotate(owner: Actor) -> None:
    with db.transaction(write=True) as session, pytest.raises(Conflict, match="one key"):
        service.begin(session, actor=owner)


def test_keys_are_for_owners(owner: Actor) -> None:
    with db.transaction(write=True) as session:
        admin = accounts.member(session, owner.workspace_id, Role.ADMIN)
        with pytest.raises(Forbidden):
            service.standing(session, actor=admin)


def test_every_sealed_column_is_known() -> None:
    known = {column.name for column in COLUMNS}
    sealed = {
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name == "sealed" or column.name.endswith(("_encrypted", "_sealed"))
    }
    assert sealed == known
