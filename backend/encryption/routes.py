"""`/api/v1/instance/encryption-keys`."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import Field

from backend.core import permissions, web
from backend.core.web import Out
from backend.encryption import service
from backend.models import KeyRotation

router = web.Router(prefix="/instance/encryption-keys", tags=["instance"])


class KeyRotationOut(Out):
    """A re-encryption of everything under the current key."""

    id: str
    to_key_id: str = Field(examples=["9f3a1c20"])
    status: str = Field(description="running, verifying, done or failed", examples=["running"])
    total: int = Field(description="Values that were sealed under an older key when it began.")
    done: int
    checked: int = Field(description="Values that were opened once more after it.")
    failed: int = Field(description="Values that do not open.")
    error: str
    created_by_name: str
    created_at: datetime
    finished_at: datetime | None


class EncryptionKeysOut(Out):
    """Which values refer to which key. Keys are named by their ids, which tell nothing of them."""

    current_key_id: str = Field(examples=["9f3a1c20"])
    configured: list[str]
    sealed: dict[str, int] = Field(description="Sealed values by key.", examples=[{"9f3a1c20": 240}])
    compared: dict[str, int] = Field(description="Hashed secrets by key; each moves when it is next used.", examples=[{"9f3a1c20": 12}])
    missing: dict[str, int] = Field(description="Values whose key is not configured.", examples=[{}])
    removable: list[str] = Field(description="Keys that may be taken out of ENCRYPTION_KEY.")
    rotation: KeyRotationOut | None

    @classmethod
    def of(cls, found: service.Standing) -> Self:
        """From what the service says."""
        return cls(
            current_key_id=found.current_key_id,
            configured=list(found.configured),
            sealed=found.sealed,
            compared=found.compared,
            missing=found.missing,
            removable=found.removable,
            rotation=_shown(found.rotation) if found.rotation is not None else None,
        )


@router.get("", **web.needs(permissions.ENCRYPTION_READ))
def read_encryption_keys(session: web.ReadSession, actor: web.CurrentActor) -> EncryptionKeysOut:
    """Which values are sealed under which key, which keys may go, and how a rotation goes."""
    return EncryptionKeysOut.of(service.standing(session, actor=actor))


@router.post("/rotate", status_code=202, **web.needs(permissions.ENCRYPTION_WRITE))
def rotate_encryption_key(session: web.WriteSession, actor: web.CurrentActor) -> KeyRotationOut:
    """Re-encrypt everything under the first key of ENCRYPTION_KEY, in the background; then open every value once more."""
    return _shown(service.begin(session, actor=actor))


def _shown(row: KeyRotation) -> KeyRotationOut:
    return KeyRotationOut.model_validate(row)
