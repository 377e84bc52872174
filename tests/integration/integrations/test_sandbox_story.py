"""The sandbox from end to end over real HTTP: connect, test, sync, expire, refresh, revoke, reconnect, disconnect."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis
from sqlalchemy import update
from sqlmodel import select

from backend.core import clock, db
from backend.core.actor import Actor
from backend.integrations import flows, service, syncing
from backend.models import IntegrationEvent, IntegrationSync, SandboxGrant, SandboxToken
from backend.records import service as records
from backend.sandbox import jobs
from backend.sandbox import service as sandbox
from tests.factories import consents


def run_sync(owner: Actor, integration_id: str) -> IntegrationSync:
    """Start a sync and be the worker until it is over."""
    with db.transaction(write=True) as session:
        sync = service.start_sync(session, actor=owner, integration_id=integration_id)
    syncing.run(sync.id)
    with db.transaction() as session:
        return session.get_one(IntegrationSync, sync.id)


def kinds(integration_id: str) -> list[str]:
    """The kinds of the timeline's moments, oldest first."""
    with db.transaction() as session:
        query = select(IntegrationEvent.kind).where(IntegrationEvent.integration_id == integration_id).order_by(IntegrationEvent.id)
        return list(session.exec(query).all())


def test_a_connection_lives_from_consent_to_revocation(owner: Actor, redis: Redis) -> None:
    del redis
    row = consents.connect(owner)
    assert (row.status, row.account_name, row.granted_scopes) == (
        "active",
        "ada@sandbox.example",
        ["calendar", "contacts.read", "messages", "profile"],
    )
    assert row.refresh_class == "rotating"
    assert row.refresh_at is not None
    assert row.access_expires_at is not None
    assert row.refresh_at < row.access_expires_at

    tested = flows.test(actor=owner, integration_id=row.id)
    assert tested.success, tested
    first = run_sync(owner, row.id)
    assert (first.status, first.seen, first.created, first.failed, first.total) == ("done", 120, 120, 0, 120)
    with db.transaction() as session:
        assert records.count(session, actor=owner, module="contacts") == 120

    with db.transaction(write=True) as session:
        sandbox.expire_tokens(session, actor=owner)
        sandbox.change_contacts(session, actor=owner, number=3)
    second = run_sync(owner, row.id)
    assert (second.status, second.seen, second.created, second.updated) == ("done", 3, 0, 3)
    assert consents.read(row).token_version == 2

    with db.transaction(write=True) as session:
        sandbox.revoke_grants(session, actor=owner)
    assert not flows.test(actor=owner, integration_id=row.id).success
    lost = consents.read(row)
    assert (lost.status, lost.error_class) == ("needs_reconnect", "invalid_grant")
    assert "withdrew" in lost.status_reason
    assert "Reconnect" in lost.next_step

    again = consents.connect(owner, row)
    assert (again.id, again.status) == (row.id, "active")
    done = flows.disconnect(actor=owner, integration_id=row.id)
    assert done.revoked is True
    with db.transaction() as session:
        assert sandbox.account(session, actor=owner).grants == 0
        assert session.exec(select(SandboxToken)).first() is not None
    assert kinds(row.id) == [
        "created", "consent_begun", "connected", "tested", "sync_begun", "synced", "sync_begun", "refreshed", "synced",
        "refresh_failed", "test_failed", "consent_begun", "reconnected", "disconnected",
    ]  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_tokens_of_the_sandbox_that_have_ended_are_forgotten_and_others_kept(owner: Actor) -> None:
    row = consents.connect(owner)
    assert jobs.forget() == 0
    with db.transaction(write=True) as session:
        access, _refresh = session.exec(select(SandboxToken).order_by(SandboxToken.kind)).all()
        access.expires_at = clock.now() - timedelta(days=2)
    assert jobs.forget() == 1
    assert flows.refresh(actor=owner, integration_id=row.id).token_version == 2  # the grant lives on
    with db.transaction(write=True) as session:
        session.exec(update(SandboxToken).values(expires_at=clock.now() - timedelta(days=2)))
        session.exec(update(SandboxGrant).values(code_expires_at=clock.now() - timedelta(days=2)))
    assert jobs.forget() == 4
