"""Ten thousand deliveries are replayed in the console: counted first, at the rate that was chosen, paused, resumed, cancelled."""

from __future__ import annotations

import re
import time
from bisect import bisect
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import col, select, update

from backend.core import clock, db
from backend.models import Delivery, Webhook
from tests.acceptance.installation import Installation
from tests.e2e import story
from tests.factories import deliveries as factory
from tests.fakes.receiver import Received, listening
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]

COUNT = 10_000
RATE = 100
SPAN_SECONDS = 5.0
REASON = "The receiver had lost its disk"


@dataclass(slots=True)
class Arrivals:
    """When each request of a replay arrived, by the receiver's clock."""

    times: list[float] = field(default_factory=list)

    def take(self, received: Received) -> int:
        """Note a request; the status to answer with."""
        assert received.headers["x-webhook-replay"] == "true"
        self.times.append(time.monotonic())
        return 200

    def rates(self) -> list[float]:
        """How many arrived a second, over every span that is past; the first second is left out."""
        if not self.times:
            return []
        first = self.times[0] + 1
        begins = [first + 0.5 * n for n in range(int((time.monotonic() - SPAN_SECONDS - first) / 0.5) + 1)]
        return [(bisect(self.times, begin + SPAN_SECONDS) - bisect(self.times, begin)) / SPAN_SECONDS for begin in begins]


def test_ten_thousand_are_counted_then_sent_at_the_rate_then_paused_resumed_and_cancelled(page: Page, running: Installation) -> None:
    arrivals = Arrivals()
    story.sign_in(page, running)
    with listening() as receiver:
        receiver.answer = arrivals.take
        story.create_webhook(page, receiver.url, "order.created")
        story.close_secret(page)
        _fail_before(receiver.url)

        _is_counted_first(page)
        assert not arrivals.times
        page.get_by_role("dialog").get_by_role("button", name="Replay 10,000").click()
        page.wait_for_url(re.compile(r"/settings/replays/rpl_\w+$"))
        sentence, outcomes = page.get_by_test_id("sentence"), page.get_by_test_id("outcomes")
        expect(sentence).to_contain_text("Running")
        eventually(lambda: any(rate > 0.9 * RATE for rate in arrivals.rates()), seconds=60)  # a busy machine takes longer to get there
        expect(outcomes).to_contain_text(re.compile(r"Delivered [\d,]{3,}"))  # with no reload

        page.get_by_role("button", name="Pause").click()
        expect(sentence).to_contain_text("Paused")
        held = _nothing_more_arrives(page, arrivals)
        fastest = max(arrivals.rates())
        print(f"replay at {RATE} a second: {fastest:.1f} a second arrived over {SPAN_SECONDS:g} s")  # noqa: T201 - shown with -s
        assert 0.9 * RATE < fastest < 1.1 * RATE

        page.get_by_role("button", name="Resume").click()
        eventually(lambda: len(arrivals.times) > held + RATE)
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel replay").click()
        expect(sentence).to_contain_text("Cancelled")
        ended = _nothing_more_arrives(page, arrivals)
        assert len(set(receiver.ids)) == ended  # nothing twice
        _is_told_with_each(page)


def _is_counted_first(page: Page) -> None:
    """The dialog counts, says how long it takes at which rate, and takes a reason."""
    page.goto("/settings/deliveries?status=dead")
    page.get_by_role("button", name="Replay all that match").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_test_id("replay-count")).to_have_text("10,000")
    expect(dialog).to_contain_text("10,000 at 50 a second: about 3 min 20 s")
    dialog.locator("#rate").fill(str(RATE))
    expect(dialog).to_contain_text("about 1 min 40 s")
    dialog.locator("#reason").fill(REASON)


def _nothing_more_arrives(page: Page, arrivals: Arrivals) -> int:
    """What was queued has gone out, then it is quiet; how many have arrived."""
    outcomes = page.get_by_test_id("outcomes")
    expect(outcomes).to_contain_text(re.compile("Not sent yet|Never sent"))
    expect(outcomes).not_to_contain_text("Waiting")
    arrived = len(arrivals.times)
    page.wait_for_timeout(1500)
    assert len(arrivals.times) == arrived < COUNT
    return arrived


def _fail_before(url: str) -> None:
    """Deliveries to the webhook at `url` that have failed for good, put straight into the installation's database."""
    with db.transaction() as session:
        webhook = session.exec(select(Webhook).where(Webhook.url == url)).one()
    factory.publish(webhook, count=COUNT, due_at=clock.now() + timedelta(hours=1))
    failed = {
        "status": "dead",
        "due_at": None,
        "finished_at": clock.now(),
        "attempt_count": 9,
        "last_status_code": 503,
        "error_class": "status",
    }
    with db.transaction(write=True) as session:
        session.execute(update(Delivery).where(col(Delivery.webhook_id) == webhook.id).values(**failed))


def _is_told_with_each(page: Page) -> None:
    """A delivery of the replay says who wanted it and why, and leads back."""
    page.get_by_role("link", name=re.compile("^Delivered")).first.click()
    page.locator("tbody tr").first.get_by_role("link").click()
    expect(page.get_by_text(REASON)).to_be_visible()
    expect(page.get_by_text("Ada Byron").last).to_be_visible()
    page.get_by_role("link", name="The whole replay").click()
    expect(page.get_by_test_id("sentence")).to_contain_text("Cancelled")
