"""Requests at an incoming webhook: stored first, made records of, recognised when they come again, told why they are not."""

from __future__ import annotations

import asyncio
import json

import pytest

from backend.core import crypto, db
from backend.incoming import service, storage
from backend.models import RequestLog, UnknownRequest
from sqlmodel import select
from tests.integration.incoming import steps

pytestmark = pytest.mark.usefixtures("database", "redis")


def test_a_request_becomes_a_record_and_its_event() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner)

    answer = steps.say(token, {"email": "Ada@example.com", "name": "Ada", "amount": 12.5})

    assert answer.status_code == 201, answer.text
    (record,) = steps.all_of(owner)
    assert (record["email"], record["name"], record["amount"]) == ("ada@example.com", "Ada", 12.5)
    told = answer.json()
    assert (told["success"], told["status"], told["id"], told["action"]) == (True, "accepted", record["id"], "created")
    (row,) = steps.stored(owner)
    assert (row.status, row.record_id, row.incoming_id, row.id) == ("accepted", record["id"], webhook.id, told["request_id"])
    (event,) = steps.events(owner)
    assert event.trace_id == row.trace_id == answer.headers["x-request-id"]


def test_upsert_changes_the_record_that_is_there() -> None:
    owner = steps.people()
    _, token = steps.make(owner)
    steps.say(token, {"email": "ada@example.com", "name": "Ada"})
    answer = steps.say(token, {"email": "ada@example.com", "name": "Ada Byron"})
    assert (answer.status_code, answer.json()["action"]) == (200, "updated")
    assert [record["name"] for record in steps.all_of(owner)] == ["Ada Byron"]
