"""Owns live updates: one subscription per web process wakes the open pages of a workspace; a poll is the net under it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Final

import reflex as rx
from redis.exceptions import RedisError

from backend.core import queue
from backend.core.logging import logger
from console import auth

POLL_SECONDS: Final = 15.0
_QUIET_SECONDS: Final = 0.5  # at most two updates a second for one page
_RETRY_SECONDS: Final = 2.0
_CHANNEL: Final = "ws:*"
_log = logger(__name__)
_is_open: Callable[[str], bool] = bool
_waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)


async def changes(state: rx.State, *, poll: float = POLL_SECONDS) -> AsyncIterator[None]:
    """Yields when something in the tab's workspace may have changed, and every `poll` seconds; ends with `Unauthenticated` as the session does.

    For background handlers started by a page's load, which end when the page is left or the tab closed.
    """
    workspace, client = (await auth.actor_of(state)).workspace_id, state.router.session.client_token
    changed = asyncio.Event()
    _waiting[workspace].add(changed)
    try:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), poll)
            changed.clear()
            if not _is_open(client):  # whoever starts it without a page's load is not stopped by the framework
                return
            began = time.monotonic()
            yield
            await asyncio.sleep(max(0.0, _QUIET_SECONDS - (time.monotonic() - began)))
    finally:
        _waiting[workspace].discard(changed)


def bind(is_open: Callable[[str], bool]) -> None:
    """Say how to tell whether the tab of a client token is connected."""
    global _is_open
    _is_open = is_open


def wake(workspace_id: str) -> None:
    """Wake the open pages of a workspace."""
    for changed in _waiting.get(workspace_id, ()):
        changed.set()


async def listen() -> None:
    """The process's one subscription; a lifespan task. Without Redis the polls go on alone."""
    while True:
        try:
            subscription = queue.async_redis(blocking=True).pubsub(ignore_subscribe_messages=True)
            async with subscription:
                await subscription.psubscribe(_CHANNEL)
                async for message in subscription.listen():
                    wake(message["channel"].decode().partition(":")[2])
        except (RedisError, OSError) as error:
            _log.info("console.live_away", error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
