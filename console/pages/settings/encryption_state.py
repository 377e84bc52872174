"""Owns how the encryption keys stand, and the rotation to the current one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import reflex as rx

from backend.core import permissions
from backend.core.errors import CrossdockError
from backend.encryption import service as encryption
from backend.encryption.service import Standing
from backend.models import KeyRotation
from console import bridge, words
from console.auth import needs
from console.states import Page


@dataclass
class KeyRow:
    """A key by its id, and how much refers to it; `role` is current, older, hashed, removable or missing."""

    id: str
    role: str
    sealed: str
    compared: str


class EncryptionState(Page, rx.State):
    """The keys."""

    READS: ClassVar = permissions.SIGNED_IN  # the service refuses whoever is no owner, and the page says so
    POLL: ClassVar = 2.0
    keys: list[KeyRow] = []  # noqa: RUF012 - the framework copies it
    status: str = ""
    sentence: str = ""
    width: str = ""
    percent: str = "0"
    at: str = ""
    problem: str = ""

    @rx.event
    @needs(permissions.SIGNED_IN)
    async def load(self) -> None:
        """Read them."""
        self.problem = ""
        await self._fetch()

    @rx.event
    @needs(permissions.ENCRYPTION_WRITE)
    async def rotate(self) -> Any:
        """Re-encrypt everything under the current key."""
        self.problem = ""
        try:
            await bridge.call(self, encryption.begin, write=True)
        except CrossdockError as error:
            self.problem = error.detail
            return
        await self._fetch()

    def _is_followed(self) -> bool:
        return self.status in ("running", "verifying")

    async def _fetch(self) -> None:
        found: Standing | None = await self._found(lambda session, actor: encryption.standing(session, actor=actor))
        if found is None:
            return
        names = dict.fromkeys((*found.configured, *found.missing))
        self.keys = [_key(name, found) for name in names]
        last = found.rotation
        self.status, self.sentence, self.width = (last.status, _told(last), _width(last)) if last is not None else ("", "", "0%")
        self.percent, self.at = self.width.removesuffix("%"), words.moment(last.created_at if last is not None else None)


def _key(name: str, found: Standing) -> KeyRow:
    role = (
        "current" if name == found.current_key_id else "missing" if name in found.missing else "older" if name in found.sealed else "hashed"
    )
    return KeyRow(
        name,
        "removable" if name in found.removable else role,
        words.number(found.sealed.get(name, 0)),
        words.number(found.compared.get(name, 0)),
    )


def _width(row: KeyRotation) -> str:
    """How far it is: re-encrypting is the first half, opening everything once more the second."""
    if row.status == "done":
        return "100%"
    done = 50 if row.status == "verifying" else 50 * row.done / row.total if row.total else 0
    return f"{min(done, 99):.0f}%"


def _told(row: KeyRotation) -> str:
    if row.status == "running":
        return f"{row.done:,} of {row.total:,} values re-encrypted under {row.to_key_id}."
    if row.status == "verifying":
        return f"{row.done:,} values re-encrypted; {row.checked:,} opened once more so far."
    if row.status == "done":
        return f"{row.done:,} values were re-encrypted under {row.to_key_id}, and all {row.checked:,} opened once more."
    return f"Ended with {row.failed:,} values that do not open. {row.error} Keep the older keys configured.".strip()
