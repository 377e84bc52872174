"""How replays are put into words, and what their figures add up to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.models import Delivery, Replay, ReplayItem
from backend.replays.values import ItemDetail, Progress, ReplayFilter
from console import words
from console.pages.replays import rows

NAMES = {"whk_1": "Acme ERP"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "less than a second"), (59, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (90_000, "1 day 1 h")],
)
def test_how_long_something_lasts_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert words.lasting(seconds) == text


def test_the_rate_says_how_long_it_takes() -> None:
    assert rows.how_long(10_000, 50) == "10,000 at 50 a second: about 3 min 20 s"
    assert rows.how_long(3, 0.5) == "3 at 0.5 a second: about 6 s"
    assert rows.how_long(0, 50) == ""


@pytest.mark.parametrize(
    ("kind", "wanted", "text"),
    [
        ("filter", ReplayFilter(), "All deliveries"),
        ("filter", ReplayFilter(status="dead"), "Failed deliveries"),
        ("filter", ReplayFilter(status="SUCCESS,delivered", event="order.created", webhook_id="whk_1"), "order.created deliveries"),
        ("filter", ReplayFilter(webhook_id="whk_9", q="4711"), "All deliveries to whk_9 with “4711”"),
        ("selection", ReplayFilter(ids=("dlv_1",)), "1 chosen delivery"),
        ("selection", ReplayFilter(ids=("dlv_1", "dlv_2")), "2 chosen deliveries"),
        ("missed", ReplayFilter(webhook_id="whk_1"), "What Acme ERP missed while it was disabled"),
    ],
)
def test_what_a_replay_sends_is_said_in_words(kind: str, wanted: ReplayFilter, text: str) -> None:
    assert text in rows.in_words(kind, wanted.document(), NAMES)


def test_the_time_of_a_filter_is_said_with_its_zone() -> None:
    wanted = ReplayFilter(status="dead", since=datetime(2026, 1, 31, 9, 30, tzinfo=UTC), until=datetime(2026, 2, 1, tzinfo=UTC))
    assert rows.in_words("filter", wanted.document(), {}) == "Failed deliveries since 2026-01-31 09:30 UTC before 2026-02-01 00:00 UTC"


def test_the_parts_of_the_bar_add_up_and_leave_what_is_not_sent() -> None:
    shown = rows.replay_detail(_replay("running"), _progress(delivered=40, failed=10, waiting=5, skipped=5, eta=20), NAMES)
    assert [(part.outcome, part.number, part.width) for part in shown.parts] == [
        ("delivered", "40", "40.00%"),
        ("failed", "10", "10.00%"),
        ("waiting", "5", "5.00%"),
        ("skipped", "5", "5.00%"),
    ]
    assert (shown.unsent, shown.share, shown.numbers["all"]) == ("40", "60", "60")
    assert shown.sentence == "Running: 40 of 100 are still to be sent, about 20 s."


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("paused", "Paused: 50 of 100 are still to be sent. 5 that it queued before still go out."),
        ("cancelled", "Cancelled: 45 delivered, 5 waiting; 50 of 100 were never sent."),
    ],
)
def test_what_stopped_says_what_was_and_what_was_not_sent(status: str, sentence: str) -> None:
    assert rows.replay_detail(_replay(status), _progress(delivered=45, waiting=5), NAMES).sentence == sentence


def test_an_item_leads_to_its_new_delivery_and_a_skipped_one_to_the_old() -> None:
    item = ReplayItem(id="rpi_1", workspace_id="wsp_1", replay_id="rpl_1", event_id="evt_1", webhook_id="whk_1", source_id="dlv_1")
    skipped = rows.item_row(ItemDetail(item, None, "skipped", "Its webhook was deleted.", "order.created"), NAMES, "/d")
    assert (skipped.outcome, skipped.event, skipped.path) == ("skipped", "order.created", "/d/dlv_1")
    made = Delivery(
        id="dlv_2", workspace_id="wsp_1", event_id="evt_1", webhook_id="whk_1", event_type="order.created", max_attempts=9, trace_id="trc_1"
    )
    sent = rows.item_row(
        ItemDetail(ReplayItem(**{**item.model_dump(), "delivery_id": "dlv_2"}), made, "delivered", "Delivered.", made.event_type),
        NAMES,
        "/d",
    )
    assert (sent.outcome, sent.event, sent.webhook, sent.path) == ("delivered", "order.created", "Acme ERP", "/d/dlv_2")


def _replay(status: str) -> Replay:
    return Replay(id="rpl_1", workspace_id="wsp_1", kind="filter", status=status, total=100, rate=50, upto="dlv_9", created_by="usr_1")


def _progress(*, delivered: int = 0, failed: int = 0, waiting: int = 0, skipped: int = 0, eta: float | None = None) -> Progress:
    queued = delivered + failed + waiting
    return Progress(
        total=100,
        queued=queued,
        waiting=waiting,
        delivered=delivered,
        failed=failed,
        cancelled=0,
        skipped=skipped,
        remaining=100 - queued - skipped,
        eta_seconds=eta,
    )
