"""Keys on the pages of a webhook and of the overview: Escape closes the panel beside it, arrows read a chart."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.installation import Installation
from tests.e2e import story

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def test_escape_closes_a_panel_and_arrows_read_a_chart(page: Page, running: Installation) -> None:
    story.sign_in(page, running)
    story.create_webhook(page, story.receiver_url(page), "order.created")
    story.close_secret(page)
    page.get_by_role("button", name="Send test").first.click()
    panel = page.locator("aside", has=page.get_by_label("Data"))
    page.get_by_label("Data").click()
    page.keyboard.press("Escape")  # leaves the field, whose text is kept
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)

    key = story.create_key(page, "Shop", "events:write")
    story.publish(running, key, {"order_id": "4711"})
    page.goto("/?range=1h")
    expect(page.get_by_text(re.compile(r"of \d+ attempts in 1 h"))).to_be_visible()
    chart = page.get_by_role("slider", name="Delivered", exact=True)
    chart.focus()
    page.keyboard.press("End")
    told = [chart.get_attribute("aria-valuetext")]
    page.keyboard.press("ArrowLeft")
    told.append(chart.get_attribute("aria-valuetext"))
    assert any("1 delivered" in (text or "") for text in told), told
    page.get_by_role("link", name="7 d").click()
    expect(page.get_by_text(re.compile(r"of \d+ attempts in 7 d"))).to_be_visible()

    page.goto("/settings/monitoring")
    expect(page.locator(".x-part", has_text="Delivery workers")).to_contain_text("Up")
    expect(page.locator("tbody tr", has_text="Delivery").first).to_contain_text("Alive")
