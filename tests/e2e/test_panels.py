"""Keys on the pages of a webhook and of the overview: Escape closes the panel beside it, arrows read a chart."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.acceptance.installation import Installation
from tests.e2e import story

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def test_escape_closes_a_panel_and_arrows_read_a_chart(page: Page, running: Installation) -> None:
    story.sign_in(page, running)
    url = story.receiver_url(page)
    _is_told_of_what_is_folded_away(page)
    story.create_webhook(page, url, "order.created")
    _stays_when_asked(page, "only once")
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
    expect(page.get_by_text(re.compile(r"of \d+ attempts? in 1 h"))).to_be_visible()
    chart = page.get_by_role("slider", name="Attempts that succeeded", exact=True)
    chart.focus()
    page.keyboard.press("End")
    told = [chart.get_attribute("aria-valuetext")]
    page.keyboard.press("ArrowLeft")
    told.append(chart.get_attribute("aria-valuetext"))
    assert any("1 succeeded" in (text or "") for text in told), told
    page.get_by_role("link", name="7 d").click()
    expect(page.get_by_text(re.compile(r"of \d+ attempts? in 7 d"))).to_be_visible()

    page.goto("/settings/monitoring")
    expect(page.locator(".x-part", has_text="Delivery workers")).to_contain_text("Up")
    expect(page.locator("tbody tr", has_text="Delivery").first).to_contain_text("Alive")


def _is_told_of_what_is_folded_away(page: Page) -> None:
    page.goto("/settings/webhooks/new")
    page.locator("input[name=other_events]").fill("order.*")
    more, timeout = page.get_by_text("More", exact=True), page.locator("input[name=timeout]")
    more.click()
    timeout.fill("99")
    more.click()
    expect(timeout).not_to_be_visible()
    page.locator("#url").fill("https://[")
    page.get_by_role("button", name="Create webhook").click()
    expect(timeout.locator("xpath=..")).to_contain_text("1 to 30 seconds")  # it is unfolded
    expect(page.locator("#url")).to_be_focused()  # the first that is wrong
    _stays_when_asked(page, "not saved")


def _stays_when_asked(page: Page, words: str) -> None:
    """A link asks before what would be lost; whoever declines stays."""
    said: list[str] = []
    here = page.url

    def decline(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", decline)
    page.get_by_role("link", name="Deliveries").first.click()
    assert [words in message for message in said] == [True]
    assert page.url == here
