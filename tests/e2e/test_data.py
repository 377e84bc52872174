"""Records, orders and logs in a browser: a starter set, a record with mistakes, an order that moves on, and what was noted of it all."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.installation import Installation
from tests.e2e import story

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]
ORDER = {
    "branch_id": "branch-1",
    "order_type": "pickup",
    "external_id": "4711",
    "customer_name": "Ada Byron",
    "currency": "AED",
    "items": [{"product_id": "margherita", "quantity": 3, "unit_price": 8.125}],
}


def test_records_and_orders_are_kept_and_their_traces_found(page: Page, running: Installation) -> None:
    story.sign_in(page, running)
    key = story.create_key(page, "Shop", "orders:write")

    page.goto("/records")
    page.get_by_role("button", name="Install CRM").click()
    page.get_by_role("link", name="Contacts", exact=True).click()
    expect(page.get_by_text("There are no records of Contacts yet")).to_be_visible()
    _make_a_contact(page)

    placed = httpx.post(f"{running.address}/api/v1/orders", json=ORDER, headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert placed.status_code == 201, placed.text
    _move_the_order(page)
    _find_the_traces(page, placed.headers["x-request-id"])


def _make_a_contact(page: Page) -> None:
    """Every mistake is told beside its field, what was typed stays, and the record is found by its words."""
    page.get_by_role("link", name="New record").first.click()
    email = page.locator("[id='f:email']")
    email.fill("ada@nowhere")
    page.locator("[id='f:first_name']").fill("Ada")
    page.get_by_role("button", name="Create record").click()
    expect(page.locator(".x-field", has=email)).to_contain_text("Is no e-mail address. Write it as ada@example.com.")
    email.fill("ada@example.com")
    page.locator("[id='f:last_name']").fill("Byron")
    page.get_by_role("button", name="Create record").click()
    expect(page.get_by_role("heading", name="Ada Byron", level=1)).to_be_visible()
    page.goto("/records/contacts?q=byr")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto("/records/contacts?q=somebody")
    expect(page.get_by_text("Nothing matches these filters.")).to_be_visible()


def _move_the_order(page: Page) -> None:
    page.goto("/orders")
    page.locator("tbody tr").get_by_role("link", name="4711").click()
    expect(page.get_by_test_id("totals")).to_contain_text("AED 24.375")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_test_id("sentence")).to_have_text("Confirmed. It can become preparing or cancelled.")
    page.get_by_role("link", name="order.confirmed").click()
    expect(page.get_by_role("heading", name="order.confirmed", level=1)).to_be_visible()


def _find_the_traces(page: Page, request_id: str) -> None:
    """The request by its id, and what it published; in the audit what was done, its chain whole, and as a file."""
    page.goto(f"/settings/logs?q={request_id}")
    page.locator("tbody tr").get_by_role("link").click()
    expect(page.get_by_test_id("sentence")).to_contain_text("Answered 201")
    page.get_by_role("link", name="Events that it published").click()
    expect(page.locator("tbody").get_by_role("link", name="order.created")).to_be_visible()
    page.goto("/settings/logs?tab=audit")
    expect(page).to_have_url(re.compile("/settings/logs/audit$"))
    page.goto("/settings/logs/audit?action=module")
    expect(page.locator("tbody tr").last).not_to_contain_text("soon")  # sealed by now
    page.get_by_role("button", name="Verify chain").click()
    expect(page.get_by_text("The chain is whole")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.startswith("audit-")
