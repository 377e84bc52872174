"""What the console says of an event and of what became of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.events.outcomes import WebhookOutcome
from backend.events.search import Publisher, Tally
from backend.models import Event
from console import words
from console.pages.events.rows import event_detail, event_row, outcome_row

NOW = datetime(2026, 11, 12, 9, 30, tzinfo=UTC)
SHOP = Publisher("key", "key_1", "Shop")


def event(**values: Any) -> Event:
    given = {
        "id": "evt_1",
        "created_at": NOW,
        "workspace_id": "wsp_1",
        "type": "order.created",
        "occurred_at": NOW,
        "body": '{"id":"evt_1"}',
    }
    return Event(**{**given, "actor_kind": "key", "actor_id": "key_1", "trace_id": "trc_1", **values})


def outcome(name: str, **values: Any) -> WebhookOutcome:
    return WebhookOutcome("whk_1", "ERP", "https://erp.example", name, "A sentence.", **values)


def test_a_row_says_only_what_there_is_and_why_some_were_skipped() -> None:
    skips = [{"webhook_id": f"whk_{n}", "reason": reason, "detail": ""} for n, reason in enumerate(("filtered", "disabled", "filtered"))]
    row = event_row(event(skips=skips), Tally(delivered=1200, dead=1))
    assert row.outcomes == [["delivered", "1,200 delivered"], ["dead", "1 failed"], ["skipped", "3 skipped"]]
    assert row.skipped_why == "Skipped: disabled, filtered"
    assert event_row(event(skips=[]), Tally()).outcomes == []
    assert [event_row(event(actor_kind=kind), Tally()).is_own for kind in ("key", "system")] == [False, True]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([], "There was no webhook that it could have gone to."),
        (["delivered"], "Of 1 webhook: 1 delivered."),
        (
            ["delivered", "paused", "retrying", "dead", "filtered", "not_subscribed"],
            "Of 6 webhooks: 1 delivered, 2 under way, 1 failed, 2 not sent.",
        ),
    ],
)
def test_one_sentence_sums_up_what_became_of_it(found: list[str], sentence: str) -> None:
    assert event_detail(event(), SHOP, [outcome(name) for name in found]).sentence == sentence


@pytest.mark.parametrize(
    ("publisher", "name", "path"),
    [
        (SHOP, "Shop", "/settings/api-keys/key_1"),
        (Publisher("key", "key_1", ""), "A key that is gone", ""),
        (Publisher("user", "usr_1", "Ada"), "Ada", ""),
        (Publisher("user", "usr_1", ""), "A former member", ""),
        (Publisher("system", "system", ""), "Crossdock itself", ""),
    ],
)
def test_who_published_is_named_and_a_key_is_led_to(publisher: Publisher, name: str, path: str) -> None:
    shown = event_detail(event(), publisher, [])
    assert (shown.publisher, shown.publisher_path) == (name, path)


def test_a_large_payload_is_cut_and_says_so() -> None:
    shown = event_detail(event(body='{"data":"' + "é" * words.MOST_BODY + '"}'), SHOP, [])
    assert len(shown.payload) == words.MOST_BODY
    assert shown.payload_note == "The first 16 KB of 32 KB. The API gives all of it."
    assert event_detail(event(), SHOP, []).payload == '{\n  "id": "evt_1"\n}'


def test_a_group_of_conditions_is_shown_and_a_single_one_is_in_the_sentence_already() -> None:
    single = {"field": "data.total", "op": "gte", "value": 10}
    assert outcome_row(outcome("filtered", condition=single)).condition == ""
    assert outcome_row(outcome("filtered", condition={"any": [single]})).condition.startswith('{"any": [')
    assert outcome_row(outcome("deleted")).is_deleted
