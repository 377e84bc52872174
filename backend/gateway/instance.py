"""What the operator decides for the whole installation at the door, kept as one instance setting."""

from __future__ import annotations

import time
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import Session, select

from backend.core import ids, permissions, web
from backend.core.actor import Actor
from backend.core.errors import Invalid, Unavailable
from backend.core.validation import from_framework
from backend.models import InstanceSetting

_NAME = "gateway"
_STALE_SECONDS = 0.9
Limit = Annotated[int, Field(ge=1, le=1_000_000)]


class GatewaySettings(BaseModel):
    """Whether a key may come in the query, requests per minute of an address without a credential, and per minute of each caller
    by endpoint (`POST /api/v1/events`: 600).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    query_keys: bool = True
    anonymous_per_minute: Limit = 100
    endpoint_limits: dict[Annotated[str, Field(pattern=r"^(GET|POST|PUT|PATCH|DELETE) /\S*$")], Limit] = Field(default_factory=dict)


class _Remembered:
    value = GatewaySettings()
    until = 0.0


def read(session: Session) -> GatewaySettings:
    """The settings as they are stored, else their defaults."""
    row = _row(session)
    return GatewaySettings.model_validate(row.value if row is not None else {})


def change(session: Session, *, actor: Actor, changes: dict[str, Any]) -> GatewaySettings:
    """Change the given settings, on every process within a second. For super administrators. Raises `Invalid`."""
    permissions.require(actor, permissions.INSTANCE_READ)
    try:
        changed = GatewaySettings.model_validate({**read(session).model_dump(), **changes})
    except ValidationError as error:
        problem = from_framework(error.errors(), known=GatewaySettings.model_fields)
        raise problem if isinstance(problem, Invalid) else error from None
    row = _row(session)
    if row is None:
        session.add(InstanceSetting(id=ids.new("set"), name=_NAME, value=changed.model_dump()))
    else:
        row.value = changed.model_dump()
    return changed


async def current() -> GatewaySettings:
    """The settings as of at most a second ago; longer while the database is away."""
    if _Remembered.until < time.monotonic():
        _Remembered.until = time.monotonic() + _STALE_SECONDS  # who comes meanwhile does not wait
        try:
            _Remembered.value = await web.in_transaction(read)
        except Unavailable:
            return _Remembered.value
    return _Remembered.value


def forget() -> None:
    """Read the settings anew at their next use."""
    _Remembered.value, _Remembered.until = GatewaySettings(), 0.0


def _row(session: Session) -> InstanceSetting | None:
    return session.exec(select(InstanceSetting).where(InstanceSetting.name == _NAME)).first()
