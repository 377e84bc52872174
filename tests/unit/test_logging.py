"""The log: constant event names, one line each, and nothing secret in it, whoever wrote the line."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from backend.core import logging as log
from backend.settings import load


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_one_json_object_with_a_constant_event(capsys: pytest.CaptureFixture[str]):
    log.configure(load({"CROSSDOCK_LOG_FORMAT": "json"}), "web")

    log.logger("backend.deliveries.jobs").info("shift.ended", run="run_1", delivered=7)

    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "shift.ended",
        "level": "info",
        "module": "deliveries.jobs",
        "process": "web",
        "run": "run_1",
        "delivered": 7,
    }


def test_an_exception_stays_on_one_line(capsys: pytest.CaptureFixture[str]):
    log.configure(load({"CROSSDOCK_LOG_FORMAT": "json"}), "web")
    try:
        raise ValueError("broken")
    except ValueError:
        log.logger("x").exception("job.failed")

    (line,) = lines(capsys)
    assert line["event"] == "job.failed"
    assert "ValueError: broken" in line["exception"]


def test_other_libraries_speak_through_the_same_log_from_their_level_up(capsys: pytest.CaptureFixture[str]):
    log.configure(load({"CROSSDOCK_LOG_FORMAT": "json"}), "deliver")
    logging.getLogger("alembic.runtime").info("chatter")
    logging.getLogger("alembic.runtime").warning("step %s is odd", "s1")

    (line,) = lines(capsys)
    assert (line["event"], line["text"], line["logger"], line["process"]) == (
        "alembic.line",
        "step s1 is odd",
        "alembic.runtime",
        "deliver",
    )


def test_a_library_with_a_handler_of_its_own_does_not_write_past_ours(capsys: pytest.CaptureFixture[str]):
    library = logging.getLogger("engineio.some-server")
    library.addHandler(logging.StreamHandler())
    log.configure(load({"CROSSDOCK_LOG_FORMAT": "json"}), "web")
    library.error("Cookie: __Host-crossdock=0123456789abcdef")

    captured = capsys.readouterr()
    assert "0123456789abcdef" not in captured.out + captured.err
    assert len((captured.out + captured.err).splitlines()) == 1


def test_the_level_is_the_configured_one(capsys: pytest.CaptureFixture[str]):
    log.configure(load({"CROSSDOCK_LOG_FORMAT": "json", "CROSSDOCK_LOG_LEVEL": "warning"}), "web")
    log.logger("x").info("quiet")
    log.logger("x").warning("loud")

    assert [line["event"] for line in lines(capsys)] == ["loud"]


@pytest.mark.parametrize(
    "text",
    [
        "key xdk_Zq3SECRETSECRETSECRET was refused",
        "Authorization: Bearer SECRETSECRET",
        "authorization='basic U0VDUkVUSECRET'",
        "signed with whsec_SECRETSECRETSECRET=",
        "GET /api/v1/events?api_key=SECRET&limit=1",
        "callback?code=SECRET&state=SECRET",
        "{'cookie': '__Host-crossdock=SECRETSECRET; theme=dark', 'accept': '*/*'}",
        "Cookie: __Host-crossdock=SECRETSECRETSECRET",
        "connecting to redis://:SECRET@cache.internal:6379/0",
        "postgresql+psycopg://crossdock:SECRET@db.internal/crossdock",
        "token eyJhbGciSECRET.eyJzdWIiSECRET.SECRETSECRET expired",
    ],
)
def test_what_reads_like_a_secret_is_cut_out_of_any_line(text: str, capsys: pytest.CaptureFixture[str]):
    log.configure(load({"CROSSDOCK_LOG_FORMAT": "json"}), "web")
    logging.getLogger("reflex").error(text)
    log.logger("x").info("request.ended", detail=text, nested={"value": text})

    written = capsys.readouterr().out
    assert "SECRET" not in written
    assert len(written.splitlines()) == 2


@pytest.mark.parametrize("name", ["password", "api_key", "client_secret", "access_token", "Authorization", "set_cookie", "credentials"])
def test_a_value_with_a_secret_name_is_cut_whatever_it_is(name: str, capsys: pytest.CaptureFixture[str]):
    log.configure(load({"CROSSDOCK_LOG_FORMAT": "json"}), "web")
    log.logger("x").info("odd", **{name: "anything"})

    assert lines(capsys)[0][name] == "…"


def test_what_is_not_secret_stays(capsys: pytest.CaptureFixture[str]):
    log.configure(load({"CROSSDOCK_LOG_FORMAT": "json"}), "web")
    log.logger("x").info("request.ended", path="/api/v1/webhooks/whk_01k5z7", status=200, key="key_01k5z7", missing=None)

    (line,) = lines(capsys)
    assert (line["path"], line["status"], line["key"], line["missing"]) == ("/api/v1/webhooks/whk_01k5z7", 200, "key_01k5z7", None)
