"""Reading the logs on both databases: pages and searches that cost the same at any size, tails, exports, and who may."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from backend.audit import service as audit
from backend.audit.service import AuditFilter
from backend.core import clock, db, ids, pagination
from backend.core.actor import Actor, Role
from backend.core.errors import Forbidden, Invalid, NotFound
from backend.logs import batches, errors, export, service
from backend.logs.errors import ErrorFilter, Problem, Severity
from backend.logs.service import RequestFilter
from backend.models import IntegrationEvent, RequestLog
from tests.factories import accounts
from tests.factories.requests import entry
from tests.integration.gateway.callers import access_token, make
from tests.integration.gateway.conftest import Door, _door  # noqa: F401 - the fixture

pytestmark = pytest.mark.usefixtures("database", "redis")
OLD = 60  # seconds, more than what exports leave out


def problem(actor: Actor, message: str = "It failed.", severity: Severity = Severity.ERROR, **values: Any) -> Problem:
    return Problem(severity=severity, kind="job_failed", message=message, workspace_id=actor.workspace_id, **values)


def note(*problems: Problem) -> None:
    with db.transaction(write=True) as session:
        errors.record(session, problems)


def requests(actor: Actor, count: int, *, age: float = OLD, **values: Any) -> list[str]:
    """`count` requests, oldest first, the last of them `age` seconds ago; their ids."""
    now = clock.now()
    entries = [entry(actor, started_at=now - timedelta(seconds=age + count - number), **values) for number in range(count)]
    for each in entries:
        each.id = ids.floor("req", int(each.started_at.timestamp() * 1000))
    with db.transaction(write=True) as session:
        batches.write(session, entries)
    return [each.id for each in entries]


def found(actor: Actor, **filters: Any) -> list[str]:
    with db.transaction() as session:
        return [row.message for row in errors.list_errors(session, actor=actor, wanted=ErrorFilter(**filters)).data]


def test_a_search_looks_through_a_bounded_number_of_rows_and_still_finds_everything(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pagination, "SCAN_ROWS", 10)
    owner = accounts.workspace()
    wanted = requests(owner, 1, age=200, path="/wanted")
    requests(owner, 35, age=100)
    wanted += requests(owner, 2, age=50, path="/wanted")
    seen, sizes, cursor = [], [], None
    while True:
        with db.transaction() as session:
            page = service.list_requests(session, actor=owner, wanted=RequestFilter(q="wanted"), cursor=cursor)
        seen += [row.id for row in page.data]
        sizes.append(len(page.data))
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == wanted[::-1]
    assert sizes == [2, 0, 0, 1]


def test_errors_are_found_by_severity_kind_target_and_text():
    owner, other = accounts.workspace(), accounts.workspace("Other")
    note(
        problem(owner, "First 100%", Severity.WARNING, target_id="whk_1"),
        problem(owner, "Second with a token=abcdefgh", Severity.CRITICAL, trace_id="req_9"),
        problem(other, "Not ours"),
    )
    assert found(owner) == ["Second with a token=…", "First 100%"]
    assert found(owner, severity="critical") == ["Second with a token=…"]
    assert found(owner, q="100%") == ["First 100%"]
    assert found(owner, q="req_9") == ["Second with a token=…"]
    assert found(owner, target_id="whk_1") == ["First 100%"]
    assert found(owner, kind="nothing") == []
    assert found(owner, since=clock.now() + timedelta(seconds=1)) == []
    assert len(found(owner, since=clock.now() - timedelta(minutes=1), until=clock.now() + timedelta(minutes=1))) == 2
    with pytest.raises(Invalid, match="severity"):
        found(owner, severity="bad")


def test_what_belongs_to_no_workspace_is_for_super_administrators():
    note(Problem(severity=Severity.ERROR, kind="job_failed", message="Cron broke."))
    admin, owner = accounts.workspace(role=Role.SUPER_ADMIN), accounts.workspace()
    assert found(admin, instance=True) == ["Cron broke."]
    assert found(admin) == []
    with pytest.raises(Forbidden):
        found(owner, instance=True)
    with db.transaction() as session:
        (row,) = errors.list_errors(session, actor=admin, wanted=ErrorFilter(instance=True)).data
        assert errors.get_error(session, actor=admin, error_id=row.id) == row
        with pytest.raises(NotFound):
            errors.get_error(session, actor=owner, error_id=row.id)


def test_requests_of_unknown_callers_are_for_super_administrators():
    with db.transaction(write=True) as session:
        batches.write(session, [entry(None, status_code=401, refusal="unknown"), entry(None, status_code=404, path="/api/v1/nothing")])
    admin, owner = accounts.workspace(role=Role.SUPER_ADMIN), accounts.workspace()

    def listed(actor: Actor, **filters: Any) -> list[int]:
        with db.transaction() as session:
            return [row.status_code for row in service.list_unknown(session, actor=actor, wanted=RequestFilter(**filters)).data]

    assert listed(admin) == [404, 401]
    assert listed(admin, status="denied") == listed(admin, status="401") == [401]
    assert listed(admin, q="nothing") == listed(admin, path="/api/v1/n") == [404]
    assert listed(admin, q="203.0.113.7", method="get") == [404, 401]
    with pytest.raises(Forbidden):
        listed(owner)


def test_a_call_that_fails_on_our_side_is_an_error():
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        batches.write(
            session,
            [
                entry(owner, status_code=500, error="Something went wrong."),
                entry(owner, status_code=503),
                entry(owner, status_code=503),
                entry(owner, status_code=404),
                entry(None, status_code=500, path="/api/v1/x"),
            ],
        )
    assert found(owner) == ["GET /api/v1/events answered 503, 2 times.", "GET /api/v1/events answered 500. Something went wrong."]
    assert found(owner, severity="warning") == ["GET /api/v1/events answered 503, 2 times."]
    assert found(accounts.workspace(role=Role.SUPER_ADMIN), instance=True) == ["GET /api/v1/x answered 500."]


def test_a_tail_tells_what_comes_even_if_its_id_is_older_than_what_was_told(monkeypatch: pytest.MonkeyPatch):
    owner, started = accounts.workspace(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: started)
    requests(owner, 3, age=100)

    def follow(cursor: str, limit: int = 50) -> pagination.Tail[RequestLog]:
        with db.transaction() as session:
            return service.tail_requests(session, actor=owner, wanted=RequestFilter(), cursor=cursor, limit=limit)

    tail = follow("now")
    assert (tail.data, tail.has_more) == ([], False)
    first = requests(owner, 1, age=1.5)
    tail = follow(tail.next_cursor)
    assert [row.id for row in tail.data] == first
    late = requests(owner, 1, age=4.5)  # its transaction took longer
    tail = follow(tail.next_cursor)
    assert [row.id for row in tail.data] == late + first
    # Many at once come in parts, each once, and then the last seconds again.
    many = requests(owner, 5, age=0)
    everything, cursor = sorted([*late, *first, *many]), tail.next_cursor
    told: list[str] = []
    while True:
        tail = follow(cursor, limit=2)
        told += [row.id for row in tail.data]
        cursor = tail.next_cursor
        if not tail.has_more:
            break
    assert told == everything
    later = started + timedelta(seconds=30)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert [row.id for row in follow(cursor).data] == everything
    assert follow(follow(cursor).next_cursor).data == []


def test_a_tail_that_looks_for_something_passes_over_the_rest_in_bounded_steps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pagination, "SCAN_ROWS", 4)
    owner, started = accounts.workspace(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: started)

    def follow(cursor: str) -> pagination.Tail[RequestLog]:
        with db.transaction() as session:
            return service.tail_requests(session, actor=owner, wanted=RequestFilter(q="wanted"), cursor=cursor)

    cursor = follow("now").next_cursor
    requests(owner, 9, age=0)
    wanted = requests(owner, 1, age=0.5, path="/wanted")
    told, steps = [], []
    while True:
        tail = follow(cursor)
        told += [row.id for row in tail.data]
        steps.append(len(tail.data))
        cursor = tail.next_cursor
        if not tail.has_more:
            break
    assert told == wanted
    assert len(steps) == 3


def test_an_export_has_everything_but_the_last_ten_seconds(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(export, "BATCH", 3)
    monkeypatch.setattr(pagination, "SCAN_ROWS", 2)
    owner = accounts.workspace()
    old = requests(owner, 7, user_agent="=1+1")
    requests(owner, 1, age=2)
    _, key = make(owner, "logs:read")

    def read(form: str) -> httpx.Response:
        answer = door.call("GET", f"/logs/requests/export?format={form}&path=/api/v1/events", key=key)
        assert answer.status_code == 200, answer.text
        assert f'filename="requests-{clock.now().date()}.{form}"' in answer.headers["content-disposition"]
        return answer

    lines = [json.loads(line) for line in read("jsonl").text.splitlines()]
    assert [line["id"] for line in lines] == old[::-1]
    table = list(csv.DictReader(io.StringIO(read("csv").text)))
    assert [line["id"] for line in table] == old[::-1]
    assert {line["user_agent"] for line in table} == {"'=1+1"}  # no formula for a spreadsheet
    assert {line["status_code"] for line in table} == {"200"}
    assert read("csv").headers["content-type"] == "text/csv; charset=utf-8"
    assert door.call("GET", "/logs/requests/export?format=xml", key=key).status_code == 422


def test_every_log_is_reached_over_the_api(door: Door):
    owner = accounts.workspace()
    note(problem(owner, "Over the API"))
    token, _ = access_token(owner)
    (shown,) = door.call("GET", "/logs/errors?severity=error", key=token).json()["data"]
    assert door.call("GET", f"/logs/errors/{shown['id']}", key=token).json() == shown
    tail = door.call("GET", "/logs/errors/tail", key=token).json()
    assert ([row["id"] for row in tail["data"]], tail["has_more"]) == ([shown["id"]], False)
    assert door.call("GET", "/logs/errors/export?format=jsonl", key=token).text == ""
    assert len(door.call("GET", "/logs/errors?since=2026-01-01T00:00:00Z&until=2100-01-01T00:00:00%2B01:00", key=token).json()["data"]) == 1
    assert door.call("GET", "/logs/errors?since=5", key=token).status_code == 422
    assert door.call("GET", f"/logs/requests/tail?after={tail['next_cursor']}x", key=token).status_code == 422


def test_the_log_of_integrations_is_searched_tailed_exported_and_shown_one_by_one(door: Door):
    owner = accounts.workspace()
    old, young = (clock.now() - timedelta(seconds=seconds) for seconds in (90, OLD))
    told = {"Tested by Ada.": (old, True), "The token has ended.": (young, False)}
    moments = [
        IntegrationEvent(
            id=ids.floor("ivt", int(at.timestamp() * 1000)), created_at=at, workspace_id=owner.workspace_id, integration_id="int_1",
            kind="tested", ok=ok, summary=summary,
        )
        for summary, (at, ok) in told.items()
    ]  # fmt: skip
    first, second = [moment.id for moment in moments]
    with db.transaction(write=True) as session:
        session.add_all(moments)
    token, _ = access_token(owner)
    between = (old + timedelta(seconds=10)).isoformat().replace("+00:00", "Z")
    wanted = {"": [second, first], "?q=ADA": [first], f"?since={between}": [second], f"?until={between}": [first], "?failed=true": [second]}
    for query, expected in wanted.items():
        listed = door.call("GET", f"/logs/integrations{query}", key=token)
        assert [each["id"] for each in listed.json()["data"]] == expected, (query, listed.text)
    assert door.call("GET", f"/logs/integrations/{first}", key=token).json()["summary"] == "Tested by Ada."
    assert door.call("GET", "/logs/integrations/ivt_none", key=token).status_code == 404
    assert door.call("GET", "/logs/integrations/tail", key=token).json()["data"] == []
    exported = door.call("GET", "/logs/integrations/export?format=jsonl&q=token", key=token)
    assert [json.loads(line)["id"] for line in exported.text.splitlines()] == [second]


def test_a_page_of_a_log_has_the_envelope_and_goes_on_by_its_cursor():
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        for number in range(5):
            audit.record(session, actor=owner, action="webhook.updated", target_kind="webhook", target_id=f"whk_{number}", reason="Why")
        audit.record(session, actor=owner, action="api_key.revoked", target_kind="api_key", target_id="key_1", target_name="Partner")

    def entries(**filters: Any) -> list[str]:
        with db.transaction() as session:
            return [row.target_id for row in audit.list_entries(session, actor=owner, wanted=AuditFilter(**filters)).data]

    assert entries(action="webhook") == [f"whk_{number}" for number in (4, 3, 2, 1, 0)]
    assert entries(action="api_key.revoked") == entries(q="partn") == entries(target_kind="api_key") == ["key_1"]
    assert entries(target_id="whk_3") == ["whk_3"]
    assert entries(actor_id="usr_other") == []
    with db.transaction() as session:
        page = audit.list_entries(session, actor=owner, wanted=AuditFilter(), limit=4)
        rest = audit.list_entries(session, actor=owner, wanted=AuditFilter(), limit=4, cursor=page.next_cursor)
    assert [len(page.data), len(rest.data), rest.next_cursor] == [4, 2, None]


@pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, False), (Role.SUPPORT, False), (Role.ADMIN, True), (Role.OWNER, True)])
def test_the_audit_is_for_administrators_alone(role: Role, may: bool):  # noqa: FBT001 - a table
    reader = accounts.workspace(role=role)
    with db.transaction() as session:
        if may:
            assert audit.list_entries(session, actor=reader, wanted=AuditFilter()).data == []
        else:
            with pytest.raises(Forbidden):
                audit.list_entries(session, actor=reader, wanted=AuditFilter())


def test_no_key_reads_the_audit():
    owner = accounts.workspace()
    with db.transaction() as session, pytest.raises(Forbidden, match="sign in as a user"):
        audit.get_entry(session, actor=accounts.key_actor(owner.workspace_id, "logs:manage"), entry_id="aud_1")
