"""What cron tells about keys on both databases: each event once, with the facts that its sample has."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from backend.api_keys import jobs, notices, service
from backend.api_keys.inputs import KeyInput
from backend.core import clock, db, ids
from backend.core.actor import Actor
from backend.event_types.catalogue import BUILT_IN
from backend.logs import batches
from backend.logs.batches import RequestEntry
from backend.models import ApiKey, ApiKeyNotice, Event
from tests.factories import accounts
from tests.factories.requests import entry

pytestmark = pytest.mark.usefixtures("database", "redis")
DAY = timedelta(days=1)
_numbers = itertools.count()


def make(actor: Actor, **values: Any) -> ApiKey:
    with db.transaction(write=True) as session:
        return service.create(session, actor=actor, input=KeyInput("Partner", ["events:write"], **values))[0]


def told(actor: Actor) -> list[tuple[str, dict[str, Any]]]:
    """The events of the actor's workspace, oldest first; each has what its sample has."""
    with db.transaction() as session:
        rows = session.exec(select(Event).where(Event.workspace_id == actor.workspace_id).order_by(col(Event.id))).all()
    found = [(row.type, json.loads(row.body)["data"]) for row in rows]
    for name, data in found:
        if name != "api_key.unusual_activity":  # whose facts depend on the signal
            assert data.keys() == BUILT_IN[name].sample.keys()
        assert data["key_prefix"].startswith("xdk_")
    return found


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock."""
    return lambda moment: monkeypatch.setattr(clock, "now", lambda: moment)


def log(entries: Iterable[RequestEntry]) -> None:
    """Write requests as the recorder does, under ids of their times."""
    made = list(entries)
    for each in made:
        each.id = ids.floor("req", int(each.started_at.timestamp() * 1000))[:-5] + f"{next(_numbers):05d}"
    with db.transaction(write=True) as session:
        batches.write(session, made)


def test_an_end_is_told_14_7_and_1_days_ahead_and_when_it_has_come_each_once(at: Callable[[datetime], None]):
    owner, start = accounts.workspace(), clock.now()
    key = make(owner, expires_at=start + 30 * DAY)
    for days in (10, 15.9, 16.5, 20, 23.5, 29.5, 30.5, 31):
        at(start + days * DAY)
        jobs.remind()
        jobs.remind()
    events = told(owner)
    assert [(name, data.get("days_left")) for name, data in events] == [
        ("api_key.expiring", 14),
        ("api_key.expiring", 7),
        ("api_key.expiring", 1),
        ("api_key.expired", None),
    ]
    assert {data["api_key_id"] for _, data in events} == {key.id}
    assert {data["expires_at"] for _, data in events} == {clock.rfc3339(start + 30 * DAY)}


def test_a_warning_that_was_past_when_the_key_was_made_is_not_given(at: Callable[[datetime], None]):
    owner, start = accounts.workspace(), clock.now()
    make(owner, expires_at=start + 3 * DAY)
    for days in (0.1, 1, 2.5):
        at(start + days * DAY)
        jobs.remind()
    assert [data["days_left"] for _, data in told(owner)] == [1]


def test_a_later_end_is_told_anew_and_disabled_and_revoked_keys_are_not(at: Callable[[datetime], None]):
    owner, start = accounts.workspace(), clock.now()
    key, disabled, revoked = (make(owner, expires_at=start + 20 * DAY) for _ in range(3))
    with db.transaction(write=True) as session:
        service.disable(session, actor=owner, key_id=disabled.id)
        service.revoke(session, actor=owner, key_id=revoked.id)
    at(start + 7 * DAY)
    jobs.remind()
    with db.transaction(write=True) as session:
        service.update(session, actor=owner, key_id=key.id, changes={"expires_at": start + 60 * DAY})
    for days in (8, 47):
        at(start + days * DAY)
        jobs.remind()
    assert [(data["api_key_id"], data["expires_at"]) for _, data in told(owner)] == [
        (key.id, clock.rfc3339(start + 20 * DAY)),
        (key.id, clock.rfc3339(start + 60 * DAY)),
    ]


def test_a_rotation_is_reminded_of_every_thirty_days_until_it_is_done(at: Callable[[datetime], None]):
    owner, start = accounts.workspace(), clock.now()
    at(start)
    key = make(owner, rotate_every_days=10)
    for days in (9, 11, 12, 41):
        at(start + days * DAY)
        jobs.remind()
    with db.transaction(write=True) as session:
        service.rotate(session, actor=owner, key_id=key.id)
    at(start + 45 * DAY)
    jobs.remind()
    events = told(owner)
    assert [(name, data["reason"]) for name, data in events] == [("api_key.due", "rotation")] * 2
    assert {data["since"] for _, data in events} == {clock.rfc3339(start + 10 * DAY)}


def test_a_key_that_nobody_uses_is_told_once_for_as_long_as_nobody_does(at: Callable[[datetime], None]):
    owner, start = accounts.workspace(), clock.now()
    key = make(owner)
    for days in (89, 91, 95):
        at(start + days * DAY)
        jobs.remind()
    log([entry(owner, caller=key.id, started_at=start + 100 * DAY)])
    for days in (150, 191, 192):
        at(start + days * DAY)
        jobs.remind()
    assert [(data["reason"], data["last_used_at"]) for _, data in told(owner)] == [
        ("unused", None),
        ("unused", clock.rfc3339(start + 100 * DAY)),
    ]


def test_a_limit_that_was_hit_is_told_once_an_hour_with_the_window_that_refused(at: Callable[[datetime], None]):
    owner, hour = accounts.workspace(), batches.starts_at(clock.now(), 3600)
    key = make(owner, limit_per_minute=2)
    fine = make(owner)
    refused = {"status_code": 429, "refusal": "rate_limit", "limit_name": "per_minute", "limit_remaining": 0}
    log(
        [entry(owner, caller=key.id, started_at=hour + timedelta(seconds=each), **refused) for each in range(3)]
        + [entry(owner, caller=fine.id, started_at=hour + timedelta(seconds=9))]
    )
    at(hour + timedelta(minutes=1))
    jobs.note_limits()
    jobs.note_limits()
    (name, data) = told(owner)[0]
    assert (name, data["limit"], data["allowed"], data["refused"]) == ("rate_limit.exceeded", "per_minute", 2, 3)
    assert data["api_key_id"] == key.id
    assert len(told(owner)) == 1
    log([entry(owner, caller=key.id, started_at=hour + timedelta(minutes=70), **refused)])
    at(hour + timedelta(minutes=71))
    jobs.note_limits()
    assert len(told(owner)) == 2


def test_a_limit_of_an_endpoint_is_logged_by_a_name_that_the_log_has_room_for():
    owner = accounts.workspace()
    key = make(owner)
    route = "GET /api/v1/records/{module}/{record_id}"
    log([entry(owner, caller=key.id, status_code=429, refusal="rate_limit", limit_name=route, limit_remaining=0)])
    jobs.note_limits()
    ((_, data),) = told(owner)
    assert (data["limit"], data["allowed"]) == ("endpoint", None)


def test_a_burst_of_new_networks_is_unusual_and_those_that_were_there_before_are_not(at: Callable[[datetime], None]):
    owner, now = accounts.workspace(), clock.now()
    key, calm, new = make(owner), make(owner), make(owner)

    def calls(who: ApiKey, ago: timedelta, networks: Iterable[int]) -> list[RequestEntry]:
        return [entry(owner, caller=who.id, started_at=now - ago, ip=f"198.51.{each}.{each + 1}") for each in networks]

    hours, minutes = timedelta(hours=5), timedelta(minutes=5)
    log([*calls(key, hours, [1]), *calls(calm, hours, range(8))])
    log([*calls(key, minutes, range(1, 7)), *calls(calm, minutes, range(8)), *calls(new, minutes, range(8))])
    at(now)
    jobs.watch()
    jobs.watch()
    ((name, data),) = told(owner)
    assert name == "api_key.unusual_activity"
    assert data.keys() == BUILT_IN[name].sample.keys()
    assert (data["api_key_id"], data["signal"], data["networks"]) == (key.id, "new_networks", 5)
    assert data["examples"][0] == "198.51.2.0/24"


def test_five_times_the_usual_rate_is_unusual(at: Callable[[datetime], None]):
    owner, now = accounts.workspace(), batches.starts_at(clock.now(), 3600) + timedelta(minutes=30)
    key, steady = make(owner), make(owner)
    for hours in range(1, 7):
        log(entry(owner, caller=key.id, started_at=now - timedelta(hours=hours + 1)) for _ in range(100))
        log(entry(owner, caller=steady.id, started_at=now - timedelta(hours=hours + 1)) for _ in range(101))
    log(entry(owner, caller=key.id, started_at=now) for _ in range(500))
    log(entry(owner, caller=steady.id, started_at=now) for _ in range(500))
    at(now)
    jobs.watch()
    ((_, data),) = told(owner)
    assert (data["api_key_id"], data["signal"], data["requests"], data["usual"]) == (key.id, "unusual_rate", 500, 100)


def test_repeated_denials_are_unusual_also_of_a_key_that_was_revoked(at: Callable[[datetime], None]):
    owner, now = accounts.workspace(), clock.now()
    key, limited = make(owner), make(owner)
    with db.transaction(write=True) as session:
        service.revoke(session, actor=owner, key_id=key.id)
    log(entry(owner, caller=key.id, started_at=now, status_code=401, refusal="revoked", ip="198.51.100.9") for _ in range(20))
    log(entry(owner, caller=limited.id, started_at=now, status_code=429, refusal="rate_limit") for _ in range(50))
    at(now)
    jobs.watch()
    ((_, data),) = told(owner)
    assert (data["api_key_id"], data["signal"], data["denials"]) == (key.id, "repeated_denials", 20)
    assert (data["reason"], data["ip"]) == ("revoked", "198.51.100.9")


def test_events_of_one_workspace_stay_in_it_and_notes_are_forgotten_in_the_end(at: Callable[[datetime], None]):
    (owner, other), start = (accounts.workspace(), accounts.workspace()), clock.now()
    make(owner, rotate_every_days=1)
    at(start + 2 * DAY)
    jobs.remind()
    assert (len(told(owner)), told(other)) == (1, [])
    with db.transaction(write=True) as session:
        notices.forget(session, now=start + 401 * DAY)
        assert len(session.exec(select(ApiKeyNotice)).all()) == 1
        notices.forget(session, now=start + 403 * DAY)
        assert session.exec(select(ApiKeyNotice)).all() == []
