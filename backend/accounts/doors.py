"""Coming in: the one flow of sign-in that both the console's form and the API's token route follow.

The password is checked outside any transaction, in threads of its own, so that argon2's time holds up no database work.
"""

from __future__ import annotations

import anyio
import anyio.to_thread
from anyio import CapacityLimiter

from backend.accounts import attempts, members, passwords, service, sessions
from backend.accounts.sessions import SessionInfo
from backend.core import web
from backend.core.errors import Unauthenticated
from backend.core.web import Caller

_HASHING_THREADS = 2
_WAITS = (0.1, 0.2, 0.3, *(0.4,) * 13)  # seconds before each further try to begin
_limiter: CapacityLimiter | None = None


async def sign_in(*, email: str, password: str, workspace: str | None, caller: Caller, kind: str = "console") -> tuple[str, SessionInfo]:
    """Sign in: the session's token and what it stands for. Raises `Unauthenticated`, `RateLimited`."""
    credentials = await _begin(email, caller.ip)
    right = await anyio.to_thread.run_sync(passwords.verify, credentials.password_hash, password, limiter=_threads())
    if not right:
        await web.in_transaction(service.fail_sign_in, write=True, credentials=credentials)
        raise Unauthenticated("The e-mail address or the password is wrong. Check both and try again.", "credentials")
    try:
        return await web.in_transaction(
            service.finish_sign_in, write=True, credentials=credentials, workspace=workspace, caller=caller, kind=kind
        )
    except Unauthenticated as error:
        await web.in_transaction(service.fail_sign_in, write=True, credentials=credentials, reason=error.reason)
        raise


async def set_up(*, token: str, email: str, name: str, password: str, workspace: str, caller: Caller) -> tuple[str, SessionInfo]:
    """Make the first administrator. Raises `Invalid`, `Unauthenticated`, `Conflict`."""
    service.check_person(email=email, password=password)
    await web.in_transaction(service.check_setup, token=token)
    password_hash = await _hash(password)
    return await web.in_transaction(
        service.complete_setup, write=True, token=token, email=email, name=name, password_hash=password_hash,
        workspace=workspace, caller=caller,
    )  # fmt: skip


async def accept_invitation(*, token: str, email: str, name: str, password: str) -> None:
    """Join a workspace as a new user. Raises `Invalid`, `Unauthenticated`, `Conflict`."""
    service.check_person(email=email, password=password)
    await web.in_transaction(members.check_invitation, token=token, email=email)
    password_hash = await _hash(password)
    await web.in_transaction(members.accept, write=True, token=token, email=email, name=name, password_hash=password_hash)


async def session_of(token: str) -> SessionInfo | None:
    """What a console's token stands for now."""
    return await web.in_transaction(sessions.resolve, token=token) if token else None


async def _begin(email: str, ip: str) -> service.Credentials:
    """Begin to sign in, once there is a place: others that are being checked now have failed, or not, in a moment."""
    for seconds in _WAITS:
        try:
            return await web.in_transaction(service.begin_sign_in, write=True, email=email, ip=ip)
        except attempts.BeingChecked:
            await anyio.sleep(seconds)
    return await web.in_transaction(service.begin_sign_in, write=True, email=email, ip=ip)


async def _hash(password: str) -> str:
    """The password's hash. What costs this much is made only for whoever has shown a token that is valid, since sign-ins wait behind it."""
    return await anyio.to_thread.run_sync(passwords.hash_password, password, limiter=_threads())


def _threads() -> CapacityLimiter:
    global _limiter
    if _limiter is None:
        _limiter = CapacityLimiter(_HASHING_THREADS)
    return _limiter
