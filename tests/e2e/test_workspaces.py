"""A second workspace is made in the console, and nothing of the first shows in it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.installation import Installation
from tests.e2e import story

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_second_workspace_shows_nothing_of_the_first(page: Page, running: Installation) -> None:
    story.sign_in(page, running)
    story.create_key(page, "Only in Acme", "events:write")
    page.goto("/")
    page.get_by_role("button", name="Workspace Acme").click()
    page.get_by_role("link", name="New workspace").click()
    page.locator("input[name=name]").fill("Second")
    page.get_by_role("button", name="Create workspace").click()
    switcher = page.get_by_role("button", name="Workspace Second")
    expect(switcher).to_be_visible()
    page.goto("/settings/api-keys")
    expect(page.get_by_text("An API key lets a partner's system call")).to_be_visible()
    expect(page.get_by_text("Only in Acme")).to_have_count(0)
    switcher.click()
    page.get_by_role("button", name="Acme", exact=True).click()
    expect(page.get_by_role("button", name="Workspace Acme")).to_be_visible()
    page.goto("/settings/api-keys")
    expect(page.get_by_text("Only in Acme")).to_be_visible()
    page.goto("/settings/nothing/here")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("button", name="Workspace Acme")).to_be_visible()
