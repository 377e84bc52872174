"""The main job in a browser: from the set-up link to a delivery that failed, was retried and arrived."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.installation import Installation
from tests.e2e import story
from tests.e2e.conftest import Frames

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def test_from_the_set_up_link_to_a_retried_delivery(page: Page, untouched: Installation) -> None:
    frames = Frames(page)
    _needs_the_right_link(page)
    _keeps_what_was_typed(page, untouched)
    story.set_up(page, untouched)

    key = story.create_key(page, "Shop", "events:write")
    _is_shown_once(page, frames, key)

    url = story.receiver_url(page)
    secret = story.create_webhook(page, url, "order.created")
    _is_shown_once(page, frames, secret)

    page.goto("/settings/deliveries")
    expect(page.get_by_text("Publish one to see it")).to_be_visible()
    story.publish(untouched, key, {"order_id": "4711", "total": 17})
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("Delivered")  # with no reload
    expect(row).to_contain_text("order.created")

    story.answer_with(page, "fail")
    page.goto("/settings/deliveries")
    expect(page.locator("tbody tr")).to_have_count(1)
    failing = story.publish(untouched, key, {"order_id": "4712", "total": 18})
    expect(row).to_contain_text("Retrying")
    expect(row).to_contain_text("500")

    row.get_by_role("link").first.click()
    sentence = page.get_by_test_id("sentence")
    expect(sentence).to_have_text(re.compile(r"500.*(next|again)", re.IGNORECASE | re.DOTALL))
    expect(page.locator(".x-step", has_text="Next try")).to_be_visible()
    attempts = page.locator(".x-attempt")
    expect(attempts).to_have_count(2, timeout=20_000)  # the schedule's first retry comes after 5 s, the second after 5 min

    story.answer_with(page, "ok")
    page.goto(f"/settings/deliveries?q={failing}")
    row.get_by_role("link").first.click()
    page.get_by_role("button", name="Retry now").dblclick()  # the second press is nothing
    expect(sentence).to_contain_text("Delivered")
    expect(page.get_by_text("being sent at this moment")).to_have_count(0)

    expect(attempts).to_have_count(3)
    _shows_both_exchanges(attempts.nth(0), "500")
    _shows_both_exchanges(attempts.nth(2), "200")

    page.goto("/settings/receiver")
    expect(page.get_by_text("Verified", exact=True).first).to_be_visible()
    assert key not in frames
    assert secret not in frames


def _needs_the_right_link(page: Page) -> None:
    page.goto("/setup?token=xdu_another")
    expect(page.get_by_text("not valid any more")).to_be_visible()
    expect(page.locator("form")).not_to_be_visible()


def _keeps_what_was_typed(page: Page, untouched: Installation) -> None:
    page.goto(untouched.events("ready")[0]["setup_link"])
    typed = {**story.PERSON, "email": "ada.byron@example.com", "password": "ada.byron at home"}
    for name, value in typed.items():
        page.locator(f"input[name={name}]").fill(value)
    page.get_by_role("button", name="Create administrator").click()
    password = page.locator("input[name=password]")
    expect(password.locator("xpath=..")).to_contain_text("too weak")  # beside its field
    for name, value in typed.items():
        expect(page.locator(f"input[name={name}]")).to_have_value("" if name == "password" else value)


def _shows_both_exchanges(attempt: Locator, status: str) -> None:
    if attempt.get_attribute("open") is None:
        attempt.locator("summary").first.click()
    for text in (status, "webhook-signature", "4712"):
        expect(attempt).to_contain_text(text)


def _is_shown_once(page: Page, frames: Frames, plaintext: str) -> None:
    """It came over the socket in one frame; once it is closed or loaded again it is nowhere, and never comes again."""
    assert len([frame for frame in frames.received if plaintext in frame]) == 1
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    frames.forget()
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    assert plaintext not in page.content()
    stored = page.evaluate("() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie])")
    assert plaintext not in stored


def test_closing_the_panel_forgets_the_secret(page: Page, running: Installation) -> None:
    frames = Frames(page)
    story.sign_in(page, running)
    key = story.create_key(page, "Shop", "events:write")
    frames.forget()
    story.close_secret(page)
    expect(page.get_by_text(key[:8]).first).to_be_visible()
    assert key not in page.content()
    assert key not in frames
