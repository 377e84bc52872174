from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.deliveries import advice
from backend.deliveries.values import ErrorClass
from backend.models import Delivery

NOW = datetime(2026, 11, 12, 14, 0, tzinfo=UTC)


def delivery(**columns: Any) -> Delivery:
    return Delivery(
        id="dlv_1", workspace_id="wsp_1", event_id="evt_1", webhook_id="whk_1", event_type="order.created", trace_id="t",
        **{"max_attempts": 10, **columns},
    )  # fmt: skip


@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_every_class_of_error_says_what_it_means_and_what_to_do(error_class: ErrorClass):
    text = advice.advise(error_class, status_code=500)
    assert text is not None
    assert text.count(". ") >= 1
    assert text.endswith(".")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("The receiver's certificate was not accepted: certificate has expired.", "Renew it, then retry"),
        ("The receiver's certificate was not accepted: self-signed certificate.", "signed by itself"),
        ("The receiver's certificate was not accepted: Hostname mismatch, certificate is not valid for 'x'.", "another host name"),
    ],
)
def test_a_certificate_s_problem_is_named(error: str, words: str):
    assert words in (advice.advise("tls", error=error) or "")


@pytest.mark.parametrize("status_code", [400, 401, 403, 404, 405, 410, 418, 422, 429, 500, 502, 503, 504, 599])
def test_a_status_is_named_in_its_advice(status_code: int):
    assert f"({status_code})" in (advice.advise("status", status_code=status_code) or "")


def test_no_failure_needs_no_advice():
    assert advice.advise(None) is None


def test_sentences():
    failed = {"last_status_code": 503, "duration_ms": 84.2, "attempt_count": 2, "failure_count": 2}
    cases = [
        (delivery(status="waiting", due_at=NOW), "Waiting: due now"),
        (
            delivery(status="retrying", due_at=NOW + timedelta(minutes=5), **failed),
            "Retrying: 503 Service Unavailable after 84 ms; next try at 14:05 UTC (attempt 3 of 10)",
        ),
        (
            delivery(status="retrying", due_at=NOW + timedelta(hours=20), **failed),
            "Retrying: 503 Service Unavailable after 84 ms; next try at 10:00 UTC on 13 November (attempt 3 of 10)",
        ),
        (delivery(status="sending", failure_count=0), "Sending now (attempt 1 of 10)"),
        (delivery(status="delivered", attempt_count=1, last_status_code=200, duration_ms=1500.0), "Delivered: 200 after 1.5 s"),
        (delivery(status="delivered", attempt_count=3, last_status_code=204, duration_ms=9.0), "Delivered at attempt 3: 204 after 9 ms"),
        (
            delivery(status="dead", attempt_count=10, error="No connection was made within 15 s."),
            "Failed for good after 10 attempts: No connection was made within 15 s",
        ),
        (delivery(status="cancelled", error="Cancelled by Ada."), "Cancelled by Ada"),
    ]
    assert [advice.explain(row, now=NOW) for row, _ in cases] == [sentence for _, sentence in cases]


def test_an_answer_is_told_in_words_where_it_is_a_failure():
    assert [advice.answer(code) for code in (200, 204, 503, 599)] == ["200", "204", "503 Service Unavailable", "599"]
    assert advice.answer(302, "redirect") == "302 (a redirect)"


def test_a_held_webhook_is_named_as_the_reason():
    sentence = advice.explain(delivery(status="waiting", due_at=NOW), now=NOW, hold="the webhook is paused")
    assert sentence == "Waiting: the webhook is paused"
