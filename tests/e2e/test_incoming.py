"""A newcomer's incoming webhook: made for GitHub, mapped by clicking what GitHub sent, tried, saved, and followed to the event that goes out."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from backend.incoming import presets
from tests.acceptance.installation import Installation
from tests.e2e import story

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]
SECRET = "It's a Secret to Everybody"


def test_a_newcomer_turns_issues_of_github_into_records_by_clicking(page: Page, running: Installation) -> None:
    story.sign_in(page, running)
    page.goto("/records")
    page.get_by_role("button", name="Install CRM").click()
    expect(page.get_by_role("link", name="Tickets", exact=True)).to_be_visible()
    story.create_webhook(page, story.receiver_url(page), "record.created")
    address = _create(page)

    expect(page.get_by_test_id("waiting").first).to_be_visible()
    assert _post(address, "1").json()["status"] == "accepted"
    sample = page.get_by_test_id("sample")
    expect(page.get_by_text("Captured request")).to_be_visible()
    _map(page, "repository.full_name", "assigned_to")
    _map(page, "issue.user.login", "email")
    page.get_by_role("button", name="Map nothing to email").click()
    _map(page, "issue.html_url", "description")
    expect(sample.locator("[aria-pressed=true]")).to_have_count(0)

    page.get_by_role("button", name="Dry run").click()
    trials = page.get_by_test_id("trials")
    expect(trials).to_contain_text("Would create")
    expect(trials).to_contain_text("octocat/Hello-World")
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_text("Not saved yet")).to_have_count(0)

    made = _post(address, "2").json()
    _look(page, made)


def _create(page: Page) -> str:
    """Choose the source, give its secret; the address as it is shown once."""
    page.goto("/settings/incoming")
    page.get_by_role("link", name="Create incoming webhook").first.click()
    page.locator("#source").select_option("github")
    expect(page.locator("#module")).to_have_value("tickets")
    page.locator("input[name=secret]").fill(SECRET)
    page.get_by_role("button", name="Create incoming webhook").click()
    shown = page.get_by_test_id("secret")
    expect(shown).to_have_text(re.compile(r"^http\S+/api/v1/webhooks/incoming/xdi_[0-9A-Za-z]+$"))
    address = shown.inner_text()
    story.close_secret(page)
    expect(page.get_by_role("heading", name="GitHub", level=1)).to_be_visible()
    return address


def _post(address: str, delivery: str) -> httpx.Response:
    """What GitHub sends when an issue is opened, signed as it signs."""
    preset = presets.find("github")
    assert preset is not None
    payload: dict[str, Any] = json.loads(json.dumps(preset.sample))
    body = json.dumps(payload).encode()
    headers = {
        "content-type": "application/json",
        "x-github-event": "issues",
        "x-github-delivery": delivery,
        "x-hub-signature-256": "sha256=" + hmac.digest(SECRET.encode(), body, hashlib.sha256).hex(),
    }
    answer = httpx.post(address, content=body, headers=headers, timeout=20)
    assert answer.status_code == 201, answer.text
    return answer


def _map(page: Page, path: str, target: str) -> None:
    """Click a value of the sample, then the field that takes it."""
    leaf = page.locator(f"[data-leaf='{path}']")
    leaf.click()
    expect(leaf).to_have_attribute("aria-pressed", "true")
    field = page.locator(f"[data-field='{target}']")
    field.click()
    expect(field).to_contain_text(path)


def _look(page: Page, made: dict[str, Any]) -> None:
    """The request with the verdict of each step, the record that it made, and the event that went out."""
    page.get_by_role("link", name="Requests", exact=True).click()
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(2)
    rows.first.get_by_role("link").click()
    expect(page.get_by_test_id("sentence")).to_have_text("A record was created.")
    expect(page.locator(".x-story")).to_contain_text("The signature matches.")
    page.get_by_role("link", name="Events that it published").click()
    expect(page.locator("tbody").get_by_role("link", name="record.created")).to_be_visible()
    page.goto(f"/records/tickets/{made['id']}")
    expect(page.get_by_role("heading", name="Found a bug", level=1)).to_be_visible()
    expect(page.locator("body")).to_contain_text("octocat/Hello-World")
    page.goto("/settings/deliveries")
    expect(page.locator("tbody tr").first).to_contain_text("record.created")
    expect(page.locator("tbody tr").first).to_contain_text("Delivered")
