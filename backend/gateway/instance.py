"""What the operator decides for the whole installation at the door, kept as one instance setting."""

from __future__ import annotations

import time
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlmodel import Session, select

from backend.core import ids, permissions, web
from backend.core.actor import Actor
from backend.models import InstanceSetting

_NAME = "gateway"
_STALE_SECONDS = 0.9


class GatewaySettings(BaseModel):
    """Whether a key may come in the query."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    query_keys: bool = True


class _Remembered:
    value = GatewaySettings()
    until = 0.0


def read(session: Session) -> GatewaySettings:
    """The settings as they are stored, else their defaults."""
    row = _row(session)
    return GatewaySettings.model_validate(row.value if row is not None else {})


def change(session: Session, *, actor: Actor, changes: dict[str, Any]) -> GatewaySettings:
    """Change the given settings, on every process within a second. For super administrators."""
    permissions.require(actor, permissions.INSTANCE_READ)
    changed = GatewaySettings.model_validate({**read(session).model_dump(), **changes})
    row = _row(session)
    if row is None:
        session.add(InstanceSetting(id=ids.new("set"), name=_NAME, value=changed.model_dump()))
    else:
        row.value = changed.model_dump()
    return changed


async def allows_query_keys() -> bool:
    """Whether keys may come in the query; as of at most a second ago."""
    if _Remembered.until < time.monotonic():
        until = time.monotonic() + _STALE_SECONDS
        _Remembered.value = await web.in_transaction(read)
        _Remembered.until = until
    return _Remembered.value.query_keys


def forget() -> None:
    """Read the settings anew at their next use."""
    _Remembered.until = 0.0


def _row(session: Session) -> InstanceSetting | None:
    return session.exec(select(InstanceSetting).where(InstanceSetting.name == _NAME)).first()
