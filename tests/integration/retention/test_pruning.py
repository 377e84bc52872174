"""What was kept for long enough goes, in batches, on both databases; the rest and the audit stay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import Session, SQLModel, select

from backend.accounts import sessions
from backend.audit import service as audit
from backend.core import clock, db, ids
from backend.core.actor import Actor, Role
from backend.core.errors import Forbidden, Invalid
from backend.logs import batches
from backend.models import (
    Attempt,
    AttemptBody,
    AuditEntry,
    Delivery,
    DeliveryRollup,
    ErrorEntry,
    Event,
    RequestLog,
    RequestRollup,
    SignInFailure,
    UnknownRequest,
    User,
    UserSession,
    WorkerRun,
)
from backend.retention import jobs, pruning, service
from tests.factories import accounts, deliveries
from tests.factories.requests import entry
from tests.integration.gateway.callers import access_token, make, refused
from tests.integration.gateway.conftest import Door, _door  # noqa: F401 - the fixture

pytestmark = pytest.mark.usefixtures("database", "redis")
AGES = (1, 29, 31, 89, 91, 400)  # days


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)


def identifier(prefix: str, age: float) -> str:
    """An id that was made `age` days ago."""
    moment = clock.now() - timedelta(days=age)
    return f"{ids.floor(prefix, int(moment.timestamp() * 1000))[:-6]}{ids.new(prefix)[-6:]}"


def add(*rows: SQLModel) -> None:
    with db.transaction(write=True) as session:
        session.add_all(rows)


def ages(model: Any, prefix_key: str = "id", **where: Any) -> list[int]:
    """How many days ago the rows were made that are left."""
    with db.transaction() as session:
        query = select(getattr(model, prefix_key))
        for name, value in where.items():
            query = query.where(getattr(model, name) == value)
        found = session.exec(query).all()
    return sorted(round((clock.now() - ids.created_at(each)).total_seconds() / 86_400) for each in found)


def sent(actor: Actor, age: float, *, finished: bool = True) -> None:
    """An event with a delivery, an attempt and its bodies, of `age` days ago."""
    webhook = deliveries.webhook(actor.workspace_id, "https://example.com/h")
    (made,) = deliveries.publish(webhook)
    event_id, delivery_id, attempt_id = (identifier(prefix, age) for prefix in ("evt", "dlv", "att"))
    then = clock.now() - timedelta(days=age)
    with db.transaction(write=True) as session:
        delivery = session.get_one(Delivery, made)
        event = session.get_one(Event, delivery.event_id)
        again = Event(**{**event.model_dump(), "id": event_id})
        values = {**delivery.model_dump(), "id": delivery_id, "event_id": event_id}
        if finished:
            values |= {"status": "delivered", "due_at": None, "finished_at": then}
        session.delete(delivery)
        session.delete(event)
        session.add_all([again, Delivery(**values)])
        session.add(
            Attempt(
                id=attempt_id,
                workspace_id=actor.workspace_id,
                delivery_id=delivery_id,
                event_id=event_id,
                webhook_id=webhook.id,
                number=1,
                trigger="event",
                outcome="delivered",
                url="https://example.com/h",
                started_at=then,
                total_ms=1.0,
            )
        )
        session.add(AttemptBody(attempt_id=attempt_id, workspace_id=actor.workspace_id))


def change(actor: Actor, instance: dict[str, Any] | None = None, **days: Any) -> None:
    with db.transaction(write=True) as session:
        service.change(session, actor=actor, changes=days, instance=instance)


def requests(actor: Actor | None) -> None:
    entries = [entry(actor, started_at=clock.now() - timedelta(days=age)) for age in AGES]
    for each, age in zip(entries, AGES, strict=True):
        each.id = identifier("req", age)
    with db.transaction(write=True) as session:
        batches.write(session, entries)


def test_requests_go_after_thirty_days_and_the_other_logs_after_ninety():
    owner = accounts.workspace()
    requests(owner)
    requests(None)
    for age in AGES:
        sent(owner, age)
        row: dict[str, Any] = {"severity": "error", "kind": "job_failed", "message": "It failed."}
        add(ErrorEntry(id=identifier("err", age), workspace_id=owner.workspace_id, **row))
        add(ErrorEntry(id=identifier("err", age), workspace_id="instance", **row))
    jobs.prune()
    assert ages(RequestLog) == ages(UnknownRequest) == [1, 29]
    for model in (Delivery, Attempt, Event):
        assert ages(model) == [1, 29, 31, 89], model
    assert ages(AttemptBody, "attempt_id") == [1, 29, 31, 89]
    assert ages(ErrorEntry, workspace_id="instance") == ages(ErrorEntry, workspace_id=owner.workspace_id) == [1, 29, 31, 89]
    assert pruning.prune() == {}


def test_each_workspace_keeps_its_own_for_as_long_as_it_chose():
    long, short = accounts.workspace("Long"), accounts.workspace("Short")
    change(long, requests=3000)
    change(short, requests=1, deliveries=30)
    for owner in (long, short):
        requests(owner)
        for age in AGES:
            sent(owner, age)
    jobs.prune()
    assert ages(RequestLog, workspace_id=long.workspace_id) == list(AGES)
    assert ages(RequestLog, workspace_id=short.workspace_id) in ([], [1])  # a day ago to the moment
    assert ages(Delivery, workspace_id=long.workspace_id) == [1, 29, 31, 89]
    assert ages(Delivery, workspace_id=short.workspace_id) == [1, 29]
    assert ages(Attempt, workspace_id=short.workspace_id) == [1, 29]


def test_bodies_can_go_before_their_attempts():
    owner = accounts.workspace()
    change(owner, attempt_bodies=30)
    for age in AGES:
        sent(owner, age)
    jobs.prune()
    assert ages(AttemptBody, "attempt_id") == [1, 29]
    assert ages(Attempt) == [1, 29, 31, 89]


def test_what_is_not_finished_stays_with_its_event():
    owner = accounts.workspace()
    sent(owner, 200, finished=False)
    jobs.prune()
    assert (ages(Delivery), ages(Event)) == ([200], [200])


def test_the_audit_stays():
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        audit.record(session, actor=owner, action="webhook.created", target_kind="webhook", target_id="whk_1")
        session.flush()
        old = session.exec(select(AuditEntry)).one()
        add_old = AuditEntry(**{**old.model_dump(), "id": identifier("aud", 3000)})
        session.add(add_old)
    jobs.prune()
    assert ages(AuditEntry) == [0, 3000]


def test_what_belongs_to_the_installation_goes_by_its_own_days():
    owner = accounts.workspace()
    now = clock.now()

    def run(days: float, **values: Any) -> WorkerRun:
        then = now - timedelta(days=days)
        return WorkerRun(id=identifier("run", days), kind="deliver", host="h", pid=1, heartbeat_at=then, **{"ended_at": then, **values})

    add(
        *(SignInFailure(id=identifier("sif", age), email="a@example.com", reason="password") for age in AGES),
        run(1), run(31), run(32, recovered=2), run(33, ended_at=None),
    )  # fmt: skip
    with db.transaction(write=True) as session:
        user = session.get_one(User, owner.id)
        opened = [_session(session, user, ended=timedelta(days=days)) for days in (-1, 29, 31)]
        revoked = _session(session, user, ended=timedelta(days=-1))
        revoked.revoked_at = now - timedelta(days=31)
        session.flush()
    jobs.prune()
    assert ages(SignInFailure) == [1, 29, 31, 89]
    assert ages(WorkerRun) == [1, 32, 33]
    with db.transaction() as session:
        assert set(session.exec(select(UserSession.id)).all()) == {opened[0].id, opened[1].id}


def _session(session: Session, user: User, *, ended: timedelta) -> UserSession:
    _, row = sessions.open_session(session, user, workspace_id=None, ip="", user_agent="")
    row.expires_at = clock.now() - ended
    return row


def test_figures_by_minute_go_first():
    owner = accounts.workspace()
    now = clock.now()
    place = {"workspace_id": owner.workspace_id, "caller_id": "key_1", "route": "GET /x"}
    webhook = {"workspace_id": owner.workspace_id, "webhook_id": "whk_1"}
    for width, age in ((60, 1), (60, 8), (3600, 8), (3600, 399), (3600, 401)):
        at = {"width": width, "starts_at": now - timedelta(days=age)}
        add(RequestRollup(**place, **at), DeliveryRollup(**webhook, **at))
    jobs.prune()
    with db.transaction() as session:
        for model in (RequestRollup, DeliveryRollup):
            counted = session.exec(select(model.width, func.count()).group_by(model.width)).all()  # type: ignore[arg-type] - a column
            assert sorted(tuple(each) for each in counted) == [(60, 1), (3600, 2)]


def test_a_change_is_checked_stored_and_audited():
    owner = accounts.workspace()
    change(owner, requests=7)
    with db.transaction() as session:
        decided = service.read(session, actor=owner)
        entry_ = session.exec(select(AuditEntry).where(AuditEntry.action == "workspace.retention_changed")).one()
    assert (decided.workspace.requests, decided.workspace.errors, decided.instance) == (7, 90, None)
    assert (entry_.before, entry_.after) == ({"requests": 30}, {"requests": 7})
    with pytest.raises(Invalid):
        change(owner, requests=0)


def test_the_installation_is_for_super_administrators():
    admin, owner = accounts.workspace(role=Role.SUPER_ADMIN), accounts.workspace()
    change(admin, instance={"sign_in_failures": 10})
    with db.transaction() as session:
        decided = service.read(session, actor=admin)
    assert decided.instance is not None
    assert (decided.instance.sign_in_failures, decided.instance.sessions) == (10, 30)
    with pytest.raises(Forbidden):
        change(owner, instance={"sign_in_failures": 10})
    with pytest.raises(Forbidden):
        change(accounts.key_actor(owner.workspace_id, "logs:manage"), requests=3)


def test_it_is_read_and_changed_over_the_api(door: Door):
    owner = accounts.workspace()
    _, key = make(owner, "logs:read")
    token, _ = access_token(owner)
    told = door.call("GET", "/logs/retention", key=key).json()
    assert told == {
        "requests": 30,
        "deliveries": 90,
        "attempts": 90,
        "attempt_bodies": 90,
        "errors": 90,
        "incoming": 30,
        "integrations": 90,
        "instance": None,
    }
    refused(door.call("PATCH", "/logs/retention", key=key, json={"requests": 3}), 403, "sign in as a user")
    assert door.call("PATCH", "/logs/retention", key=token, json={"requests": 3}).json()["requests"] == 3
    problem = refused(door.call("PUT", "/logs/retention", key=token, json={"attemptBodies": 100}), 422, "attempt_bodies")
    assert problem["errors"] == [
        {
            "path": "attempt_bodies",
            "message": "cannot be kept longer than attempts.",
            "fix": "Use at most 90 days, or keep attempts longer.",
        }
    ]
    refused(door.call("PATCH", "/logs/retention", key=token, json={"instance": {"sessions": 3}}), 403, "super_admin")
