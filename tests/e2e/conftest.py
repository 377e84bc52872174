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


@pytest.fixture
def running(data_dir: Path, free_port: int) -> Iterator[Installation]:
    """A new installation that serves."""
    with installation(data_dir, free_port) as started:
        yield started


@pytest.fixture
def context(browser: Browser, running: Installation) -> Iterator[BrowserContext]:
    """A browser with nothing stored, whose pages are given relative addresses."""
    made = browser.new_context(
        base_url=running.address, viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
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
