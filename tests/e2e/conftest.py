"""A real browser on a real installation."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, expect, sync_playwright

from tests.acceptance.installation import Installation, installation
from tests.acceptance.partner import ADMIN
from tests.conftest import ENCRYPTION_KEY

PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium: the one that CROSSDOCK_BROWSER names, else the system's, else Playwright's own.

    One for each module: while Playwright is there, its event loop runs in this thread, and `asyncio.run` of other tests would fail.
    """
    found = os.environ.get("CROSSDOCK_BROWSER") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation for all tests, each in a workspace of its own; it may send to loopback."""
    env = {**ADMIN, "ENCRYPTION_KEY": ENCRYPTION_KEY, "CROSSDOCK_EGRESS_ALLOW": "127.0.0.0/8"}
    with installation(tmp_path_factory.mktemp("e2e") / "data", 0, **env) as started:
        yield started


@pytest.fixture
def untouched(data_dir: Path) -> Iterator[Installation]:
    """An installation that nobody has set up yet."""
    with installation(data_dir) as started:
        yield started


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser with nothing stored, whose pages are given relative addresses: of the untouched installation, where the test has one."""
    used: Installation = request.getfixturevalue("untouched" if "untouched" in request.fixturenames else "running")
    made = browser.new_context(
        base_url=used.address, viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    made.set_default_timeout(PATIENCE_MS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab; what its scripts complain about fails the test at its end."""
    return context.new_page()


class Frames:
    """Every websocket frame of a page, both ways."""

    def __init__(self, page: Page) -> None:
        self.sent: list[str] = []
        self.received: list[str] = []
        page.on("websocket", self._listen)

    def __contains__(self, text: str) -> bool:
        return any(text in frame for frame in (*self.sent, *self.received))

    def forget(self) -> None:
        """Begin anew."""
        self.sent.clear()
        self.received.clear()

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: self.sent.append(_text(frame)))
        socket.on("framereceived", lambda frame: self.received.append(_text(frame)))


def _text(frame: str | bytes) -> str:
    with contextlib.suppress(AttributeError):
        return frame.decode(errors="replace")  # type: ignore[union-attr]  # bytes have it, text does not
    return str(frame)
