"""What a visitor does in the console, one function a step, by the words that are on the screen."""

from __future__ import annotations

import re
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from backend.core import db
from backend.models import User
from tests.acceptance.installation import Installation
from tests.console.conftest import signed_in
from tests.factories import accounts

PERSON = {"workspace": "Acme", "name": "Ada Byron", "email": "ada@example.com", "password": "correct horse battery staple"}


def set_up(page: Page, running: Installation) -> None:
    """Follow the set-up link and become the administrator."""
    page.goto(running.events("ready")[0]["setup_link"])
    for field, value in PERSON.items():
        page.locator(f"input[name={field}]").fill(value)
    page.get_by_role("button", name="Create administrator").click()
    page.wait_for_url(f"{running.address}/")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


def sign_in(page: Page, running: Installation) -> None:
    """Begin as the owner of a new workspace, Acme, who has signed in already."""
    db.configure(running.database_url)
    owner = accounts.workspace("Acme")
    with db.transaction(write=True) as session:
        session.get_one(User, owner.id).name = PERSON["name"]
    name, _, token = signed_in(owner).partition("=")
    page.context.add_cookies([{"name": name, "value": token, "url": running.address.replace("http:", "https:")}])
    page.goto("/")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


def create_key(page: Page, name: str, *scopes: str) -> str:
    """Make a key and leave its panel open; the key as shown."""
    page.goto("/settings/api-keys")
    page.get_by_role("link", name="Create key").first.click()
    page.locator("input[name=name]").fill(name)
    for scope in scopes:
        page.locator(f"input[name='scope:{scope}']").check()
    page.get_by_role("button", name="Create key").click()
    secret = page.get_by_test_id("secret")
    expect(secret).to_have_text(re.compile(r"xdk_[0-9A-Za-z]{52}"))
    return secret.inner_text()


def receiver_url(page: Page) -> str:
    """Open the receiver's page; the URL of its inbox."""
    page.goto("/settings/receiver")
    url = page.get_by_test_id("receiver-url")
    expect(url).to_have_text(re.compile(r"^http.*/receiver/\w+"))
    return url.inner_text()


def answer_with(page: Page, mode: str) -> None:
    """Throw the receiver's switch: ok, fail, gone, hang, redirect or reset."""
    page.goto("/settings/receiver")
    switch = page.locator(f"[data-mode={mode}]")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")


def create_webhook(page: Page, url: str, *events: str) -> str:
    """Make a webhook and leave its panel open; the secret as shown."""
    page.goto("/settings/webhooks/new")
    page.locator("#url").fill(url)
    page.locator("input[name=other_events]").fill(" ".join(events))
    page.get_by_role("button", name="Create webhook").click()
    secret = page.get_by_test_id("secret")
    expect(secret).to_have_text(re.compile(r"whsec_\S+"))
    return secret.inner_text()


def close_secret(page: Page) -> None:
    """Say that it is stored, and close the panel."""
    close = page.get_by_role("button", name="Close")
    expect(close).to_be_disabled()
    page.get_by_label("I have stored it").check()
    close.click()
    expect(page.get_by_test_id("secret")).to_have_count(0)


def publish(running: Installation, key: str, data: dict[str, Any], event: str = "order.created", *, webhooks: int = 1) -> str:
    """Publish an event over HTTP, as a partner does, which goes to so many `webhooks`; its id."""
    answer = httpx.post(
        f"{running.address}/api/v1/events", json={"type": event, "data": data}, headers={"Authorization": f"Bearer {key}"}, timeout=10
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["deliveries"] == webhooks
    return answer.json()["id"]
