"""Owns who may do what in the console: the session behind the cookie, and the gate that denies every event by default."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import reflex as rx
from reflex.state import StateUpdate
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext

from backend.accounts import cookies, sessions
from backend.accounts import service as accounts
from backend.accounts.sessions import SessionInfo
from backend.core import client_ip, permissions
from backend.core.actor import Actor
from backend.core.errors import Conflict, Unauthenticated
from backend.core.logging import logger
from backend.core.permissions import Permission
from backend.settings import settings
from console import payloads, threads

Handler = TypeVar("Handler", bound=Callable[..., Any])

_CACHE_SECONDS: Final = 1.0
_CACHE_SIZE: Final = 2000
_TAG: Final = "_needs"
_REPORT: Final = "handle_frontend_exception"
# What the framework itself sends: connecting, navigating, browser storage.
_FRAMEWORK_EVENTS: Final = frozenset(
    {"hydrate", "hydrate_and_load", "on_load_internal", "set_is_hydrated", "update_vars_internal", _REPORT}
)
# A tab whose state belongs to someone else, or to another workspace, starts over with a fresh one.
_START_OVER: Final = "sessionStorage.removeItem('token');location.reload()"

PUBLIC: Final = Permission("public", None, permissions.SIGNED_IN.role)
# On a handler that pages share: each page's class puts the permission in its place that its own reading needs (states.Page).
PAGE: Final = Permission("page", None, permissions.INSTANCE_READ.role)

_log = logger(__name__)
_known: dict[str, tuple[float, SessionInfo | None]] = {}
_setup_done = False


def needs(permission: Permission) -> Callable[[Handler], Handler]:
    """Mark an event handler with the permission it needs; goes below `@rx.event`. A handler without a mark is never run."""

    def mark(handler: Handler) -> Handler:
        setattr(handler, _TAG, permission)
        return handler

    return mark


def permission_of(event_name: str) -> Permission | None:
    """The permission that the handler of an event was marked with; None if it has none or does not exist."""
    registered = RegistrationContext.get().event_handlers.get(event_name)
    return mark_of(registered.handler.fn) if registered else None


def mark_of(handler: Callable[..., Any]) -> Permission | None:
    """The permission that a handler was marked with; None if it has none."""
    return getattr(handler, _TAG, None)


def is_framework_event(event_name: str) -> bool:
    """Whether an event is the framework's own and safe for anybody."""
    state, _, name = event_name.rpartition(".")
    return name in _FRAMEWORK_EVENTS and (state == "reflex___state____state" or state.startswith("reflex___state____state.reflex___"))


async def lookup(token: str) -> SessionInfo | None:
    """What a session's token stands for, at most one second old; None if it is not valid."""
    if not token:
        return None
    now = time.monotonic()
    known = _known.get(token)
    if known is not None and known[0] > now:
        return known[1]
    info = await threads.in_transaction(lambda session: sessions.resolve(session, token))
    if len(_known) >= _CACHE_SIZE:
        _known.clear()
    _known[token] = (now + _CACHE_SECONDS, info)
    return info


def forget(user_id: str) -> None:
    """Let what somebody may do be looked up anew at once, since it was changed just now."""
    for token in [token for token, (_, info) in _known.items() if info is not None and info.user_id == user_id]:
        del _known[token]


async def setup_needed() -> bool:
    """Whether nobody has been made yet; asked until it is no longer so."""
    global _setup_done
    if not _setup_done:
        _setup_done = not await threads.in_transaction(accounts.setup_needed)
    return not _setup_done


async def is_setup_link(token: str) -> bool:
    """Whether the set-up link with this token works."""
    try:
        await threads.in_transaction(lambda session: accounts.check_setup(session, token=token))
    except (Conflict, Unauthenticated):
        return False
    return True


def token_of(state: rx.State) -> str:
    """The session's token that a tab's websocket was opened with."""
    return cookies.read(state.router.headers.cookie)


async def actor_of(state: rx.State) -> Actor:
    """Who is acting in a tab. Raises `Unauthenticated` when the session is over."""
    info = await lookup(token_of(state))
    if info is None:
        raise Unauthenticated("Your session is over. Sign in again.", "session")
    forwarded = str(state.router.headers.raw_headers.get("x-forwarded-for", ""))
    ip = client_ip.resolve(state.router.session.client_ip, forwarded, settings().trusted_proxies)
    return sessions.actor_for(info, ip=ip, user_agent=state.router.headers.user_agent[:400])


class BoundState(rx.State):
    """Whose tab this is; nothing of it reaches the browser."""

    _owner: str = ""


class Gate(rx.Middleware):
    """Runs before every event: denies what is not marked, what the role does not allow, and tabs of somebody else."""

    async def preprocess(self, app: rx.App, state: Any, event: Event) -> StateUpdate | None:  # noqa: ARG002 - the framework's signature
        """None lets the event through."""
        root = state._get_root_state()  # noqa: SLF001 - the framework offers no public way
        info = await lookup(token_of(root))
        owner = f"{info.user_id}/{info.workspace_id}" if info else ""
        bound = await root.get_state(BoundState)
        if bound._owner and bound._owner != owner:  # noqa: SLF001 - a backend variable of our own
            return _stop(rx.call_script(_START_OVER))
        if owner and not bound._owner:  # noqa: SLF001
            bound._owner = owner  # noqa: SLF001
        if is_framework_event(event.name):
            is_report = event.name.endswith(f".{_REPORT}")
            is_unwanted = (is_report and info is None) or not payloads.fits(event)  # a stranger writes nothing into the log
            return StateUpdate() if is_unwanted else None
        needed = permission_of(event.name)
        if needed is None:
            return _denied("unmarked")
        refusal = None if needed is PUBLIC else _refusal(info, needed)
        return refusal or (None if payloads.fits(event) else _denied("payload"))


def _refusal(info: SessionInfo | None, needed: Permission) -> StateUpdate | None:
    if info is None:
        return _stop(rx.redirect("/login"))
    if permissions.allows(sessions.actor_for(info), needed):
        return None
    return _stop(rx.toast.error(f"This needs the role {needed.role}; yours is {info.role}. Ask an owner of the workspace."))


def _denied(reason: str) -> StateUpdate:
    _log.warning("console.event_denied", reason=reason)
    return _stop(rx.toast.error("That is not something the console can do."))


def _stop(*events: Any) -> StateUpdate:
    return StateUpdate(events=Event.from_event_type(list(events)))
