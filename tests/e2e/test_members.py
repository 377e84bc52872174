"""An administrator invites somebody, who joins by the link and sees what the role allows."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.installation import Installation
from tests.e2e import story
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def test_an_invited_viewer_joins_and_may_only_read(page: Page, browser: Browser, running: Installation) -> None:
    story.sign_in(page, running)
    page.goto("/settings/members")
    page.get_by_role("button", name="Invite member").click()
    page.get_by_role("button", name="Create invitation").click()
    link = page.get_by_test_id("secret")
    expect(link).to_have_text(re.compile(r"/invitation\?token=xdn_\w+"))
    address = link.inner_text()
    page.get_by_label("I have stored it").check()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Anyone with the link")).to_be_visible()

    guest = browser.new_context(base_url=running.address).new_page()
    guest.goto(address)
    for field, value in {"name": "Sam", "email": "sam@example.com", "password": "another horse battery"}.items():
        guest.locator(f"input[name={field}]").fill(value)
    guest.get_by_role("button", name="Join the workspace").click()
    expect(guest.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    guest.goto("/settings/webhooks")
    expect(guest.get_by_role("link", name="Create webhook")).to_have_count(0)
    guest.goto("/settings/members")
    expect(guest.get_by_text("needs the role admin")).to_be_visible()

    page.reload()
    row = page.locator("tbody tr", has_text="Sam")
    row.get_by_label("Role of Sam").select_option("admin")
    expect(page.get_by_text("The role is admin now.")).to_be_visible()
    guest.goto("/settings/webhooks")
    expect(guest.get_by_role("link", name="Create webhook").first).to_be_visible()

    row.get_by_role("button", name="Remove").click()
    page.locator("#typed_name").fill("sam@example.com")
    page.get_by_role("button", name="Remove member").click()
    expect(row).to_have_count(0)
    eventually(lambda: _is_sent_away(guest))  # the page that is open may leave by itself, in the middle of it
    guest.context.close()


def _is_sent_away(guest: Page) -> bool:
    guest.goto("/settings/webhooks", wait_until="commit")
    return guest.url.partition("?")[0].endswith("/login")
