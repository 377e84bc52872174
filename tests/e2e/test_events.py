"""Somebody asks why an event was not sent: its page says it for each webhook, and sends it again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.installation import Installation
from tests.e2e import story

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def test_an_events_page_says_why_it_was_not_sent_and_replays_it(page: Page, running: Installation) -> None:
    story.sign_in(page, running)
    key = story.create_key(page, "Shop", "events:write")
    story.create_webhook(page, story.receiver_url(page), "lead.created")
    event_id = story.publish(running, key, {"order_id": "4711", "total": 17}, webhooks=0)

    page.goto("/settings/events?q=4711")
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("No webhook was sent to")
    row.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="order.created", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Shop")).to_be_visible()
    told = page.locator("li.x-item-told")
    expect(told).to_have_count(1)
    expect(told).to_contain_text("Not subscribed: at that time it took lead.created only.")

    page.get_by_role("button", name="Replay", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.get_by_role("alert")).to_contain_text("No webhook takes this event now")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    told.get_by_role("button", name="Replay").click()
    page.get_by_label("Reason").fill("They asked for it")
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    expect(page.get_by_text("It goes out again to 1 webhook.")).to_be_visible()
    expect(told).to_contain_text("Delivered: 200")  # with no reload
    told.get_by_role("link", name="Delivery").click()
    expect(page.get_by_text("They asked for it")).to_be_visible()
    page.get_by_role("link", name="What became of this event elsewhere").click()
    expect(page.get_by_role("button", name=event_id)).to_be_visible()
