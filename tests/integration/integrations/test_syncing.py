"""Syncs go on after a kill without storing twice, wait where the provider asks, tell of each item, and fail with a reason."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlmodel import Session, func, select

from backend.core import clock, db
from backend.core.actor import Actor
from backend.core.errors import Conflict
from backend.integrations import directions, flows, landing, service, syncing, turns
from backend.models import Event, Integration, IntegrationSync, IntegrationSyncError
from backend.records import modules
from backend.records import service as records
from backend.runs import service as runs
from tests.factories import consents, switches

CONTACTS = 120


class Killed(BaseException):
    """What no handler catches: the process is gone."""


def started(owner: Actor, row: Integration, *, full: bool = False) -> str:
    """A sync that waits for a worker."""
    with db.transaction(write=True) as session:
        return service.start_sync(session, actor=owner, integration_id=row.id, full=full).id


def read(identifier: str) -> IntegrationSync:
    """The sync as it stands."""
    with db.transaction() as session:
        return session.get_one(IntegrationSync, identifier)


def free(identifier: str) -> None:
    """As if so much time had passed that the sync may be taken over, or goes on."""
    with db.transaction(write=True) as session:
        sync = session.get_one(IntegrationSync, identifier)
        sync.lease_until = clock.now()
        session.get_one(Integration, sync.integration_id).blocked_until = None


def count(model: type, *where: object) -> int:
    """How many rows there are."""
    with db.transaction() as session:
        return session.exec(select(func.count()).select_from(model).where(*where)).one()  # type: ignore[arg-type] - conditions


def test_a_kill_in_the_middle_of_a_page_loses_and_doubles_nothing(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    switches.switch(owner, contacts=150)
    row = consents.connect(owner)
    identifier = started(owner, row)
    real, stored = landing.land, [0]

    def land(session: Session, *args: object) -> landing.Counts:
        stored[0] += 1
        if stored[0] == 6:  # in the second page, after its first batch
            raise Killed
        return real(session, *args)  # type: ignore[arg-type] - as it was called

    monkeypatch.setattr(landing, "land", land)
    with pytest.raises(Killed):
        syncing.run(identifier)
    monkeypatch.setattr(landing, "land", real)
    assert (read(identifier).status, read(identifier).seen) == ("running", 125)
    syncing.run(identifier)  # its lease has not ended: nobody takes it over
    assert read(identifier).seen == 125
    free(identifier)
    assert turns.offer_waiting() == 1
    syncing.run(identifier)
    ended = read(identifier)
    # The page was begun again: what it had stored is there as it was.
    assert (ended.status, ended.seen, ended.created, ended.unchanged, ended.pages) == ("done", 150, 125, 25, 2)
    assert count(Event, Event.type == "contact.created") == 150


@pytest.mark.parametrize("trouble", ["429", "500"])
def test_a_failure_that_passes_is_waited_for(owner: Actor, trouble: str) -> None:
    row = consents.connect(owner)
    switches.switch(owner, api_error=trouble)
    identifier = started(owner, row)
    syncing.run(identifier)
    waiting = read(identifier)
    assert (waiting.status, waiting.owner) == ("waiting", None)
    assert waiting.error
    assert waiting.lease_until is not None
    assert waiting.lease_until > clock.now()
    switches.switch(owner, api_error="")
    syncing.run(identifier)  # too early
    assert read(identifier).status == "waiting"
    free(identifier)
    syncing.run(identifier)
    assert read(identifier).status == "done"


def test_a_failure_that_does_not_end_is_given_up_and_told(owner: Actor) -> None:
    row = consents.connect(owner)
    switches.switch(owner, api_error="500")
    identifier = started(owner, row)
    for _ in range(syncing.MOST_TRIES):
        free(identifier)
        syncing.run(identifier)
    ended = read(identifier)
    assert (ended.status, ended.error_class) == ("failed", "server_error")
    assert ended.next_step
    assert count(Event, Event.type == "sync.failed") == 1


def test_a_scope_that_is_missing_is_named_with_a_next_step(owner: Actor) -> None:
    switches.switch(owner, drop_scope="contacts.read")
    row = consents.connect(owner)
    identifier = started(owner, row)
    syncing.run(identifier)
    ended = read(identifier)
    assert (ended.status, ended.error_class) == ("failed", "scope_missing")
    assert "contacts.read" in ended.error
    assert "Reconnect" in ended.next_step


def test_an_item_that_does_not_fit_is_told_of_and_the_others_are_stored(owner: Actor) -> None:
    with db.transaction(write=True) as session:
        fields = [{"name": "email", "type": "email", "unique": True}, {"name": "phone", "type": "number"}]
        modules.delete(session, actor=owner, name="contacts")
        modules.create(session, actor=owner, input=modules.ModuleInput(name="contacts", fields=fields))
    row = consents.connect(owner)
    identifier = started(owner, row)
    syncing.run(identifier)
    ended = read(identifier)
    assert (ended.status, ended.created, ended.failed) == ("done", CONTACTS, 0)
    assert count(IntegrationSyncError, IntegrationSyncError.sync_id == identifier) == CONTACTS
    with db.transaction() as session:
        page = service.sync_errors(session, actor=owner, integration_id=row.id, sync_id=identifier)
    assert page.data[0].message.startswith("Stored without phone:")


def test_contacts_that_are_there_already_are_known_by_their_address(owner: Actor) -> None:
    with db.transaction(write=True) as session:
        values = {"email": "grace.lovelace.1@sandbox.example", "notes": "kept"}
        there = records.create(session, actor=owner, module="contacts", values=values).id
    row = consents.connect(owner)
    identifier = started(owner, row)
    syncing.run(identifier)
    assert (read(identifier).created, read(identifier).updated) == (CONTACTS - 1, 1)
    with db.transaction() as session:
        found = records.get(session, actor=owner, module="contacts", record_id=there).document
    assert (found["first_name"], found["notes"]) == ("Grace", "kept")


def test_a_full_sync_stores_only_what_differs(owner: Actor) -> None:
    row = consents.connect(owner)
    syncing.run(started(owner, row))
    again = started(owner, row, full=True)
    assert started(owner, row) == again  # one at a time
    syncing.run(again)
    ended = read(again)
    assert (ended.seen, ended.created, ended.updated, ended.unchanged) == (CONTACTS, 0, 0, CONTACTS)


def test_a_cancelled_sync_ends_and_a_disabled_integration_begins_none(owner: Actor) -> None:
    row = consents.connect(owner)
    identifier = started(owner, row)
    with db.transaction(write=True) as session:
        service.cancel_sync(session, actor=owner, integration_id=row.id, sync_id=identifier)
    syncing.run(identifier)
    assert (read(identifier).status, read(identifier).seen) == ("cancelled", 0)
    with db.transaction(write=True) as session:
        service.disable(session, actor=owner, integration_id=row.id)
    with pytest.raises(Conflict, match="disabled"):
        started(owner, row)
    with pytest.raises(Conflict, match="disabled"):
        flows.test(actor=owner, integration_id=row.id)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_sync_that_could_only_fail_is_refused_with_what_to_do(owner: Actor) -> None:
    for provider in ("slack", "zapier", "make", "n8n"):
        row = consents.integration(owner, provider, auth="webhook", credentials={"webhook_url": "https://hooks.example.com/T000/B000"})
        with pytest.raises(Conflict, match=r"The address of a webhook only takes messages\. To bring .+ by: "):
            started(owner, row)
        with db.transaction() as session:
            offered = directions.read(session, actor=owner, integration_id=row.id)
        assert (offered.directions, offered.sync) == ((), None)
    with pytest.raises(Conflict, match=r"not been connected yet.*oauth/initiate"):
        started(owner, consents.integration(owner))
    key = consents.integration(owner, "pexels", credentials={"api_key": "k" * 56})
    started(owner, key)  # what was entered need not have been tested
    flows.disconnect(actor=owner, integration_id=key.id)
    with pytest.raises(Conflict, match="has no credentials"):
        started(owner, key)
    assert count(Event, Event.type == "sync.failed") == 0


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_worker_and_whoever_cancels_do_not_wait_for_each_other(owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    row = consents.connect(owner)
    identifier, mine = started(owner, row), turns.Turn.mine

    def cancel() -> None:
        with db.transaction(write=True) as session:
            service.cancel_sync(session, actor=owner, integration_id=row.id, sync_id=identifier)

    with ThreadPoolExecutor(1) as other:
        cancelling: list[Future[None]] = []

        def then_cancelled(turn: turns.Turn, session: Session) -> IntegrationSync:
            found = mine(turn, session)
            if found.pages and not cancelling:
                cancelling.append(other.submit(cancel))
                threading.Event().wait(0.5)  # until it waits for us
            return found

        monkeypatch.setattr(turns.Turn, "mine", then_cancelled)
        turn = turns.take(identifier)
        assert turn is not None
        with db.transaction(write=True) as session:
            session.get_one(IntegrationSync, identifier).pages = 1
        assert not syncing.has_further_phase(turn)
        cancelling[0].result(20)
    assert read(identifier).status == "done"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_sync_whose_worker_is_gone_is_taken_over_before_its_lease_ends(owner: Actor) -> None:
    identifier = started(owner, consents.connect(owner))
    with runs.running("jobs") as alive:
        with db.transaction(write=True) as session:
            sync = session.get_one(IntegrationSync, identifier)
            sync.status, sync.owner, sync.lease_until = "running", f"{alive}/own_1", clock.now() + turns.LEASE
        assert turns.offer_waiting() == 0
    assert turns.offer_waiting() == 1  # the run has ended
    syncing.run(identifier)
    assert read(identifier).status == "done"
