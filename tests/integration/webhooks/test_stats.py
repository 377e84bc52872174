"""Figures of webhooks from the roll-ups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.core import clock, db
from backend.core.errors import Invalid
from backend.models import DeliveryRollup, Webhook
from backend.webhooks import queries, service
from tests.integration.webhooks.conftest import World

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def _rollup(webhook: Webhook, starts_at: datetime, width: int = 3600, **values: float) -> None:
    with db.transaction(write=True) as session:
        row = DeliveryRollup(workspace_id=webhook.workspace_id, webhook_id=webhook.id, width=width, starts_at=starts_at)
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)


def _stats(world: World, webhook: Webhook, **more: Any) -> queries.WebhookStats:
    with db.transaction() as session:
        return service.stats(session, actor=world.admin, webhook_id=webhook.id, **more)


def test_the_figures_of_a_day_cover_24_hours_with_the_current_one(world: World):
    webhook, other = world.create(), world.create()
    _rollup(webhook, HOUR, delivered=90, failed=10, dead=1, b4=90, b10=10)
    _rollup(webhook, HOUR - timedelta(hours=23), delivered=100, b4=100)
    _rollup(webhook, HOUR - timedelta(hours=24), failed=500, b0=500)
    _rollup(webhook, HOUR, width=60, failed=700, b0=700)
    _rollup(other, HOUR, failed=900, b0=900)
    world.waiting(webhook)
    world.waiting(webhook, status="delivered", due_at=None)
    found = _stats(world, webhook)
    assert (found.total, found.delivered, found.failed, found.success_rate, found.waiting) == (200, 190, 10, 95.0, 1)
    assert found.p50_ms is not None
    assert 50 < found.p50_ms < 100
    assert found.p95_ms == 100
    assert len(found.series) == 24
    assert [point.starts_at for point in (found.series[0], found.series[-1])] == [HOUR - timedelta(hours=23), HOUR]
    assert [(point.delivered, point.failed, point.dead) for point in (found.series[1], found.series[-1])] == [(0, 0, 0), (90, 10, 1)]


def test_percentiles_stay_within_what_was_measured_even_where_one_hour_did_not_keep_it(world: World):
    once, slow = world.create(), world.create()
    _rollup(once, HOUR, delivered=1, b3=1, min_ms=32, max_ms=32)
    _rollup(slow, HOUR, failed=4, b11=4, min_ms=14_900, max_ms=15_000)
    assert (_stats(world, once).p50_ms, _stats(world, once).p95_ms) == (32, 32)
    assert 14_900 < (_stats(world, slow).p95_ms or 0) <= 15_000
    _rollup(once, HOUR - timedelta(hours=1), delivered=1, b4=1)
    assert 32 < (_stats(world, once).p95_ms or 0) <= 100


def test_short_spans_are_read_by_the_minute(world: World):
    webhook = world.create()
    minute = NOW.replace(second=0)
    _rollup(webhook, minute, width=60, delivered=3, b0=3)
    _rollup(webhook, minute - timedelta(minutes=60), width=60, delivered=5, b0=5)
    _rollup(webhook, HOUR, delivered=8, b0=8)
    found = _stats(world, webhook, hours=1)
    assert (found.total, len(found.series)) == (3, 60)


def test_without_attempts_there_is_no_rate(world: World):
    found = _stats(world, world.create())
    assert (found.total, found.success_rate, found.p50_ms, found.p95_ms) == (0, None, None, None)


@pytest.mark.parametrize("hours", [0, 24 * 90 + 1])
def test_a_span_has_bounds(world: World, hours: int):
    with pytest.raises(Invalid, match="out of range"):
        _stats(world, world.create(), hours=hours)


def test_a_page_of_webhooks_is_read_at_once(world: World):
    first, second = world.create(), world.create()
    _rollup(first, HOUR, delivered=1, b0=1)
    with db.transaction() as session:
        found = service.stats_of(session, actor=world.admin, webhooks=[first, second])
    assert {key: value.total for key, value in found.items()} == {first.id: 1, second.id: 0}
