"""The request log on both databases: written in batches from one thread, with roll-ups and the last use of keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlmodel import select

from backend.api_keys import service as api_keys
from backend.api_keys.inputs import KeyInput
from backend.core import clock, db
from backend.core.actor import Actor
from backend.core.errors import Invalid, NotFound
from backend.logs import batches, service, usage
from backend.logs.recorder import MAX_BATCH, Recorder
from backend.logs.service import RequestFilter
from backend.models import ApiKey, RequestLog, RequestRollup, UnknownRequest
from tests.factories import accounts
from tests.factories.requests import entry
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("database", "redis")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.stop()


def make_key(actor: Actor) -> tuple[ApiKey, str]:
    with db.transaction(write=True) as session:
        key, _ = api_keys.create(session, actor=actor, input=KeyInput("Partner", ["events:write"]))
        return key, api_keys.secrets(session, actor=actor, key_id=key.id)[0].id


def logged(actor: Actor, **filters: object) -> list[str]:
    with db.transaction() as session:
        return [row.id for row in service.list_requests(session, actor=actor, wanted=RequestFilter(**filters)).data]  # type: ignore[arg-type] - each test names filters


def test_known_and_unknown_requests_are_written_to_their_tables(recorder: Recorder):
    owner = accounts.workspace()
    known, unknown = entry(owner), entry(None, status_code=401, refusal="unknown")
    recorder.record(known)
    recorder.record(unknown)
    assert recorder.flush()
    assert logged(owner) == [known.id]
    with db.transaction() as session:
        (row,) = session.exec(select(UnknownRequest)).all()
    assert (row.id, row.refusal, row.status_code) == (unknown.id, "unknown", 401)


def test_what_waits_is_written_without_a_flush(recorder: Recorder):
    owner = accounts.workspace()
    recorder.record(entry(owner))
    eventually(lambda: len(logged(owner)) == 1)


def test_a_stop_writes_what_waits_and_a_later_request_starts_again():
    owner = accounts.workspace()
    recorder = Recorder()
    total = MAX_BATCH + 3
    for _ in range(total):
        recorder.record(entry(owner))
    recorder.stop()
    with db.transaction() as session:
        assert len(session.exec(select(RequestLog.id)).all()) == total
    recorder.record(entry(owner))
    recorder.stop()
    with db.transaction() as session:
        assert len(session.exec(select(RequestLog.id)).all()) == total + 1


def test_a_batch_that_the_database_refuses_does_not_end_the_log(recorder: Recorder):
    owner = accounts.workspace()
    twice = entry(owner)
    recorder.record(twice)
    recorder.record(twice)
    assert recorder.flush()
    after = entry(owner)
    recorder.record(after)
    assert recorder.flush()
    assert logged(owner) == [after.id]


def test_an_unreachable_database_delays_the_log_but_loses_nothing(recorder: Recorder, monkeypatch: pytest.MonkeyPatch):
    owner = accounts.workspace()
    from backend.core.errors import Unavailable

    real, calls = batches.write, [0]

    def failing(session: object, batch: object) -> None:
        calls[0] += 1
        if calls[0] == 1:
            raise Unavailable("Away.")
        real(session, batch)  # type: ignore[arg-type] - passed on

    monkeypatch.setattr(batches, "write", failing)
    entries = [entry(owner) for _ in range(5)]
    for each in entries:
        recorder.record(each)
    eventually(lambda: len(logged(owner)) == 5)
    assert sorted(logged(owner)) == sorted(each.id for each in entries)


def test_text_that_a_database_refuses_is_repaired():
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        batches.write(session, [entry(owner, path="/a\0b\udcff" + "x" * 500, user_agent="\ud800")])
    with db.transaction() as session:
        row = session.exec(select(RequestLog)).one()
    assert row.path.startswith("/a\ufffdb?xx")
    assert len(row.path) == 400


def test_accepted_requests_count_for_the_key_and_the_secret_and_note_the_latest_use():
    owner = accounts.workspace()
    key, secret_id = make_key(owner)
    early, late = clock.now() - timedelta(minutes=5), clock.now()
    with db.transaction(write=True) as session:
        batches.write(
            session,
            [
                entry(owner, caller=key.id, secret_id=secret_id, started_at=late, ip="203.0.113.9", user_agent="late"),
                entry(owner, caller=key.id, secret_id=secret_id, started_at=early, ip="203.0.113.1", user_agent="early"),
                entry(owner, caller=key.id, secret_id=secret_id, status_code=403, refusal="scope", ip="203.0.113.5"),
            ],
        )
        batches.write(session, [entry(owner, caller=key.id, secret_id=secret_id, started_at=early)])
    with db.transaction() as session:
        for row in (api_keys.get(session, actor=owner, key_id=key.id), *api_keys.secrets(session, actor=owner, key_id=key.id)):
            assert (row.request_count, row.last_used_ip, row.last_used_user_agent) == (3, "203.0.113.9", "late")
            assert row.last_used_at == late


def test_roll_ups_of_minute_and_hour_add_up_over_batches():
    owner = accounts.workspace()
    now = clock.now()
    for took in (30, 40):
        with db.transaction(write=True) as session:
            statuses = (200, 201, 302, 404, 429, 500)
            batches.write(session, [entry(owner, status_code=status, started_at=now, duration_ms=took) for status in statuses])
    with db.transaction() as session:
        rows = session.exec(select(RequestRollup)).all()
        found = usage.read(session, workspace_id=owner.workspace_id)
        routes = usage.by_route(session, workspace_id=owner.workspace_id)
        addresses = usage.by_address(session, workspace_id=owner.workspace_id, caller_id=owner.id)
    assert sorted(row.width for row in rows) == [60, 3600]
    assert {(row.ok, row.client_error, row.limited, row.server_error, row.b3) for row in rows} == {(6, 2, 2, 2, 12)}
    assert all(row.starts_at.timestamp() % row.width == 0 and row.starts_at <= now for row in rows)
    assert (found.total, found.points[-1].total, len(found.points)) == (12, 12, 24)
    assert {(row.min_ms, row.max_ms) for row in rows} == {(30, 40)}
    assert found.p50_ms is not None
    assert 30 < found.p50_ms <= 40
    assert [(route.route, route.total, route.failed) for route in routes] == [("GET /api/v1/events", 12, 6)]
    assert [(address.ip, address.total) for address in addresses] == [("203.0.113.7", 12)]


def test_lists_filter_and_stay_in_their_workspace():
    owner, stranger = accounts.workspace(), accounts.workspace("Other")
    start = clock.now()
    entries = {
        "ok": entry(owner),
        "missing": entry(owner, status_code=404, path="/api/v1/events/evt_1", error="There is no event."),
        "denied": entry(owner, status_code=403, refusal="scope", method="POST", ip="198.51.100.4"),
        "key": entry(owner, caller="key_1"),
    }
    with db.transaction(write=True) as session:
        batches.write(session, [*entries.values(), entry(stranger)])
    names = {each.id: name for name, each in entries.items()}

    def found(**filters: object) -> set[str]:
        return {names[identifier] for identifier in logged(owner, **filters)}

    assert found() == set(entries)
    assert found(caller_id="key_1") == {"key"}
    assert found(status="4xx") == {"missing", "denied"}
    assert found(status="404") == {"missing"}
    assert found(status="denied") == {"denied"}
    assert found(method="post") == {"denied"}
    assert found(path="/api/v1/events/") == {"missing"}
    assert found(q="no event") == {"missing"}
    assert found(q="198.51.100.4") == {"denied"}
    assert found(q=entries["ok"].id) == {"ok"}
    assert found(since=start - timedelta(seconds=1), until=start + timedelta(minutes=1)) == set(entries)
    assert found(until=start - timedelta(seconds=1)) == set()
    with pytest.raises(Invalid):
        logged(owner, status="bad")
    with db.transaction() as session:
        assert service.get_request(session, actor=owner, request_id=entries["ok"].id).path == "/api/v1/events"
        with pytest.raises(NotFound):
            service.get_request(session, actor=stranger, request_id=entries["ok"].id)
