"""Encryption keys for owners: which rows refer to which key, and the rotation to the current one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from backend.audit import service as audit
from backend.core import crypto, permissions
from backend.core.actor import Actor
from backend.encryption import rotation
from backend.encryption.sealed import COLUMNS, COMPARED
from backend.models import KeyRotation


@dataclass(frozen=True, slots=True)
class Standing:
    """How the keys stand. A key that no row refers to may be taken out of ENCRYPTION_KEY."""

    current_key_id: str
    configured: tuple[str, ...]
    sealed: dict[str, int]  # values by the id of their key
    compared: dict[str, int]  # hashed secrets, which move when they are next used
    rotation: KeyRotation | None  # the last one

    @property
    def missing(self) -> dict[str, int]:
        """Values whose key is not configured: nobody can open them."""
        return {key: number for key, number in self.sealed.items() if key not in self.configured}

    @property
    def removable(self) -> list[str]:
        """Older keys that nothing refers to any more."""
        used = {*self.sealed, *self.compared, self.current_key_id}
        return [key for key in self.configured if key not in used]


def standing(session: Session, *, actor: Actor) -> Standing:
    """Which rows refer to which key, over the whole installation, and how the last rotation goes."""
    permissions.require(actor, permissions.ENCRYPTION_READ)
    return survey(session)


def survey(session: Session) -> Standing:
    """The same for whoever looks after the installation at its command line."""
    ring = crypto.keyring()
    last = session.exec(select(KeyRotation).order_by(col(KeyRotation.id).desc()).limit(1)).first()
    return Standing(ring.current_id, ring.key_ids, _sealed(session), _compared(session), last)


def begin(session: Session, *, actor: Actor) -> KeyRotation:
    """Re-encrypt everything under the current key, in the background. Raises `Conflict` where there is one key only."""
    permissions.require(actor, permissions.ENCRYPTION_WRITE)
    row = rotation.begin(session, workspace_id=actor.workspace_id, created_by=actor.id, created_by_name=actor.name[:200])
    audit.record(
        session,
        actor=actor,
        action="encryption_key.rotation_begun",
        target_kind="encryption_key",
        target_id=row.to_key_id,
        after={"total": row.total},
    )
    return row


def _sealed(session: Session) -> dict[str, int]:
    found: Counter[str] = Counter()
    for column in COLUMNS:
        key: Any = func.substr(column.field, 4, 8)  # v1.<key id>.…
        query = select(key, func.count()).select_from(column.model).where(col(column.field).is_not(None)).group_by(key)
        found.update({str(name): int(number) for name, number in session.exec(query).all()})
    return dict(found)


def _compared(session: Session) -> dict[str, int]:
    found: Counter[str] = Counter()
    for model in COMPARED:
        key: Any = getattr(model, "mac_key_id")  # noqa: B009 - each of them has it
        found.update({str(name): int(number) for name, number in session.exec(select(key, func.count()).group_by(key)).all()})
    return dict(found)
