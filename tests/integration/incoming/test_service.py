"""Incoming webhooks of a workspace: what may be said about them, who may say it, how they do."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from backend.core import db
from backend.core.errors import Forbidden, Invalid, NotFound
from backend.incoming import health, plans, requests, service
from backend.incoming.requests import RequestFilter
from backend.models import AuditEntry, IncomingShape, IncomingToken
from backend.records import modules
from tests.factories import accounts, talks
from tests.integration.incoming import steps
from tests.integration.incoming.steps import Post

pytestmark = pytest.mark.usefixtures("database", "redis")


def wrong(actor: Any, **values: Any) -> dict[str, str]:
    """The fix of every field that is refused."""
    with db.transaction(write=True) as session, pytest.raises(Invalid) as caught:
        service.create(session, actor=actor, values={"name": "X", "module": "people", **values})
    return {error.path: error.fix for error in caught.value.errors}


def test_every_mistake_is_told_at_once_with_what_would_be_right() -> None:
    owner = steps.people()
    found = wrong(
        owner,
        name="",
        action="upsrt",
        rate_limit=0,
        verification={"scheme": "githbu"},
        field_mapping=[{"source": "a", "target": "emial"}, {"source": "[", "target": "name"}],
    )
    assert found.keys() == {
        "name", "action", "rate_limit", "verification.scheme", "field_mapping[0].target", "field_mapping[1].source"
    }  # fmt: skip
    assert found["field_mapping[0].target"] == "Did you mean email?"
    assert found["verification.scheme"] == "Did you mean github?"
    assert wrong(owner, module="poeple") == {"module": "Did you mean people?"}
    assert wrong(owner, module=None) == {"module": "Name the module that takes the records, or orders."}
    assert wrong(owner, action="upsert") == {"upsert_field": "Name the unique field by which the record is found: email."}
    assert wrong(owner, action="upsert", upsert_field="name").keys() == {"upsert_field"}
    assert wrong(owner, action="upsert", upsert_field="email", field_mapping={"a": "name"}) == {"field_mapping": "Map a source to email."}
    assert wrong(owner, field_mapping={"a": "email"}) == {"field_mapping": "Map a source to name."}
    assert wrong(owner, source="githbu") == {"source": "Did you mean github?"}
    assert wrong(owner, module="orders", action="upsert", upsert_field="total").keys() == {"upsert_field"}
    assert wrong(owner, verification={"secret": "s"}).keys() == {"verification.scheme"}
    assert wrong(owner, verification={"scheme": "none", "secret": "s"}).keys() == {"verification.secret"}


def test_a_known_source_brings_its_verification_and_a_mapping_to_start_from() -> None:
    owner = steps.people()
    with db.transaction(write=True) as session:
        modules.install(session, actor=owner, name="crm")
        row, _ = service.create(session, actor=owner, values={"source": "github", "verification": {"secret": "s"}})
        assert (row.name, row.module, row.action, row.verification) == ("GitHub", "tickets", "create", {"scheme": "github"})
        assert [rule["target"] for rule in row.mapping] == ["subject", "description", "status"]
        elsewhere, _ = service.create(session, actor=owner, values={"source": "github", "module": "people", "action": "create"})
        assert elsewhere.mapping == []  # that module has not these fields
        uber, _ = service.create(session, actor=owner, values={"source": "uber_eats"})
        assert (uber.target, uber.action, uber.upsert_field, uber.rate_limit) == ("orders", "upsert", "external_id", 1000)


def test_whoever_points_a_webhook_somewhere_must_be_allowed_to_write_there() -> None:
    owner = steps.people()
    values = {"name": "X", "module": "people"}
    with db.transaction(write=True) as session:
        for scopes in (["incoming:write"], ["incoming:write", "orders:write"], ["records:write"]):
            with pytest.raises(Forbidden):
                service.create(session, actor=accounts.key_actor(owner.workspace_id, *scopes), values=values)
        row, _ = service.create(session, actor=accounts.key_actor(owner.workspace_id, "incoming:write", "people:write"), values=values)
        other = accounts.key_actor(owner.workspace_id, "incoming:write", "people:write")
        with pytest.raises(Forbidden):
            service.update(session, actor=other, incoming_id=row.id, changes={"module": "orders"})


def test_changes_keep_what_is_not_sent_and_are_audited_without_secrets() -> None:
    owner = steps.people()
    row, _ = steps.make(owner, verification={"scheme": "github", "secret": "first-secret"})
    with db.transaction(write=True) as session:
        service.update(session, actor=owner, incoming_id=row.id, changes={"verification": {"scheme": "github", "dedupe": "id"}})
        service.update(session, actor=owner, incoming_id=row.id, changes={"verification": {"scheme": "github", "secret": "second-secret"}})
        changed = service.update(session, actor=owner, incoming_id=row.id, changes={"name": "Renamed"})
        assert (changed.name, changed.upsert_field, changed.mapping_version) == ("Renamed", "email", 1)
        assert service.describe(changed)["verification"] == {"scheme": "github", "has_secret": True}
        for part in ({"secret": "third-secret"}, {"dedupe": "key", "has_secret": True}):
            kept = service.update(session, actor=owner, incoming_id=row.id, changes={"verification": part})
            assert kept.verification["scheme"] == "github"  # never switched off unasked
        assert (kept.verification["dedupe"], plans.secrets(kept)) == ("key", {"secret": "third-secret"})
        stripe = service.update(session, actor=owner, incoming_id=row.id, changes={"verification": {"scheme": "stripe"}})
        assert stripe.secrets_encrypted is None  # of another scheme
        service.delete(session, actor=owner, incoming_id=row.id)
    with db.transaction() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.target_id == row.id)).all()
        assert {entry.action for entry in entries} == {f"incoming_webhook.{what}" for what in ("created", "updated", "deleted")}
        assert "-secret" not in repr(entries)
        assert session.exec(select(IncomingToken)).all() == []
        with pytest.raises(NotFound):
            service.get(session, actor=owner, incoming_id=row.id)


def test_health_counts_by_reason_and_tells_places_that_came_and_went() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, verification={"scheme": "none", "dedupe": "id"})
    person = {"email": "ada@example.com", "name": "Ada", "nick": "A"}

    async def post_all(post: Post) -> None:
        for number in range(12):
            await post(token, {**person, "id": number})
        await post(token, {**person, "id": 0})
        await post(token, b"nonsense")
        await post(token, {"email": "x", "id": 100})
        for number in range(20, 31):
            await post(token, {"email": "ada@example.com", "name": "Ada", "id": number, "labels": [{"name": "x"}]})

    steps.talk(post_all)
    with db.transaction() as session:
        found = health.health(session, actor=owner, incoming_id=webhook.id)
        assert (found.received, found.accepted, found.duplicates, found.rejected) == (26, 23, 1, {"json": 1, "record": 1})
        assert sum(point.accepted for point in found.series) == 23
        assert [change.path for change in found.appeared] == ["labels[].name"]
        assert [change.path for change in found.vanished] == ["nick"]
        assert session.exec(select(IncomingShape)).one().total == 25


def test_the_log_is_filtered_and_followed() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner, verification={"scheme": "none", "dedupe": "id"})
    steps.say(token, {"id": "s-1", "type": "signup", "email": "ada@example.com", "name": "Ada"})
    steps.say(token, {"id": "s-2", "type": "signup", "email": "x", "name": "Ada"})
    accepted, rejected = steps.stored(owner)
    cases: dict[str, tuple[RequestFilter, list[str]]] = {
        "all": (RequestFilter(), [rejected.id, accepted.id]),
        "status": (RequestFilter(status="FAILED"), [rejected.id]),
        "of one": (RequestFilter(incoming_id=webhook.id, status="accepted"), [accepted.id]),
        "reason": (RequestFilter(reason="record"), [rejected.id]),
        "event": (RequestFilter(event="signup"), [rejected.id, accepted.id]),
        "source": (RequestFilter(q="s-2"), [rejected.id]),
        "record": (RequestFilter(q=accepted.record_id), [accepted.id]),
        "trace": (RequestFilter(q=rejected.trace_id), [rejected.id]),
    }
    with db.transaction() as session:
        for name, (wanted, expected) in cases.items():
            assert [row.id for row in requests.list_requests(session, actor=owner, wanted=wanted).data] == expected, name
        with pytest.raises(Invalid):
            requests.list_requests(session, actor=owner, wanted=RequestFilter(status="nonsense"))
        counted = requests.counts(session, actor=owner, incoming_id=webhook.id)
        assert (counted["accepted"].value, counted["rejected"].value) == (1, 1)


def test_the_routes_from_creation_to_replay() -> None:
    owner = steps.people()

    async def talk(http: talks.Http) -> None:
        body = {"name": "Forms", "moduleId": "people", "action": "create", "fieldMapping": {"name": "name"}, "isActive": True}
        made = await http.post("/incoming-webhooks", json=body, headers={"idempotency-key": "k-1"})
        assert made.status_code == 201, made.text
        again = await http.post("/incoming-webhooks", json=body, headers={"idempotency-key": "k-1"})
        assert (again.json()["id"], again.json()["token"], again.json()["url"]) == (made.json()["id"], None, None)
        path = f"/incoming-webhooks/{made.json()['id']}"
        posted = await http.post(made.json()["url"].partition("/api/v1")[2], json={"name": 5})
        assert posted.status_code == 422
        shown = (await http.get(path)).json()
        assert (shown["stats"]["rejected"], shown["logs"][0]["status"], shown["isActive"]) == ({"record": 1}, "rejected", True)
        assert "token" not in shown
        tried = await http.post(f"{path}/dry-run", json={"field_mapping": [{"source": "name", "target": "name", "transform": "text"}]})
        assert tried.json()["data"][0]["document"]["name"] == "5"
        changed = await http.patch(path, json={"field_mapping": [{"source": "name", "target": "name", "transform": "text"}]})
        assert changed.status_code == 200, changed.text
        log = shown["logs"][0]["id"]
        detail = (await http.get(f"{path}/logs/{log}")).json()
        assert (detail["payload"], [step["name"] for step in detail["steps"]]) == ({"name": 5}, ["signature", "body", "mapping", "record"])
        replayed = await http.post(f"{path}/logs/{log}/replay")
        assert (replayed.status_code, replayed.json()["status"]) == (202, "accepted")
        counted = await http.post(f"{path}/replay", json={"since": "2026-01-01T00:00:00Z", "dry_run": True})
        assert (counted.status_code, counted.json()) == (200, {"total": 0, "dry_run": True})
        assert (await http.get("/logs/incoming")).json()["data"][0]["incoming_webhook_id"] == made.json()["id"]
        assert (await http.get(f"/logs/incoming/{log}")).json() == (await http.get(f"{path}/logs/{log}")).json()
        for wanted, found in ((made.json()["id"], 1), ("iwh_none", 0)):
            assert len((await http.get(f"/logs/incoming?incoming_webhook_id={wanted}")).json()["data"]) == found
        assert (await http.get("/logs/incoming/export?format=jsonl")).status_code == 200
        figures = (await http.get(f"{path}/health?hours=3")).json()
        assert (figures["received"], figures["accepted"], figures["rejected"]) == (1, 1, {})
        unknown = await http.post("/incoming-webhooks", json={"name": "X", "module": "people", "mapping": {}})
        assert (unknown.status_code, unknown.json()["errors"][0]["path"]) == (422, "mapping")

    talks.run(talk, "incoming:manage", "records:manage", "logs:read", actor=owner)
