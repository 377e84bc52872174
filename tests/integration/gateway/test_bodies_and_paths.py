"""Bodies, paths and routes at the door, and what the application answers behind it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from backend.core import tokens as shapes
from backend.core import web
from backend.gateway.door import Gateway
from backend.gateway.table import UnmarkedRoute
from tests.factories import accounts
from tests.integration.gateway.callers import make, refused, requests_of, strangers
from tests.integration.gateway.conftest import PREFIX, Door

JSON = {"content-type": "application/json"}


def test_a_body_that_is_not_json_is_refused_and_its_caller_finds_it_in_the_log(door: Door):
    owner = accounts.workspace()
    key, token = make(owner, "webhooks:write")
    for sent, media in ((b"a=1", "application/x-www-form-urlencoded"), (b"{}", "text/plain"), (b"{}", "")):
        answer = door.call("POST", "/things", key=token, content=sent, headers={"content-type": media})
        refused(answer, 415, "Send JSON with `Content-Type: application/json`")
    assert [(row.status_code, row.refusal, row.caller_id) for row in requests_of(owner)] == [(415, "unsupported_media", key.id)] * 3
    assert strangers() == []
    for media in ("application/json; charset=utf-8", "application/vnd.api+json", "APPLICATION/JSON"):
        answer = door.call("POST", "/things", key=token, content=b'{"name":"x"}', headers={"content-type": media})
        assert answer.status_code == 201, answer.text


def test_a_body_that_is_too_large_is_refused_whether_its_length_is_told_or_not(door: Door):
    _, token = make(accounts.workspace(), "webhooks:write")
    refused(door.call("POST", "/things", key=token, content=b" " * (1024 * 1024 + 1), headers=JSON), 413, "larger than 1,048,576 bytes")

    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 65_536

    refused(door.call("POST", "/things", key=token, content=pieces(), headers=JSON), 413, "larger than 1,048,576 bytes")


def test_unknown_paths_are_404_and_wrong_methods_405_with_what_is_allowed(door: Door):
    owner = accounts.workspace()
    _, token = make(owner)
    for path in ("/nothing", "/things/1/2", "/api", "/api/v2/things", "/api/v1", "/metrics%0A"):
        refused(door.call("GET", path, key=token), 404, "There is nothing at")
    answer = door.call("DELETE", "/things", key=token)
    refused(answer, 405, "Use GET or POST")
    assert answer.headers["allow"] == "GET, POST"
    refused(door.call("GET", "/nothing"), 404, "There is nothing at")
    logged = {(row.path, row.status_code) for row in requests_of(owner)}
    assert {status for _, status in logged} == {404, 405}
    assert ("/metrics\n", 404) in logged


def test_an_invalid_key_is_told_before_a_path_that_does_not_exist(door: Door):
    refused(door.call("GET", "/nothing", key=shapes.new_api_key()), 401, "is not known here")


def test_a_route_without_a_permission_keeps_the_application_from_starting():
    router = web.Router()

    @router.get("/forgotten")
    async def forgotten() -> None: ...

    app = FastAPI()
    app.include_router(router, prefix=PREFIX)
    with pytest.raises(UnmarkedRoute, match="GET /api/v1/forgotten has no permission"):
        Gateway(app, web.table([router], PREFIX))


def test_what_nobody_expected_is_a_500_without_the_inside_and_is_logged(door: Door):
    owner = accounts.workspace()
    _, token = make(owner)
    answer = door.call("GET", "/boom", key=token)
    refused(answer, 500, answer.headers["x-request-id"])
    assert "secret of the inside" not in answer.text
    assert requests_of(owner)[-1].status_code == 500


def test_public_calls_need_no_credential_and_are_not_hindered_by_a_wrong_one(door: Door):
    assert door.call("GET", "/open").json() == {"open": "yes"}
    assert door.call("GET", "/open", key="wrong").status_code == 200
    assert door.call("GET", "/api/openapi.json").status_code == 200


def test_an_error_of_the_application_is_in_the_request_log_with_its_sentence(door: Door):
    owner = accounts.workspace()
    _, token = make(owner, "api_keys:read")
    answer = door.call("GET", "/api-keys/key_none", key=token)
    refused(answer, 404, "There is no API key key_none")
    row = requests_of(owner)[-1]
    assert (row.status_code, row.refusal, row.route) == (404, None, "GET /api/v1/api-keys/{key_id}")
    assert "There is no API key" in (row.error or "")
    refused(door.call("POST", "/things", key=make(owner, "webhooks:write")[1], json={"nam": "x"}), 422, "name: is missing.")
    assert "name: is missing. Send it." in (requests_of(owner)[-1].error or "")
