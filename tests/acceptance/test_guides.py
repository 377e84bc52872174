"""The code in the guides does what they say, against a running installation."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import types
from typing import Any

import httpx
import pytest

from backend.api_keys import rules
from backend.core import errors, problems, rate_limit
from backend.core.errors import FieldError
from backend.core.rate_limit import Standing, Verdict
from backend.core.tokens import API_KEY_PATTERN
from backend.docs import guides
from console.pages.webhooks import snippets
from tests.acceptance.installation import Installation
from tests.acceptance.partner import Partner
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def blocks(name: str, language: str) -> list[str]:
    """The code of a guide in a language."""
    guide = guides.find(name)
    assert guide is not None
    return re.findall(rf"^```{language}\n(.*?)^```$", guide.markdown, re.DOTALL | re.MULTILINE)


@pytest.fixture
def admin(shared: Installation) -> Partner:
    """The administrator of a new workspace."""
    return Partner.newcomer(shared)


def test_every_command_and_program_of_the_guides_works(admin: Partner) -> None:
    address = str(admin.http.base_url).removesuffix("/api/v1/")
    made = admin.call("POST", "/api-keys", name="Reader of the guides", scopes=["events:write", "events:read"])
    commands = [command for name in ("authentication", "idempotency") for command in blocks(name, "bash")]
    assert len(commands) == 6
    assert shutil.which("curl"), "the guides' commands need curl"
    for command in commands:
        env = {**os.environ, "CROSSDOCK_URL": address, "CROSSDOCK_KEY": made["key"]}
        done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, timeout=30, check=True)
        answer = json.loads(done.stdout)
        assert "statusCode" not in answer, (command, answer)

    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {made['key']}"}, timeout=30) as client:
        _check_paging(client, admin)
        _check_waiting(client, admin, made["id"])


def _check_paging(client: httpx.Client, admin: Partner) -> None:
    for number in range(4):
        admin.call("POST", "/events", type="order.created", data={"number": number})
    (program,) = blocks("paging", "python")
    names: dict[str, Any] = {}
    exec(program.replace('"limit": 200', '"limit": 2'), names)  # noqa: S102 - the text that is handed out is what is tested
    numbers = [event["data"].get("number") for event in names["every"](client, "/api/v1/events", type="order.created")]
    assert numbers == [3, 2, 1, 0, None]


def _check_waiting(client: httpx.Client, admin: Partner, key_id: str) -> None:
    (program,) = blocks("limits", "python")
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102 - the text that is handed out is what is tested
    admin.call("PATCH", f"/api-keys/{key_id}", rate_limit={"per_minute": None, "per_hour": None, "per_day": 1})
    eventually(lambda: client.get("/api/v1/me").status_code == 429)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        """Instead of waiting until tomorrow, have the limit lifted at the second time."""
        waited.append(seconds)
        if len(waited) == 2:
            admin.call("PATCH", f"/api-keys/{key_id}", rate_limit=None)
            eventually(lambda: client.get("/api/v1/me").status_code == 200)

    names["time"] = types.SimpleNamespace(sleep=wait)
    assert names["call"](client, "GET", "/api/v1/me").status_code == 200
    assert len(waited) == 2
    assert all(0 < seconds <= 86_400 for seconds in waited)


def test_the_verification_code_is_that_of_the_console() -> None:
    (python,), (javascript,), (go,), (php,), (ruby,), (curl,) = (
        blocks("verifying-signatures", language) for language in ("python", "javascript", "go", "php", "ruby", "bash")
    )
    assert (python, javascript, go, php, ruby, curl) == tuple(
        f"{text.rstrip()}\n" for text in (snippets.PYTHON, snippets.JAVASCRIPT, snippets.GO, snippets.PHP, snippets.RUBY, snippets.CURL)
    )


def test_the_examples_are_what_is_really_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "settings", lambda: type("Public", (), {"public_url": "https://crossdock.example.com"}))
    error = errors.Invalid(FieldError("url", "is missing.", "Send it."), FieldError("events", "is empty.", "Name at least one event type."))
    (shown,) = blocks("errors", "json")
    assert json.loads(shown) == problems.document(error, instance="/api/v1/webhooks", request_id="req_01k5z7q0v6e3tbn8m2c4d9f1hn")
    assert json.loads(blocks("paging", "json")[0]).keys() == {"data", "next_cursor", "has_more"}
    assert blocks("authentication", "regex") == [f"{API_KEY_PATTERN}\n"]


def test_the_headers_of_limits_are_those_that_are_sent() -> None:
    minute, hour = rules.windows(100, 1000, None)
    sent = rate_limit.headers(Verdict(allowed=True, standings=(Standing(minute, 57, 42_000), Standing(hour, 957, 3_502_000))))
    (shown,) = blocks("limits", "http")
    lines = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in shown.splitlines()}
    told = {name.decode(): value.decode() for name, value in sent}
    assert lines.keys() == told.keys()
    for name in lines.keys() - {"x-ratelimit-reset"}:
        assert lines[name] == told[name]
