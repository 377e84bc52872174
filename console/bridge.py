"""Owns the console's one way into the back end: thread, transaction, actor, and errors in words."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import reflex as rx
from reflex.event import EventSpec
from sqlmodel import Session

from backend.core.actor import Actor
from backend.core.errors import CrossdockError, Invalid, Unauthenticated
from backend.core.logging import logger
from console import auth, threads

Params = ParamSpec("Params")
Result = TypeVar("Result")
_log = logger(__name__)
_MOST_REPORT: Final = 2000


async def call(
    state: rx.State, function: Callable[Concatenate[Session, Params], Result], /, *, write: bool = False, **kwargs: Any
) -> Result:
    """Call a service as the one who is signed in, for example `await bridge.call(self, webhooks.get, webhook_id=…)`.

    Raises what the service raises, `Unavailable`, and `Unauthenticated` when the session is over; what a handler does not
    catch becomes a toast.
    """
    actor = await auth.actor_of(state)
    return await threads.in_transaction(lambda session: function(session, actor=actor, **kwargs), write=write)  # type: ignore[call-arg] - every service takes the actor


async def read(state: rx.State, work: Callable[..., Result]) -> Result:
    """Several reads in one transaction: `work(session, actor)` in the thread."""
    actor = await auth.actor_of(state)
    return await threads.in_transaction(lambda session: work(session, actor))


async def ask(state: rx.State, flow: Callable[..., Result], /, **kwargs: Any) -> Result:
    """Call what asks somebody else's server, which may take seconds, makes its own transactions, and takes the actor; as `call` otherwise."""
    actor = await auth.actor_of(state)
    return await threads.waiting(partial(flow, actor=actor, **kwargs))


async def actor(state: rx.State) -> Actor:
    """Who is signed in. Raises `Unauthenticated` when the session is over."""
    return await auth.actor_of(state)


def field_errors(error: CrossdockError) -> dict[str, str]:
    """An error as sentences by field; what belongs to no field is under an empty name."""
    if not isinstance(error, Invalid) or not error.errors:
        return {"": error.detail}
    found: dict[str, str] = {}
    for item in error.errors:
        name = item.path.partition("[")[0].partition(".")[0]
        sentence = f"{item.message[:1].upper()}{item.message[1:]} {item.fix}".strip()
        told = found.get(name, "")
        found[name] = sentence if not told or sentence in told else f"{told} {sentence}"
    return found


def on_page_exception(exception: Exception) -> None:
    """What a page's scripts failed with, as the browser reports it; cut, since anybody signed in may send anything."""
    _log.error("console.page_failed", text=str(exception)[:_MOST_REPORT])


def on_exception(exception: Exception) -> EventSpec | None:
    """What a handler did not catch, as a toast: our errors in their own words, others with a number that is in the log."""
    if isinstance(exception, Unauthenticated):
        return rx.redirect("/login")
    if isinstance(exception, CrossdockError):
        return rx.toast.error(exception.detail)
    incident = secrets.token_hex(4)
    _log.error("console.handler_failed", incident=incident, exc_info=exception)
    return rx.toast.error(f"Something went wrong here, and nothing was changed. Incident {incident} is in the log.")
