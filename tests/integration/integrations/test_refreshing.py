"""One refresh at a time: fifty at once ask the provider once, a lost race harms nothing, a kill after the answer is told."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import Session, col, func, select

from backend.core import clock, crypto, db
from backend.core.actor import Actor
from backend.core.errors import Unavailable
from backend.integrations import oauth, refreshing, vault
from backend.integrations.failures import Kind, ProviderFailed
from backend.integrations.oauth import Granted
from backend.models import Integration, IntegrationEvent, SandboxGrant, SandboxToken
from tests.conftest import ENCRYPTION_KEY
from tests.factories import consents, switches
from tests.waiting import eventually

# A worker that refreshes and is killed once the provider has answered, before anything is stored.
_KILLED = """
import sys, time
from backend.core import crypto, db, outbox
from backend.events import service as events
from backend.integrations import refreshing
db.configure(sys.argv[1]); crypto.configure([sys.argv[2]]); outbox.bind(events.publish)
def answered(turn, granted, seconds):
    print("answered", flush=True)
    time.sleep(60)
refreshing._settle = answered
refreshing.refresh(sys.argv[3], sys.argv[4])
"""
_REFRESHES = """
import sys
from backend.core import crypto, db, outbox
from backend.events import service as events
from backend.integrations import refreshing
from concurrent.futures import ThreadPoolExecutor
db.configure(sys.argv[1]); crypto.configure([sys.argv[2]]); outbox.bind(events.publish)
with ThreadPoolExecutor(10) as threads:
    list(threads.map(lambda _: refreshing.ready(sys.argv[3], sys.argv[4], after=int(sys.argv[5])), range(10)))
print("done", flush=True)
"""


def refresh_tokens() -> int:
    """How many refresh tokens the sandbox has given."""
    with db.transaction() as session:
        return session.exec(select(func.count()).select_from(SandboxToken).where(SandboxToken.kind == "refresh")).one()


def told(row: Integration, kind: str) -> list[str]:
    """What the timeline says in moments of a kind."""
    with db.transaction() as session:
        query = select(IntegrationEvent.summary).where(IntegrationEvent.integration_id == row.id, IntegrationEvent.kind == kind)
        return list(session.exec(query.order_by(col(IntegrationEvent.id))).all())


def change(row: Integration, **values: object) -> None:
    """Set columns of an integration."""
    with db.transaction(write=True) as session:
        found = session.get_one(Integration, row.id)
        for name, value in values.items():
            setattr(found, name, value)


def worker(code: str, row: Integration, *arguments: str) -> subprocess.Popen[bytes]:
    """A process of its own on the same installation."""
    command = [sys.executable, "-c", code, db.database().url, ENCRYPTION_KEY, row.workspace_id, row.id, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def test_fifty_at_once_over_processes_and_threads_refresh_once(owner: Actor) -> None:
    row = consents.connect(owner)
    assert refresh_tokens() == 1
    others = [worker(_REFRESHES, row, str(row.token_version)) for _ in range(2)]
    start = threading.Barrier(30)

    def refresh(_: int) -> int:
        start.wait(20)
        return refreshing.ready(row.workspace_id, row.id, after=row.token_version).tokens_at

    with ThreadPoolExecutor(30) as threads:
        versions = set(threads.map(refresh, range(30)))
    assert [process.communicate(timeout=60)[0] for process in others] == [b"done\n", b"done\n"]
    assert versions == {2}
    assert refresh_tokens() == 2  # one refresh reached the provider
    assert consents.read(row).status == "active"
    with db.transaction() as session:
        assert session.exec(select(SandboxGrant.revoked_at)).all() == [None]


def test_a_kill_between_answer_and_commit_is_told_and_mended_by_reconnecting(owner: Actor) -> None:
    row = consents.connect(owner)
    process = worker(_KILLED, row)
    assert process.stdout is not None
    assert process.stdout.readline() == b"answered\n"
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    process.stdout.close()
    assert consents.read(row).refresh_owner is not None
    change(row, refresh_lease_until=clock.now() - timedelta(seconds=1))

    with pytest.raises(ProviderFailed) as failed:
        refreshing.refresh(row.workspace_id, row.id)
    assert failed.value.failure.kind is Kind.INVALID_GRANT
    assert "cut off before its answer was stored" in failed.value.failure.cause
    lost = consents.read(row)
    assert (lost.status, lost.refresh_at) == ("needs_reconnect", None)
    assert "cut off" in lost.status_reason
    assert len(told(row, "refresh_interrupted")) == 1
    again = consents.connect(owner, row)
    assert (again.id, again.status, again.refresh_owner) == (row.id, "active", None)


def test_whoever_loses_the_race_takes_the_winners_tokens(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    row = consents.connect(owner)
    real = oauth.refresh

    def slow(_found: refreshing.Connection) -> Granted:
        """Another process refreshes while this one waits; then the provider refuses the used token."""
        monkeypatch.setattr(oauth, "refresh", real)
        change(row, refresh_lease_until=clock.now() - timedelta(seconds=1))  # as if this one had been stopped for long
        refreshing.refresh(row.workspace_id, row.id)
        raise refreshing.failures.failed(Kind.INVALID_GRANT, "The refresh token has been used.")

    monkeypatch.setattr(oauth, "refresh", slow)
    found = refreshing.refresh(row.workspace_id, row.id)
    assert found.tokens_at == 2
    assert consents.read(row).status == "active"


def test_an_answer_that_cannot_be_stored_yet_is_kept_until_it_can(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    row = consents.connect(owner)
    real, away = refreshing._settle, [3]

    def settle(*args: object) -> refreshing.Connection:
        if away[0]:
            away[0] -= 1
            raise Unavailable("The database cannot be reached for now.")
        return real(*args)  # type: ignore[arg-type] - as it was called

    monkeypatch.setattr(refreshing, "_settle", settle)
    monkeypatch.setattr(refreshing, "_STORE_AGAIN_SECONDS", 0.01)
    assert refreshing.refresh(row.workspace_id, row.id).tokens_at == 2
    assert consents.read(row).status == "active"


@pytest.mark.parametrize(("trouble", "kind"), [("500", Kind.SERVER_ERROR), ("429", Kind.RATE_LIMITED)])
def test_a_failure_that_passes_leaves_a_good_token_and_is_tried_again(owner: Actor, trouble: str, kind: Kind) -> None:
    row = consents.connect(owner)
    switches.switch(owner, token_error=trouble)
    with pytest.raises(ProviderFailed) as failed:
        refreshing.refresh(row.workspace_id, row.id)
    assert failed.value.failure.kind is kind
    after = consents.read(row)
    assert (after.status, after.refresh_failures) == ("active", 1)
    assert after.refresh_at is not None
    assert after.refresh_at > clock.now()
    switches.switch(owner, token_error="")
    change(row, blocked_until=None, refresh_at=clock.now())
    assert refreshing.refresh_due() == 1
    assert consents.read(row).token_version == 2


def test_a_client_that_is_refused_is_an_error_with_a_next_step(owner: Actor) -> None:
    row = consents.connect(owner)
    switches.switch(owner, token_error="invalid_client")
    with pytest.raises(ProviderFailed) as failed:
        refreshing.refresh(row.workspace_id, row.id)
    assert failed.value.failure.kind is Kind.INVALID_CLIENT
    after = consents.read(row)
    assert (after.status, after.error_class) == ("error", "invalid_client")
    assert "client secret" in after.next_step


def test_cron_refreshes_ahead_of_expiry(owner: Actor) -> None:
    row = consents.connect(owner)
    assert not refreshing.is_any_due()
    change(row, refresh_at=clock.now() - timedelta(seconds=1))
    assert refreshing.is_any_due()
    assert refreshing.refresh_due() == 1
    eventually(lambda: consents.read(row).token_version == 2)
    assert not refreshing.is_any_due()


def test_a_scope_that_is_dropped_is_told(owner: Actor) -> None:
    row = consents.connect(owner)
    switches.switch(owner, drop_scope="messages")
    refreshing.refresh(row.workspace_id, row.id)
    assert consents.read(row).granted_scopes == ["calendar", "contacts.read", "profile"]
    assert told(row, "scopes_changed") == ["Sandbox no longer has messages."]


def test_tokens_are_nowhere_but_in_sealed_values(owner: Actor) -> None:
    row = consents.connect(owner)
    with db.transaction() as session:
        tokens = vault.load(session, row, vault.TOKENS)
    client = crypto.keyring().mac("sandbox-client", row.workspace_id).digest_hex
    found = [name for name, text in every_text() for secret in (tokens["access_token"], tokens["refresh_token"], client) if secret in text]
    assert found == []


def every_text() -> list[tuple[str, str]]:
    """Every value of every table as text."""
    rows: list[tuple[str, str]] = []
    with db.transaction() as session:
        for table in tables(session):
            rows += [(table, str(list(row))) for row in session.connection().exec_driver_sql(f'SELECT * FROM "{table}"').all()]  # noqa: S608 - our own tables
    return rows


def tables(session: Session) -> list[str]:
    """The names of all tables."""
    from sqlalchemy import inspect

    return inspect(session.connection()).get_table_names()
