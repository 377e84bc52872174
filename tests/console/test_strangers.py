"""Every address of the web process that is no API: which open to somebody who has not signed in."""

from __future__ import annotations

import re

import httpx

from tests.console import handlers
from tests.console.conftest import Web
from tests.factories import accounts

OPEN_PAGES = {"login", "invitation"}
# What the framework serves beside pages; `/ping` says that the process is there, the rest is hidden.
OF_THE_FRAMEWORK = {"/ping": 200, "/_health": 404, "/_upload": 404, "/_all_routes": 404, "/auth-codespace": 404}


def test_every_page_but_these_leads_a_stranger_to_sign_in(web: Web) -> None:
    from console.console import app

    handlers.of_the_console()
    accounts.workspace()
    pages = set(app._load_events) | set(app._unevaluated_pages)
    assert len(pages) > len(OPEN_PAGES) + 8
    opened = set()
    for page in pages:
        path = re.sub(r"\[+[^\]]+\]+", "x", "" if page == "index" else page)
        answer = httpx.get(f"{web.address}/{path}")
        if answer.status_code != 303 or not answer.headers["location"].startswith("/login"):
            opened.add(page)
    assert opened - {"404"} == OPEN_PAGES


def test_what_the_framework_serves_beside_pages_says_nothing(web: Web) -> None:
    for path, status in OF_THE_FRAMEWORK.items():
        for method in ("GET", "POST"):
            answer = httpx.request(method, web.address + path)
            assert answer.status_code in {status, 400, 404, 405}, (method, path)
            assert len(answer.text) < 200, (method, path)
