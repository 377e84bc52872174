"""Owns what comes in over a tab's websocket: what no page of ours sends is dropped before the framework, which would write it into the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reflex.app import EventNamespace
from reflex_base.registry import RegistrationContext

from backend.accounts import cookies
from console import auth

_TEXTS = ("pathname", "asPath")


def guard(namespace: EventNamespace) -> None:
    """Let only sound events through to the framework, and what pages report only of those who are signed in."""
    take, report = namespace.on_event, namespace.on_client_error

    async def on_event(sid: str, data: Any = None, *_more: Any) -> None:
        if sid in namespace.sid_to_token and is_sound(data):
            await take(sid, data)

    async def on_client_error(sid: str, data: Any = None, *_more: Any) -> None:
        cookie = str(namespace._static_router_data.get(sid, {}).get("headers", {}).get("cookie", ""))  # noqa: SLF001 - the framework offers no public way
        if await auth.lookup(cookies.read(cookie)) is not None:
            await report(sid, data)

    # A socket's events are looked up on the object by their names, and so is what comes with its opening.
    vars(namespace).update(on_event=on_event, on_client_error=on_client_error)


def is_sound(data: Any) -> bool:
    """Whether it is an event of a handler that there is, in the form in which pages send it."""
    if not isinstance(data, Mapping) or not isinstance(data.get("name"), str):
        return False
    router = data.get("router_data", {})
    return (
        data["name"] in RegistrationContext.get().event_handlers
        and isinstance(data.get("payload", {}), Mapping)
        and isinstance(router, Mapping)
        and all(isinstance(router.get(name, ""), str) for name in _TEXTS)
        and isinstance(query := router.get("query", {}), Mapping)
        and all(isinstance(value, str | list) for value in query.values())
    )
