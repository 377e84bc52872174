"""Files of logs: by the filters of their lists, of one's own workspace, for who may read them."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from backend.core import clock, db, ids
from backend.core.actor import Actor, Role
from backend.models import ErrorEntry
from tests.console.conftest import Web, signed_in
from tests.factories import accounts


def _error(actor: Actor, message: str, severity: str = "error") -> None:
    at = clock.now() - timedelta(minutes=1)
    identifier = f"{ids.floor(ids.new('err').partition('_')[0], int(at.timestamp() * 1000))[:-6]}{ids.new('err')[-6:]}"
    with db.transaction(write=True) as session:
        session.add(
            ErrorEntry(id=identifier, created_at=at, workspace_id=actor.workspace_id, severity=severity, kind="job_failed", message=message)
        )


def test_a_file_has_what_the_filters_of_the_list_mean_and_nothing_of_others(web: Web) -> None:
    ours, theirs = accounts.workspace(), accounts.workspace("Theirs")
    _error(ours, "the disk is full", "critical")
    _error(ours, "a small thing", "warning")
    _error(theirs, "their secret")
    answer = _get(web, "errors.csv?severity=critical", signed_in(ours))
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert "the disk is full" in answer.text
    assert "a small thing" not in answer.text
    everything = _get(web, "errors.jsonl", signed_in(ours)).text
    assert "a small thing" in everything
    assert "their secret" not in everything


@pytest.mark.parametrize("name", ["audit.csv", "errors.csv?scope=instance"])
def test_who_may_not_read_a_log_gets_no_file_of_it(web: Web, name: str) -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        viewer = accounts.member(session, owner.workspace_id, Role.VIEWER)
    answer = _get(web, name, signed_in(viewer))
    assert answer.status_code == 403
    assert "This needs the role" in answer.text


def test_strangers_are_sent_to_sign_in_and_other_names_are_not_there(web: Web) -> None:
    cookie = signed_in(accounts.workspace())
    assert _get(web, "errors.csv", "").headers["location"] == "/login"
    assert [_get(web, name, cookie).status_code for name in ("errors", "errors.xml", "secrets.csv", "../errors")] == [404] * 4
    assert _get(web, "requests.csv?status=odd", cookie).status_code == 422
    assert [_get(web, name, cookie).status_code for name in ("deliveries.csv?status=dead", "requests.jsonl", "audit.csv")] == [200] * 3


def _get(web: Web, name: str, cookie: str) -> httpx.Response:
    return httpx.get(f"{web.address}/downloads/{name}", headers={"Cookie": cookie} if cookie else {})
