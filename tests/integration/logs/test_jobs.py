"""What a worker notes of jobs that fail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from backend import worker
from backend.core import db, lifecycle
from backend.models import ErrorEntry


@pytest.mark.usefixtures("database")
def test_a_cron_job_that_fails_is_an_error_of_the_instance(monkeypatch: pytest.MonkeyPatch):
    stops = iter([False, False, True])  # it fails twice, and says so once
    monkeypatch.setattr(worker, "_noted_at", {})
    monkeypatch.setattr(lifecycle, "stop_requested", lambda: next(stops))
    monkeypatch.setattr(lifecycle, "wait", lambda _seconds: True)
    worker._repeat(worker.CronJob("broken.job", timedelta(seconds=1), "backend.worker.no_such_function"))
    with db.transaction() as session:
        (noted,) = session.exec(select(ErrorEntry)).all()
    assert (noted.workspace_id, noted.kind, noted.target_id) == ("instance", "cron_failed", "broken.job")
    assert noted.message.startswith("The job broken.job failed.")
