"""Coming in: the one flow of sign-in that both the console's form and the API's token route follow.

The password is checked outside any transaction, in threads of its own, so that argon2's time holds up no database work.
"""

from __future__ import annotations

import anyio.to_thread
from anyio import CapacityLimiter

from backend.accounts import passwords, service, sessions
from backend.accounts.sessions import SessionInfo
from backend.core import web
from backend.core.errors import Unauthenticated
from backend.core.web import Caller

_HASHING_THREADS = 2
_limiter: CapacityLimiter | None = None


async def hash_password(password: str) -> str:
    """The password's hash, made in a thread of its own."""
    return await anyio.to_thread.run_sync(passwords.hash_password, password, limiter=_threads())


async def sign_in(*, email: str, password: str, workspace: str | None, caller: Caller, kind: str = "console") -> tuple[str, SessionInfo]:
    """Sign in: the session's token and what it stands for. Raises `Unauthenticated`, `RateLimited`."""
    credentials = await web.in_transaction(service.begin_sign_in, write=True, email=email, ip=caller.ip)
    right = await anyio.to_thread.run_sync(passwords.verify, credentials.password_hash, password, limiter=_threads())
    if not right:
        raise Unauthenticated("The e-mail address or the password is wrong. Check both and try again.", "credentials")
    return await web.in_transaction(
        service.finish_sign_in, write=True, credentials=credentials, workspace=workspace, caller=caller, kind=kind
    )


async def set_up(*, token: str, email: str, name: str, password: str, workspace: str, caller: Caller) -> tuple[str, SessionInfo]:
    """Make the first administrator. Raises `Invalid`, `Unauthenticated`, `Conflict`."""
    service.check_person(email=email, password=password)
    password_hash = await hash_password(password)
    return await web.in_transaction(
        service.complete_setup, write=True, token=token, email=email, name=name, password_hash=password_hash,
        workspace=workspace, caller=caller,
    )  # fmt: skip


async def session_of(token: str) -> SessionInfo | None:
    """What a console's token stands for now."""
    return await web.in_transaction(sessions.resolve, token=token) if token else None


def _threads() -> CapacityLimiter:
    global _limiter
    if _limiter is None:
        _limiter = CapacityLimiter(_HASHING_THREADS)
    return _limiter
