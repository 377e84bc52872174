"""Owns what the set-up and sign-in pages read from their address."""

from __future__ import annotations

import reflex as rx

from console import auth
from console.auth import PUBLIC, needs

_WORDS = {
    "credentials": "The e-mail address or the password is not right.",
    "busy": "Too many sign-ins are being checked at once. Wait a second, then try again.",
    "locked": "Too many failed attempts from here. Wait 15 minutes, then try again.",
    "token": "This set-up link is not valid any more. Restart Crossdock and open the link it prints.",
    "password": "The password is too weak. Use at least 12 characters that are not your address or a common phrase.",
    "email": "That is not an e-mail address. Write it as name@example.com.",
    "taken": "There is an administrator already. Sign in, or ask for an invitation.",
    "expired": "Your session is over. Sign in again.",
    "workspace": "The workspace needs a name of 1 to 120 characters.",
    "unavailable": "The database cannot be reached for now. Try again in a moment.",
}
_FIELDS = ("workspace", "email", "password")
_INVITATION_WORDS = {
    "token": "This invitation is not valid any more, or is for another e-mail address. Ask for a new one.",
    "taken": "There is already a user with that e-mail address, or you are a member. Sign in, then open the link again.",
}


class DoorState(rx.State):
    """The address's token, target and errors; those of fields by their names."""

    error: str = ""
    errors: dict[str, str] = {}  # noqa: RUF012 - the framework copies it
    is_spent: bool = False
    next: str = ""
    token: str = ""
    signed_in_as: str = ""

    @rx.event
    @needs(PUBLIC)
    async def load(self) -> None:
        """Read the address, and who is here already."""
        query = self.router.url.query_parameters
        code, path = query.get("error", ""), self.router.url.path
        words = _INVITATION_WORDS if path.startswith("/invitation") else {}
        self.errors = {name: _WORDS[name] for name in code.split(",") if name in _FIELDS}
        self.error = words.get(code) or _WORDS.get(code, "That did not work. Try again.") if code and not self.errors else ""
        wanted = query.get("next", "")
        self.next = wanted if wanted.startswith("/") and not wanted.startswith("//") else ""
        self.token = query.get("token", "")
        self.is_spent = bool(self.token) and path.startswith("/setup") and not await auth.is_setup_link(self.token)
        if self.is_spent:
            self.error = _WORDS["token"]
        info = await auth.lookup(auth.token_of(self))
        self.signed_in_as = info.user_email if info else ""
