"""The sandbox provider in a browser: connected, tested, synced, refreshed unseen, revoked there, connected again, disconnected."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.installation import Installation
from tests.e2e import story

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]
SANDBOX = "/settings/integrations/sandbox"
CATALOGUE = "/settings/integrations/catalogue"


def test_a_provider_is_connected_kept_alive_lost_and_connected_again(page: Page, running: Installation) -> None:
    story.sign_in(page, running)
    _connect(page)
    at = page.url.partition("?")[0]
    account = page.get_by_test_id("account")
    expect(account).to_contain_text("ada@sandbox.example")
    for scope in ("profile", "contacts.read", "calendar", "messages"):
        expect(page.get_by_test_id("scopes").locator(".x-item", has_text=scope)).to_contain_text("Granted")

    told = page.get_by_test_id("told")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(told).to_contain_text("answered as it should")
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_test_id("sync")).to_have_text(re.compile(r"^1,000 contacts read in .+: 1,000 new, 0 changed"), timeout=90_000)
    page.goto("/records/contacts")
    expect(page.locator(".x-pager")).to_contain_text("50 of 1,000")

    _route_an_order(page, running)

    _let_happen(page, "Expire tokens", "Every access token has ended")
    page.goto(at)
    page.get_by_role("button", name="Test", exact=True).click()
    expect(told).to_contain_text("answered as it should")
    expect(page.locator(".x-step", has_text="The access token was refreshed")).to_be_visible()
    expect(page.locator(".x-main").get_by_text("Active", exact=True)).to_be_visible()

    _let_happen(page, "Withdraw grants", "Every grant was withdrawn")
    page.goto(at)
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator(".x-main").get_by_text("Needs reconnect")).to_be_visible()
    expect(page.get_by_test_id("sentence")).to_contain_text("withdrew")
    expect(page.get_by_test_id("next-step")).to_contain_text("Reconnect")

    page.get_by_role("button", name="Reconnect").click()
    page.get_by_role("button", name="Allow").click()
    expect(told).to_contain_text("Reconnected as ada@sandbox.example")
    assert page.url.partition("?")[0] == at

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Disconnect…").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(told).to_contain_text(re.compile("Disconnected. .*revoked"))
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()
    expect(account).to_contain_text("None")


def _connect(page: Page) -> None:
    """By the button of its tile: first denied, then allowed."""
    page.goto("/settings/integrations")
    page.get_by_role("link", name="Browse the catalogue").click()
    _deny(page, is_on=True)
    page.goto(CATALOGUE)
    page.get_by_role("button", name="Connect Sandbox").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_test_id("sentence")).to_contain_text(re.compile("denied|declined|refused", re.IGNORECASE))
    expect(page.get_by_test_id("next-step")).to_contain_text("Press Connect again")
    at = page.url.partition("?")[0]
    _deny(page, is_on=False)
    page.goto(at)
    page.get_by_role("button", name="Connect", exact=True).click()
    page.get_by_role("button", name="Allow").click()
    expect(page.get_by_test_id("told")).to_contain_text("Connected as ada@sandbox.example")


def _route_an_order(page: Page, running: Installation) -> None:
    """A template makes a route to the sandbox; an order that is published goes through it, and its run says what was sent."""
    page.goto("/settings/routes")
    page.get_by_role("link", name="Browse templates").click()
    page.locator("[data-template=new_order_to_slack]").get_by_role("button", name="Install…").click()
    page.get_by_role("dialog").get_by_role("button", name="Install").click()
    made = page.get_by_test_id("installed").get_by_role("link", name="New orders to Slack")
    expect(made).to_be_visible()
    place = made.get_attribute("href")
    key = story.create_key(page, "Shop", "events:write")
    order = {"external_id": "4711", "provider": "generic", "order_type": "pickup", "total": 42.5, "currency": "EUR"}
    story.publish(running, key, order, webhooks=0)
    story.close_secret(page)
    page.goto(place or "")
    expect(page.locator("tbody tr", has_text="Done")).to_contain_text("New order 4711 (generic, pickup): 42.5 EUR")


def _deny(page: Page, *, is_on: bool) -> None:
    """Set the switch by which whoever presses Allow is denied."""
    page.goto(SANDBOX)
    page.locator("input[name=deny_consent]").set_checked(is_on)
    page.get_by_role("button", name="Set switches").click()
    expect(page.get_by_text("Set. The next call meets it.")).to_be_visible()


def _let_happen(page: Page, button: str, toast: str) -> None:
    page.goto(SANDBOX)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_text(toast)).to_be_visible()
