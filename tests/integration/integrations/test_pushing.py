"""Records are written to a provider once, only where they changed, both ways without an echo, and a kill makes no doubles."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from backend.core import clock, db
from backend.core.actor import Actor
from backend.core.errors import Invalid
from backend.integrations import catalogue, directions, plans, pushing, service, syncing
from backend.models import Integration, IntegrationLink, IntegrationSync, IntegrationSyncError, SandboxItem
from backend.records import modules
from backend.records import service as records
from backend.sandbox import contacts, server
from backend.sandbox import service as sandbox
from tests.factories import consents, switches

ON_ONE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # nothing in it differs between databases
ADA = "grace.lovelace.1@sandbox.example"  # the sandbox's first contact


class Killed(BaseException):
    """What no handler catches: the process is gone."""


def connected(owner: Actor, direction: str, **settings: Any) -> Integration:
    """The sandbox with three contacts, connected for a direction."""
    switches.switch(owner, contacts=3)
    row = consents.integration(owner, scopes=[scope for scope in server.SCOPES if scope not in {"calendar", "messages"}])
    with db.transaction(write=True) as session:
        directions.change(session, actor=owner, integration_id=row.id, changes={"direction": direction, **settings})
    return consents.connect(owner, row)


def sync(owner: Actor, row: Integration, *, full: bool = False) -> IntegrationSync:
    """One sync, from beginning to end."""
    with db.transaction(write=True) as session:
        identifier = service.start_sync(session, actor=owner, integration_id=row.id, full=full).id
    syncing.run(identifier)
    return again(identifier)


def again(identifier: str) -> IntegrationSync:
    """The sync as it stands."""
    with db.transaction() as session:
        return session.get_one(IntegrationSync, identifier)


def sent(found: IntegrationSync) -> tuple[str, int, int, int, int]:
    """What was written."""
    return found.status, found.sent_created, found.sent_updated, found.sent_unchanged, found.sent_failed


def add(owner: Actor, **values: Any) -> str:
    """A contact of ours."""
    with db.transaction(write=True) as session:
        return records.create(session, actor=owner, module="contacts", values=values).id


def change(owner: Actor, record_id: str, **values: Any) -> None:
    """Change one of ours."""
    with db.transaction(write=True) as session:
        records.update(session, actor=owner, module="contacts", record_id=record_id, values=values)


def ours(owner: Actor, email: str) -> dict[str, Any]:
    """One of ours by its address."""
    with db.transaction() as session:
        found = records.list_records(session, actor=owner, module="contacts", parameters=[("email", email)]).data
    return found[0].document


def theirs(owner: Actor, email: str) -> list[dict[str, Any]]:
    """The sandbox's contacts with an address."""
    with db.transaction() as session:
        return contacts.find(session, server.account_of(session, owner.workspace_id), email)["contacts"]


def change_there(owner: Actor, identifier: str, **values: Any) -> None:
    """Somebody changes a contact at the sandbox."""
    with db.transaction(write=True) as session:
        contacts.change(session, server.account_of(session, owner.workspace_id), identifier, values)


@ON_ONE
def test_records_are_made_there_once_and_then_only_what_changed_is_written(owner: Actor) -> None:
    row = connected(owner, "push")
    first = add(owner, first_name="Mary", email="mary@example.com", phone="+49301111111")
    add(owner, first_name="Known", email=ADA)  # there is one with this address: it is changed, not made again
    done = sync(owner, row)
    assert sent(done) == ("done", 1, 1, 0, 0)
    assert (done.sent_seen, done.sent_total, done.seen) == (2, 2, 0)
    assert theirs(owner, "mary@example.com")[0]["first_name"] == "Mary"
    assert [each["first_name"] for each in theirs(owner, ADA)] == ["Known"]
    assert sent(sync(owner, row)) == ("done", 0, 0, 2, 0)
    change(owner, first, phone=None, last_name="Ward")
    assert sent(sync(owner, row)) == ("done", 0, 1, 1, 0)
    there = theirs(owner, "mary@example.com")[0]
    assert (there["last_name"], there["phone"], there["first_name"]) == ("Ward", None, "Mary")
    assert sent(sync(owner, row, full=True)) == ("done", 0, 0, 2, 0)


@ON_ONE
def test_what_was_brought_is_not_written_back_nor_what_was_written_brought_again(owner: Actor) -> None:
    row = connected(owner, "both")
    mine = add(owner, first_name="Mary", email="mary@example.com")
    done = sync(owner, row)
    assert (done.created, done.failed, sent(done)) == (3, 0, ("done", 1, 0, 3, 0))
    updated = ours(owner, "mary@example.com")["updated_at"]
    done = sync(owner, row)
    assert (done.created, done.updated, sent(done)[1:3]) == (0, 0, (0, 0))
    assert ours(owner, "mary@example.com")["updated_at"] == updated
    change(owner, mine, phone="+49302222222")
    assert sent(sync(owner, row))[2] == 1
    done = sync(owner, row)  # what was written comes back as it is known
    assert (done.updated, sent(done)[1:3]) == (0, (0, 0))
    change_there(owner, "sbc_00002", company="New Ltd")
    done = sync(owner, row)
    assert (done.updated, sent(done)[1:3]) == (1, (0, 0))


@ON_ONE
@pytest.mark.parametrize(("rule", "stays"), [("provider", "Theirs"), ("crossdock", "Ours")])
def test_both_sides_keep_their_changes_and_the_rule_decides_about_the_same_field(owner: Actor, rule: str, stays: str) -> None:
    row = connected(owner, "both", conflict=rule)
    sync(owner, row)
    change(owner, ours(owner, ADA)["id"], company_name="Ours", phone="+49303333333")
    change_there(owner, "sbc_00001", company="Theirs", last_name="Changed")
    assert sync(owner, row).status == "done"
    here, there = ours(owner, ADA), theirs(owner, ADA)[0]
    assert (here["company_name"], here["phone"], here["last_name"]) == (stays, "+49303333333", "Changed")
    assert (there["company"], there["phone"], there["last_name"]) == (stays, "+49303333333", "Changed")
    quiet = sync(owner, row)
    assert (quiet.updated, sent(quiet)[1:3]) == (0, (0, 0))


@pytest.mark.parametrize("has_keys", [True, False])
def test_a_kill_between_the_answer_and_our_commit_makes_nothing_twice(
    owner: Actor,
    monkeypatch: pytest.MonkeyPatch,
    has_keys: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    row = connected(owner, "push")
    if not has_keys:
        push = plans.pushing(catalogue.get("sandbox"), "oauth2")
        assert push is not None
        monkeypatch.setattr(plans, "pushing", lambda _entry, _auth: push.model_copy(update={"idempotency": ""}))
    mine = add(owner, first_name="Mary", email="mary@example.com")
    add(owner, first_name="John", email="john@example.com")
    with db.transaction(write=True) as session:
        identifier = service.start_sync(session, actor=owner, integration_id=row.id).id
    real = pushing._know

    def killed(*_args: Any) -> None:
        raise Killed

    monkeypatch.setattr(pushing, "_know", killed)
    with pytest.raises(Killed):
        syncing.run(identifier)
    monkeypatch.setattr(pushing, "_know", real)
    assert len(theirs(owner, "mary@example.com")) == 1
    change(owner, mine, last_name="Ward")  # meanwhile somebody changes it
    with db.transaction(write=True) as session:
        session.get_one(IntegrationSync, identifier).lease_until = clock.now()
    syncing.run(identifier)
    assert again(identifier).status == "done"
    sync(owner, row)
    with db.transaction() as session:
        made = session.exec(select(SandboxItem).where(SandboxItem.kind == "contact")).all()
        links = session.exec(select(IntegrationLink).where(IntegrationLink.integration_id == row.id)).all()
    assert sorted(each.body["first_name"] for each in made) == ["John", "Mary"]
    assert theirs(owner, "mary@example.com")[0]["last_name"] == "Ward"
    assert sorted(link.external_id for link in links) == sorted(each.id for each in made)
    assert not any(link.intent for link in links)


@ON_ONE
def test_a_limit_is_waited_for_and_the_sync_goes_on_behind_what_was_written(owner: Actor) -> None:
    row = connected(owner, "push")
    add(owner, email="mary@example.com")
    switches.switch(owner, api_error="429")
    waiting = sync(owner, row)
    assert (waiting.status, waiting.error_class) == ("waiting", "rate_limited")
    switches.switch(owner, api_error="")
    with db.transaction(write=True) as session:
        session.get_one(IntegrationSync, waiting.id).lease_until = clock.now()
        session.get_one(Integration, row.id).blocked_until = None
    syncing.run(waiting.id)
    assert sent(again(waiting.id)) == ("done", 1, 0, 0, 0)


@ON_ONE
def test_a_record_that_the_provider_refuses_is_told_of_and_tried_again_with_the_next_sync(owner: Actor) -> None:
    row = connected(owner, "push")
    wrong = add(owner, notes="no name and no address")
    add(owner, email="mary@example.com")
    done = sync(owner, row)
    assert sent(done) == ("done", 1, 0, 0, 1)
    with db.transaction() as session:
        told = session.exec(select(IntegrationSyncError).where(IntegrationSyncError.sync_id == done.id)).one()
    assert told.record_id == wrong
    assert "needs a name" in told.message
    with db.transaction(write=True) as session:  # long ago: only what failed is looked at beside what changed
        cursor = session.get_one(Integration, row.id).push_cursor
        assert cursor is not None
        assert cursor["again"] == [wrong]
    change(owner, wrong, first_name="Named")
    assert sent(sync(owner, row))[1] == 1


@ON_ONE
def test_writing_without_the_scope_says_which_and_what_to_do(owner: Actor) -> None:
    switches.switch(owner, drop_scope="contacts.write")
    row = connected(owner, "push")
    add(owner, email="mary@example.com")
    done = sync(owner, row)
    assert (done.status, done.error_class) == ("failed", "scope_missing")
    assert "contacts.write" in done.error
    assert "Reconnect" in done.next_step


@ON_ONE
@pytest.mark.parametrize("rule", ["keep", "mark", "delete"])
def test_what_the_provider_removed_is_handled_by_the_rule(owner: Actor, rule: str) -> None:
    with db.transaction(write=True) as session:
        fields = [*modules.get(session, actor=owner, name="contacts").fields, {"name": "is_gone", "type": "boolean"}]
        modules.update(session, actor=owner, name="contacts", changes={"fields": fields})
    row = connected(owner, "both", removed=rule, removed_field="is_gone")
    sync(owner, row)
    with db.transaction(write=True) as session:
        sandbox.delete_contacts(session, actor=owner, number=1)
    done = sync(owner, row, full=rule == "mark")  # whether everything is read or what changed
    assert (done.status, done.removed, done.failed) == ("done", 1, 0)
    with db.transaction() as session:
        left = records.list_records(session, actor=owner, module="contacts", parameters=[("email", ADA)]).data
    assert [each.document["is_gone"] for each in left] == {"keep": [None], "mark": [True], "delete": []}[rule]
    if left:  # it is not made anew at the provider
        change(owner, left[0].id, phone="+49304444444")
        assert sent(sync(owner, row))[1:3] == (0, 0)
    assert theirs(owner, ADA) == []


@ON_ONE
def test_a_mapping_sends_columns_to_other_fields_and_names_every_mistake(owner: Actor) -> None:
    row = connected(owner, "both", mapping={"company_name": "job_title", "phone": ""})
    add(owner, email="mary@example.com", job_title="Mapped Ltd", phone="+49305555555")
    sync(owner, row)
    there = theirs(owner, "mary@example.com")[0]
    assert (there["company"], there["phone"]) == ("Mapped Ltd", None)
    brought = ours(owner, ADA)
    assert brought["job_title"]
    assert (brought["company_name"], brought["phone"]) == (None, None)
    changes = {"direction": "up", "conflict": "nobody", "mapping": {"nothing": "x", "email": "nowhere"}}
    with db.transaction(write=True) as session, pytest.raises(Invalid) as wrong:
        directions.change(session, actor=owner, integration_id=row.id, changes=changes)
    assert {each.path for each in wrong.value.errors} == {"direction", "conflict", "mapping.nothing"}
