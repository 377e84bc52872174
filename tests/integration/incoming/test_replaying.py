"""Stored requests processed again: after a fix, after a crash, and as a rehearsal that leaves nothing behind."""

from __future__ import annotations

import base64
import hmac
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select, update

from backend.core import clock, db
from backend.core.actor import Role
from backend.core.errors import Conflict, Forbidden
from backend.incoming import health, replaying, requests, service
from backend.models import AuditEntry, IncomingRequest, IncomingWebhook
from backend.records import modules
from backend.records import service as records
from backend.settings import settings
from tests.factories import accounts, rows
from tests.integration.incoming import steps
from tests.integration.incoming.steps import Post

pytestmark = pytest.mark.usefixtures("database", "redis")

ROOT = Path(__file__).resolve().parents[3]
ADA = {"email": "ada@example.com", "name": "Ada"}


def test_a_process_that_is_killed_leaves_nothing_half_done_and_nothing_lost() -> None:
    owner = steps.people()
    _, token = steps.make(owner)
    killed = [sys.executable, "-m", "tests.integration.incoming.killed", token]
    env = {**os.environ, "DATABASE_URL": settings().database_url}
    done = subprocess.run(killed, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-9, "written\n"), done.stderr

    assert steps.all_of(owner) == steps.events(owner) == []
    (row,) = steps.stored(owner)
    assert (row.status, row.record_id) == ("received", None)
    assert replaying.work() == 0  # whoever has it may be alive yet
    _make_due()
    assert replaying.work() == 1

    (record,) = steps.all_of(owner)
    assert (record["name"], len(steps.events(owner))) == ("Ada", 1)
    (row,) = steps.stored(owner)
    assert (row.status, row.record_id, row.replays) == ("accepted", record["id"], 0)
    _make_due()
    assert replaying.work() == 0


def test_a_request_is_replayed_after_its_mapping_was_mended() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, field_mapping={"mail": "email", "name": "name"})
    assert steps.say(token, ADA).status_code == 422
    _change(owner, webhook, field_mapping={"email": "email", "name": "name"})

    (row,) = steps.stored(owner)
    with db.transaction(write=True) as session:
        replayed = replaying.replay(session, actor=owner, incoming_id=webhook.id, request_id=row.id)
    assert (replayed.status, replayed.replays, replayed.replayed_by) == ("accepted", 1, owner.name)
    assert replayed.mapping_version == 2
    assert [record["email"] for record in steps.all_of(owner)] == ["ada@example.com"]
    (event,) = steps.events(owner)
    assert event.trace_id == row.trace_id
    with db.transaction() as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "incoming_webhook.replayed")).one().target_id == webhook.id


def test_what_was_accepted_is_replayed_where_it_finds_its_record_again() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, verification={"scheme": "none", "dedupe": "id"})
    body = {**ADA, "id": "s-1", "full_name": "Ada Byron"}
    assert steps.say(token, body).status_code == 201
    _change(owner, webhook, field_mapping={"email": "email", "full_name": "name"})
    (row,) = steps.stored(owner)
    for _ in range(2):
        with db.transaction(write=True) as session:
            again = replaying.replay(session, actor=owner, incoming_id=webhook.id, request_id=row.id)
        assert (again.status, again.record_id) == ("accepted", row.record_id)
    assert [record["name"] for record in steps.all_of(owner)] == ["Ada Byron"]
    assert steps.say(token, body).json()["status"] == "duplicate"
    with db.transaction() as session:
        found = health.health(session, actor=owner, incoming_id=webhook.id)
    assert (found.accepted, found.duplicates, found.rejected) == (1, 1, {})
    _change(owner, webhook, action="create")
    for each in steps.stored(owner):  # one would make another of it, and one is none of its own
        with db.transaction(write=True) as session, pytest.raises(Conflict):
            replaying.replay(session, actor=owner, incoming_id=webhook.id, request_id=each.id)


def test_what_was_refused_is_verified_anew_as_of_its_arrival() -> None:
    owner = steps.people()
    body = json.dumps(ADA).encode()
    webhook, token = steps.make(owner, verification={"scheme": "github", "secret": "wrong"})
    assert steps.say(token, body, steps.github(body)).status_code == 401
    (row,) = steps.stored(owner)
    with db.transaction(write=True) as session:
        again = replaying.replay(session, actor=owner, incoming_id=webhook.id, request_id=row.id)
    assert (again.status, again.reason) == ("rejected", "signature")
    _change(owner, webhook, verification={"scheme": "github", "secret": steps.SECRET})
    with db.transaction(write=True) as session:
        again = replaying.replay(session, actor=owner, incoming_id=webhook.id, request_id=row.id)
    assert (again.status, again.replays) == ("accepted", 2)


def test_a_signature_of_the_address_is_verified_anew_too() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, verification={"scheme": "twilio", "secret": "wrong"})
    form = {"content-type": "application/x-www-form-urlencoded"}
    signed = hmac.digest(b"right", f"{service.url(token)}?from=smsemailada@example.comnameAda".encode(), "sha1")
    headers = {**form, "x-twilio-signature": base64.b64encode(signed).decode()}
    assert steps.say(token, b"email=ada%40example.com&name=Ada", headers, "?from=sms").status_code == 401
    (row,) = steps.stored(owner)
    assert token not in repr(row)
    _change(owner, webhook, verification={"scheme": "twilio", "secret": "right"})
    with db.transaction(write=True) as session:
        assert replaying.replay(session, actor=owner, incoming_id=webhook.id, request_id=row.id).status == "accepted"
        _, shown = requests.get(session, actor=owner, incoming_id=webhook.id, request_id=row.id)
    assert (token in repr(shown), shown.query) == (False, "from=sms")


def test_a_stored_request_that_cannot_be_opened_holds_up_no_other() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, field_mapping=[], action="create")
    steps.say(token, ADA)
    steps.say(token, ADA)
    first, second = steps.stored(owner)
    _change(owner, webhook, action="upsert", upsert_field="email", field_mapping={"email": "email", "name": "name"})
    with db.transaction(write=True) as session:
        replaying.replay_failed(session, actor=owner, incoming_id=webhook.id, since=first.created_at)
        session.exec(update(IncomingRequest).where(col(IncomingRequest.id) == first.id).values(sealed=second.sealed))
    assert replaying.work() == 2
    assert [(row.status, row.reason) for row in steps.stored(owner)] == [("rejected", "sealed"), ("accepted", None)]


def test_all_that_failed_since_a_time_are_replayed_in_their_order() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, field_mapping={"mail": "email", "name": "name"})
    since = clock.now() - timedelta(minutes=1)

    async def post_all(post: Post) -> None:
        for number in range(4):
            answer = await post(token, {"email": "ada@example.com", "name": f"Ada {number}"})
            assert answer.status_code == 422

    steps.talk(post_all)
    with db.transaction(write=True) as session:
        assert replaying.replay_failed(session, actor=owner, incoming_id=webhook.id, since=clock.now()) == 0
        assert replaying.replay_failed(session, actor=owner, incoming_id=webhook.id, since=since, dry_run=True) == 4
    _change(owner, webhook, field_mapping={"email": "email", "name": "name"})
    with db.transaction(write=True) as session:
        assert replaying.replay_failed(session, actor=owner, incoming_id=webhook.id, since=since) == 4
    assert [row.status for row in steps.stored(owner)] == ["received"] * 4
    assert replaying.work() == 4
    assert [record["name"] for record in steps.all_of(owner)] == ["Ada 3"]
    assert [row.status for row in steps.stored(owner)] == ["accepted"] * 4


def test_a_rehearsal_tells_the_change_and_leaves_nothing_behind() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner)

    async def post_all(post: Post) -> None:
        await post(token, {**ADA, "amount": 1})
        await post(token, {**ADA, "amount": "2", "password": "hunter2"})
        await post(token, {"email": "bob@example.com", "name": "Bob"})
        await post(token, b"not json")

    steps.talk(post_all)
    before = rows.of_workspace(owner.workspace_id)
    changes = {"field_mapping": [
        {"source": "email", "target": "email"}, {"source": "name", "target": "name", "transform": "upper"},
        {"source": "amount", "target": "amount", "transform": "number"},
    ]}  # fmt: skip
    with db.transaction(write=True) as session:
        found = replaying.rehearse(session, actor=owner, incoming_id=webhook.id, changes=changes)
    assert rows.of_workspace(owner.workspace_id) == before

    assert [each.outcome for each in found] == ["rejected", "updated", "updated", "updated"]
    assert found[0].sentence.startswith("The body is not JSON")
    cells = {cell.target: cell for cell in found[2].cells}
    assert (cells["amount"].given, cells["amount"].before, cells["amount"].value, cells["amount"].changed) == ("2", 1, 2, True)
    assert (cells["name"].before, cells["name"].value) == ("Ada", "ADA")
    assert not cells["email"].changed
    assert found[2].document is not None
    assert found[2].document["name"] == "ADA"

    with db.transaction(write=True) as session:
        as_it_is = replaying.rehearse(session, actor=owner, incoming_id=webhook.id, limit=3)
    assert [each.outcome for each in as_it_is] == ["rejected", "unchanged", "rejected"]
    assert as_it_is[2].errors[0]["message"] == "amount is a text, no number."
    assert rows.of_workspace(owner.workspace_id) == before


def test_support_may_replay_and_rehearse_and_viewers_may_not() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, field_mapping=[], action="create")
    steps.say(token, ADA)
    (row,) = steps.stored(owner)
    with db.transaction(write=True) as session:
        support, viewer = (accounts.member(session, owner.workspace_id, role) for role in (Role.SUPPORT, Role.VIEWER))
    with db.transaction(write=True) as session:
        assert replaying.replay(session, actor=support, incoming_id=webhook.id, request_id=row.id).status == "captured"
        assert replaying.rehearse(session, actor=support, incoming_id=webhook.id)[0].outcome == "captured"
        with pytest.raises(Forbidden):
            replaying.replay(session, actor=viewer, incoming_id=webhook.id, request_id=row.id)
        with pytest.raises(Forbidden):
            replaying.rehearse(session, actor=viewer, incoming_id=webhook.id)


def test_personal_fields_are_masked_in_the_log_and_a_replay_has_the_real_values() -> None:
    owner = steps.people()
    mapped = [("who.mail", "email"), ("name", "name"), ("who.mail", "anything")]
    webhook, token = steps.make(owner, field_mapping=[{"source": source, "target": target} for source, target in mapped])

    async def post_all(post: Post) -> None:
        await post(token, {"who": {"mail": "ada@example.com"}, "name": "Ada"})
        await post(token, b'{"who": {"mail": "ada@example.com"')

    steps.talk(post_all)
    with db.transaction(write=True) as session:
        marked = [{**each, "pii": each["name"] == "email"} for each in steps.FIELDS]
        modules.update(session, actor=owner, name="people", changes={"fields": marked})
        support, viewer = (accounts.member(session, owner.workspace_id, role) for role in (Role.SUPPORT, Role.VIEWER))
        read, broken = session.exec(select(IncomingRequest.id).order_by(IncomingRequest.id)).all()
        for reader in (owner, viewer):
            shown = requests.get(session, actor=reader, incoming_id=webhook.id, request_id=read)[1]
            assert shown.payload == json.loads(shown.body) == {"who": {"mail": "[masked]"}, "name": "Ada"}
            assert "ada@" not in requests.get(session, actor=reader, incoming_id=webhook.id, request_id=broken)[1].body
        samples = [requests.sample(session, actor=each, incoming_id=webhook.id, request_id=read).payload for each in (owner, viewer)]
        assert [each["who"]["mail"] for each in samples] == ["ada@example.com", "[masked]"]

    with db.transaction(write=True) as session:
        tried = [replaying.rehearse(session, actor=each, incoming_id=webhook.id)[1] for each in (owner, support)]
    for rehearsed, mail in zip(tried, ("ada@example.com", "[masked]"), strict=True):
        values = {"email": mail, "name": "Ada", "anything": mail}
        assert {cell.target: cell.given for cell in rehearsed.cells} == {cell.target: cell.value for cell in rehearsed.cells} == values
        assert rehearsed.document is not None
        assert {name: rehearsed.document[name] for name in values} == values

    with db.transaction(write=True) as session:
        records.delete(session, actor=owner, module="people", record_id=steps.all_of(owner)[0]["id"])
    with db.transaction(write=True) as session:
        assert replaying.replay(session, actor=support, incoming_id=webhook.id, request_id=read).outcome == "created"
    assert [each["email"] for each in steps.all_of(owner)] == ["ada@example.com"]


def test_a_key_that_may_only_write_rehearses_and_regenerates() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, field_mapping=[], action="create")
    steps.say(token, ADA)
    writer = accounts.key_actor(owner.workspace_id, "incoming:write")
    with db.transaction(write=True) as session:
        assert replaying.rehearse(session, actor=writer, incoming_id=webhook.id)[0].outcome == "captured"
        assert service.regenerate_token(session, actor=writer, incoming_id=webhook.id)[1] != token


def _make_due() -> None:
    with db.transaction(write=True) as session:
        session.exec(update(IncomingRequest).where(col(IncomingRequest.status) == "received").values(due_at=clock.now()))


def _change(owner: object, webhook: IncomingWebhook, **changes: object) -> None:
    with db.transaction(write=True) as session:
        service.update(session, actor=owner, incoming_id=webhook.id, changes=changes)  # type: ignore[arg-type] - an actor
