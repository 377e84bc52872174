"""Idempotency keys are forgotten after their time, and only then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from backend.core import clock, db, ids
from backend.idempotency import jobs
from backend.models import IdempotencyRecord


@pytest.mark.usefixtures("database")
def test_expired_keys_are_forgotten_however_many_and_others_kept() -> None:
    now = clock.now()
    with db.transaction(write=True) as session:
        for number in range(2100):
            session.add(
                IdempotencyRecord(
                    id=ids.new("idk"),
                    workspace_id="wsp_1",
                    caller="usr_1",
                    route="POST /x",
                    key=str(number),
                    body_hash="",
                    state="done",
                    expires_at=now + timedelta(hours=1 if number < 50 else -1),
                )
            )
    jobs.forget()
    with db.transaction() as session:
        assert len(session.exec(select(IdempotencyRecord.id)).all()) == 50
