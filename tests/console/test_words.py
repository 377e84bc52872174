"""How numbers and times are written, and what forms are taken to mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core import signature_check, signing
from backend.core.errors import FieldError, Invalid, NotFound
from backend.core.pagination import Count
from backend.models import Attempt, Delivery, Webhook
from backend.webhooks.service import WebhookStats
from console import bridge, words
from console.components.chart import Line, chosen, lines
from console.pages.api_keys import forms as key_forms
from console.pages.deliveries.rows import delivery_detail, times
from console.pages.webhooks import forms as webhook_forms
from console.pages.webhooks import tools_state
from console.pages.webhooks.rows import webhook_detail
from console.urls import since, with_query


def test_a_body_is_shown_without_what_no_browser_can_be_sent_however_deep_it_is() -> None:
    assert words.readable('{"note":"\\ud83d"}') == ('{\n  "note": "\ufffd"\n}', False)
    deep = "[" * 900 + "]" * 900
    assert words.readable(deep) == (deep, False)


def test_the_moment_of_a_sentence_is_given_for_itself_so_that_the_browser_shows_it_in_the_viewers_zone() -> None:
    at = datetime(2026, 11, 22, 20, 37, tzinfo=UTC)
    parts = words.told(f"Retrying: 503; next try at {words.moment(at)} (attempt 3 of 10).")
    assert parts == words.Told("Retrying: 503; next try at ", words.moment(at), " (attempt 3 of 10).")
    assert words.told("Waiting: the webhook is paused.") == words.Told("Waiting: the webhook is paused.")


@pytest.mark.parametrize(("hold", "has_next", "can_retry"), [(None, True, True), ("the webhook is paused", False, False)])
def test_what_is_on_hold_has_no_next_try_and_no_retry(hold: str | None, *, has_next: bool, can_retry: bool) -> None:
    made: dict[str, Any] = {"id": "dlv_1", "webhook_id": "whk_1", "event_id": "evt_1", "event_type": "order.created", "trace_id": ""}
    made |= {"kind": "event", "status": "retrying", "attempt_count": 1, "max_attempts": 10}
    delivery = Delivery(**made, due_at=datetime.now(UTC), created_at=datetime.now(UTC))
    shown = delivery_detail(delivery, "Acme", "Retrying", hold)
    assert (shown.next_at != "", shown.can_retry, shown.hold.before) == (has_next, can_retry, hold or "")


def test_the_figures_of_a_webhook_say_that_they_count_attempts() -> None:
    made: dict[str, Any] = {"id": "whk_1", "name": "Acme", "url": "https://example.com", "event_types": ["order.created"]}
    webhook = Webhook(**made)
    stats = WebhookStats(total=2, delivered=1, failed=1, success_rate=50.0, p95_ms=32.0, waiting=3)
    shown = webhook_detail(webhook, stats, "", frozenset(), datetime.now(UTC))
    assert shown.health == "50.0 % of 2 attempts succeeded in 24 h; p95 32 ms; 3 undelivered"
    stats = WebhookStats(total=1, delivered=1, p95_ms=32.0)
    assert webhook_detail(webhook, stats, "", frozenset(), datetime.now(UTC)).health.startswith("100 % of 1 attempt succeeded")


@pytest.mark.parametrize(
    ("ms", "text"), [(None, "–"), (0.42, "0.4 ms"), (84.4, "84 ms"), (999.4, "999 ms"), (1234.0, "1.2 s"), (31_000, "31.0 s")]
)
def test_a_duration_is_written_in_its_unit(ms: float | None, text: str) -> None:
    assert words.duration(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "5 s"), (300, "5 min"), (7200, "2 h"), (5400, "1.5 h"), (86_400, "1 day"), (432_000, "5 days"), (431_990, "5 days")],
)
def test_a_span_is_written_in_its_largest_unit(seconds: float, text: str) -> None:
    assert words.span(seconds) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"), [(0, 0, "–"), (0, 9, "0 %"), (9, 9, "100 %"), (982, 1000, "98.2 %"), (99_999, 100_000, "99.9 %")]
)
def test_almost_everything_is_not_everything(part: int, whole: int, text: str) -> None:
    assert words.percent(part, whole) == text


def test_a_count_says_that_it_stopped_counting() -> None:
    assert words.count(Count(10_000, capped=True)) == "10,000+"
    assert words.count(1234) == "1,234"


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (None, "AED", "–"),
        (170_000, "AED", "AED 17.00"),
        (81_250, None, "8.125"),
        (-5_000, None, "-0.50"),
        (12_345_678_901, None, "1,234,567.8901"),
    ],
)
def test_an_amount_is_written_exactly(amount: int | None, currency: str | None, text: str) -> None:
    assert words.money(amount, currency) == text


def test_each_point_of_a_line_is_told_and_one_point_is_no_line() -> None:
    noon = datetime(2026, 11, 12, 12, tzinfo=UTC)
    line = Line("green", [1200, None], lambda number: f"{number:,} delivered")
    assert lines([noon], line) == ""
    drawn = json.loads(lines([noon, noon + timedelta(hours=1)], line))
    assert drawn["at"] == ["2026-11-12T12:00:00.000Z", "2026-11-12T13:00:00.000Z"]
    assert drawn["lines"] == [{"tone": "green", "values": [1200, None], "words": ["1,200 delivered", "nothing"]}]


def test_an_unknown_range_is_the_usual_one() -> None:
    assert (chosen("7d", "24h"), chosen("9y", "24h")) == ("7d", "24h")


def test_the_times_of_an_attempt_fill_the_bar() -> None:
    attempt = _attempt(dns_ms=2.0, connect_ms=3.0, tls_ms=None, first_byte_ms=15.0, total_ms=20.0)
    found = times(attempt)
    assert [phase for phase, _, _ in found] == ["dns", "connect", "wait", "body"]
    assert sum(float(width.rstrip("%")) for _, width, _ in found) == pytest.approx(100)
    assert found[2][2] == "10 ms"


def test_an_attempt_that_never_got_an_answer_was_waiting() -> None:
    found = times(_attempt(dns_ms=None, connect_ms=5.0, tls_ms=None, first_byte_ms=None, total_ms=15_000.0))
    assert [phase for phase, _, _ in found] == ["connect", "wait"]


def test_an_unknown_time_range_is_no_filter() -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    assert since("24h", now) == datetime(2026, 1, 30, tzinfo=UTC)
    assert since("yesterday", now) is None


def test_an_address_keeps_only_the_filters_that_are_set() -> None:
    assert with_query("/x", status="dead", q="", cursor="a b") == "/x?status=dead&cursor=a+b"
    assert with_query("/x", q="") == "/x"


def test_a_keys_form_becomes_its_input() -> None:
    form: dict[str, Any] = {
        "name": "Shop",
        "scope:events:write": "on",
        "scope:events:read": "on",
        "limit_per_minute": "100",
        "limit_per_hour": "",
        "allowed_ips": "203.0.113.7\n10.0.0.0/8, 2001:db8::/32",
        "expires_at": "2027-01-31",
    }
    found = key_forms.changes(form)
    assert found["scopes"] == ["events:read", "events:write"]
    assert (found["limit_per_minute"], found["limit_per_hour"]) == (100, None)
    assert found["allowed_ips"] == ["203.0.113.7", "10.0.0.0/8", "2001:db8::/32"]
    assert found["expires_at"] == datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC)


def test_every_mistake_in_a_keys_form_is_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        key_forms.changes({"limit_per_day": "many", "expires_at": "soon", "metadata": "[1]"})
    assert {error.path for error in caught.value.errors} == {"rate_limit", "expires_at", "metadata"}


def test_a_webhooks_form_becomes_its_input() -> None:
    found = webhook_forms.values(
        {
            "url": " https://x.example ",
            "event:order.created": "on",
            "other_events": "lead.*, ticket.created",
            "schedule": "5s, 5m, 2h",
            "verify_ssl": "on",
        }
    )
    assert found["url"] == "https://x.example"
    assert found["events"] == ["order.created", "lead.*", "ticket.created"]
    assert found["retry_policy"] == {"schedule": [5.0, 300.0, 7200.0]}
    assert (found["verify_ssl"], found["auto_disable"], found["filter"]) == (True, False, None)
    assert "secret" not in found


def test_every_mistake_in_a_webhooks_form_is_named_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        webhook_forms.values({"headers": "no colon", "schedule": "soon", "filter": "{", "timeout": "long"})
    assert {error.path for error in caught.value.errors} == {"headers", "retry_policy", "filter", "timeout"}


def test_an_error_is_put_beside_its_field() -> None:
    error = Invalid(FieldError("scopes[0]", "'x' is not a scope.", "Use one."), FieldError("rate_limit.per_hour", "0 is out of range."))
    assert bridge.field_errors(error) == {"scopes": "'x' is not a scope. Use one.", "rate_limit": "0 is out of range."}
    assert bridge.field_errors(NotFound("There is none.")) == {"": "There is none."}


def _attempt(
    *, dns_ms: float | None, connect_ms: float | None, tls_ms: float | None, first_byte_ms: float | None, total_ms: float
) -> Attempt:
    return Attempt(
        id="att_1",
        workspace_id="wsp_1",
        delivery_id="dlv_1",
        event_id="evt_1",
        webhook_id="whk_1",
        number=1,
        trigger="event",
        outcome="failed",
        url="https://x.example",
        started_at=datetime(2026, 1, 31, tzinfo=UTC),
        dns_ms=dns_ms,
        connect_ms=connect_ms,
        tls_ms=tls_ms,
        first_byte_ms=first_byte_ms,
        total_ms=total_ms,
    )


@pytest.mark.parametrize(("later", "body", "told"), [(0, b"{}", "good"), (301, b"{}", "old"), (301, b"[]", "bad"), (0, b"[]", "bad")])
def test_a_right_signature_with_an_old_timestamp_is_told_from_a_wrong_one(later: int, body: bytes, told: str) -> None:
    now = 1_767_225_600
    secret = signing.new_webhook_secret()
    sent = signing.Delivery("evt_1", "order.created", "dlv_1", 1, now)
    headers = signing.delivery_headers(sent, b"{}", secrets=(secret,), user_agent="test")
    found = signature_check.verify(secret=secret, headers=headers.items(), body=body, now=now + later)
    assert tools_state.verdict(found) == told


def test_a_capped_number_says_that_it_stopped_counting() -> None:
    assert (words.capped(9_999), words.capped(10_000)) == ("9,999", "10,000+")
