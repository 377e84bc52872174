"""The documentation in a browser: calls are tried out with a key, in the dark and on a narrow screen too, and nothing leaves the machine."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.installation import Installation
from tests.acceptance.partner import Partner
from tests.e2e.conftest import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]
GUIDE = "/api/docs/guides/errors"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_a_call_is_tried_out_with_a_key(browser: Browser, running: Installation, scheme: str, width: int) -> None:
    key = Partner.newcomer(running).with_key("orders:read").http.headers["authorization"].removeprefix("Bearer ")
    context = browser.new_context(base_url=running.address, viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type] - one of its words
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto("/api/docs")
    _authorize(page, key)
    operation = page.locator("#operations-auth-read_me")
    operation.locator(".opblock-summary-control").click()
    operation.locator("button.execute").click()
    expect(operation.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text("orders:read")

    assert ("dark-mode" in (page.locator("html").get_attribute("class") or "")) == (scheme == "dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert key not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    page.goto(GUIDE)
    expect(page.locator("h2#invalid")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [url for url in asked if not url.startswith((running.address, "data:", "blob:"))] == []
    assert complaints == []
    context.close()


def test_light_and_dark_are_chosen_by_a_button_and_kept(browser: Browser, running: Installation) -> None:
    context = browser.new_context(base_url=running.address, color_scheme="light")
    page = context.new_page()
    page.goto(GUIDE)
    button = page.get_by_role("button", name="Dark")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("html")).to_have_class("dark-mode")
    context.close()


def _authorize(page: Page, key: str) -> None:
    page.locator(".auth-wrapper .authorize").first.click()
    dialog = page.locator(".modal-ux")
    dialog.locator("input").first.fill(key)
    dialog.locator(".auth-btn-wrapper .authorize").first.click()
    dialog.locator(".btn-done").first.click()
