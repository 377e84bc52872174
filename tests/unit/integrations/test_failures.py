"""Every failure that a provider can give has a cause and a next step, and is known as passing, ending or neither."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from backend.core.egress_calls import NoAnswer, Reply, Trouble
from backend.integrations import catalogue, failures
from backend.integrations.failures import Kind

SLACK, GOOGLE, SANDBOX = (catalogue.get(name) for name in ("slack", "google_calendar", "sandbox"))


def reply(status: int, body: object = None, **headers: str) -> Reply:
    """An answer."""
    return Reply(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, orjson.dumps(body) if body is not None else b""
    )


@pytest.mark.parametrize("trouble", list(Trouble))
def test_no_answer_has_a_cause_and_a_next_step(trouble: Trouble) -> None:
    failure = failures.of_no_answer("Slack", NoAnswer(trouble, "It was like this.")).failure
    assert failure.cause == "Slack could not be asked. It was like this."
    assert failure.next_step
    assert failure.passes == (trouble in {Trouble.TIMEOUT, Trouble.CONNECT, Trouble.DNS})
    assert not failure.ends


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(400, {"error": "invalid_grant", "error_description": "Token has been revoked."}), Kind.INVALID_GRANT),
        (reply(401, {"error": "invalid_client"}), Kind.INVALID_CLIENT),
        (reply(401), Kind.ANSWER),
        (reply(400, {"error": "invalid_scope"}), Kind.INVALID_SCOPE),
        (reply(400, {"error": "access_denied"}), Kind.CONSENT_DENIED),
        (reply(429, {}, retry_after="7"), Kind.RATE_LIMITED),
        (reply(503, {"error": "invalid_grant"}), Kind.SERVER_ERROR),  # what a broken server says of a token is nothing
        (reply(200, {"token_type": "Bearer"}), Kind.ANSWER),
        (reply(200, {"error": "invalid_code"}), Kind.INVALID_GRANT),
        (reply(302), Kind.ANSWER),
        (reply(400, ["no object"]), Kind.REJECTED),
    ],
)
def test_a_token_answer_without_a_token_says_why(answer: Reply, kind: Kind) -> None:
    found = failures.of_token_answer(GOOGLE, answer)
    assert found is not None
    assert (found.failure.kind, bool(found.failure.next_step)) == (kind, True)
    assert found.failure.ends == (kind is Kind.INVALID_GRANT)


def test_slack_fails_with_status_200() -> None:
    told = {"ok": False, "error": "invalid_refresh_token", "access_token": "xoxe"}
    found = failures.of_token_answer(SLACK, reply(200, told))
    assert found is not None
    assert found.failure.kind is Kind.INVALID_GRANT
    for word, kind in (("token_revoked", Kind.UNAUTHORIZED), ("missing_scope", Kind.SCOPE_MISSING), ("ratelimited", Kind.RATE_LIMITED)):
        refused = failures.of_answer(SLACK, reply(200, {"ok": False, "error": word}))
        assert refused is not None
        assert refused.failure.kind is kind
    assert failures.of_answer(SLACK, reply(200, {"ok": True})) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Kind.UNAUTHORIZED),
        (403, Kind.SCOPE_MISSING),
        (404, Kind.NOT_FOUND),
        (409, Kind.REJECTED),
        (429, Kind.RATE_LIMITED),
        (500, Kind.SERVER_ERROR),
    ],
)
def test_an_answer_of_the_api_is_judged_by_its_status(status: int, kind: Kind) -> None:
    found = failures.of_answer(SANDBOX, reply(status, {"error": "x", "error_description": "because"}))
    assert found is not None
    assert found.failure.kind is kind
    assert found.failure.cause.startswith("Sandbox")
    assert found.failure.next_step


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("99999", 3600.0),
        ("Sun, 22 Nov 2026 10:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("\u00b2", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
        ("", None),
    ],
)
def test_how_long_to_wait_is_read_from_the_answer(told: str, seconds: float | None) -> None:
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert failures.retry_after(reply(429, {}, retry_after=told), now) == seconds
