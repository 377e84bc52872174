"""What the operator decides for the whole installation at the door, kept as one instance setting."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Annotated, Any

from pydantic import AwareDatetime, ConfigDict, Field, ValidationError
from sqlmodel import Session, select

from backend.audit import service as audit
from backend.core import db, ids, kinds, permissions, web
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid, Unavailable
from backend.core.validation import from_framework
from backend.gateway import versions
from backend.models import InstanceSetting

_NAME = "gateway"
_STALE_SECONDS = 0.9
Limit = Annotated[int, Field(ge=1, le=1_000_000)]


class GatewaySettings(kinds.Exact):
    """Whether a key may come in the query, requests per minute of an address without a credential, per minute of each caller
    by endpoint (`POST /api/v1/events`: 600), and when versions of the API end (`older`: 2027-06-30T00:00:00Z).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    query_keys: bool = True
    anonymous_per_minute: Limit = 100
    endpoint_limits: dict[Annotated[str, Field(pattern=r"^(GET|POST|PUT|PATCH|DELETE) /\S*$")], Limit] = Field(default_factory=dict)
    sunsets: dict[str, AwareDatetime] = Field(default_factory=dict)


class _Remembered:
    value = GatewaySettings()
    until = 0.0


class _Bound:
    routes: frozenset[str] = frozenset()


def bind(routes: Iterable[str]) -> None:
    """Say which routes there are (`POST /api/v1/events`), so that a limit on none of them is refused; the door does when it is made."""
    _Bound.routes = frozenset(routes)


def read(session: Session) -> GatewaySettings:
    """The settings as they are stored, else their defaults."""
    row = _row(session)
    return GatewaySettings.model_validate(row.value if row is not None else {})


def look(session: Session, *, actor: Actor) -> GatewaySettings:
    """The settings, for super administrators."""
    permissions.require(actor, permissions.INSTANCE_READ)
    return read(session)


def change(session: Session, *, actor: Actor, changes: Mapping[str, Any]) -> GatewaySettings:
    """Change the given settings, on every process within a second. For super administrators; audited. Raises `Invalid`.

    A table that is given replaces the one before.
    """
    permissions.require(actor, permissions.INSTANCE_WRITE)
    row = _row(session, lock=True)
    before = GatewaySettings.model_validate(row.value if row is not None else {})
    try:
        changed = GatewaySettings.model_validate({**before.model_dump(), **changes})
    except ValidationError as error:
        problem = from_framework(error.errors(), known=GatewaySettings.model_fields)
        raise problem if isinstance(problem, Invalid) else error from None
    _judge(changed)
    if changed == before:
        return changed
    value = changed.model_dump(mode="json")
    if row is None:
        row = InstanceSetting(id=ids.new("set"), name=_NAME, value=value)
        session.add(row)
    else:
        row.value = value
    old, new = audit.changes(before.model_dump(mode="json"), value)
    audit.record(
        session, actor=actor, action="gateway.updated", target_kind="instance", target_id=row.id, target_name=_NAME, before=old, after=new
    )
    db.after_commit(session, forget)
    return changed


def _judge(changed: GatewaySettings) -> None:
    """Raise `Invalid` for limits of routes that there are not, and ends of versions that there are not."""
    errors: list[FieldError] = []
    for route in sorted(changed.endpoint_limits.keys() - _Bound.routes) if _Bound.routes else ():
        near = difflib.get_close_matches(route, _Bound.routes, n=1)
        fix = f"Use the path as the documentation writes it, such as {near[0] if near else 'POST /api/v1/events'}."
        errors.append(FieldError(f"endpoint_limits.{route}", "is no call of the API.", fix))
    known = ", ".join(versions.BY_NAME)
    for name, end in changed.sunsets.items():
        version = versions.BY_NAME.get(name)
        if version is None:
            errors.append(FieldError(f"sunsets.{name}", "is no version of the API.", f"Use one of {known}."))
        elif version.deprecated_at is not None and end < version.deprecated_at:  # RFC 9745, section 4
            since = version.deprecated_at.astimezone(UTC).date()
            errors.append(FieldError(f"sunsets.{name}", f"is before it was deprecated, {since}.", "Give a later time."))
    if errors:
        raise Invalid(*errors)


async def current() -> GatewaySettings:
    """The settings as of at most a second ago; longer while the database is away."""
    if _Remembered.until < time.monotonic():
        _Remembered.until = time.monotonic() + _STALE_SECONDS  # who comes meanwhile does not wait
        try:
            _Remembered.value = await web.in_transaction(read)
        except Unavailable:
            return _Remembered.value
    return _Remembered.value


def remembered() -> GatewaySettings:
    """The settings as this process last read them."""
    return _Remembered.value


def forget() -> None:
    """Read the settings anew at their next use."""
    _Remembered.value, _Remembered.until = GatewaySettings(), 0.0


def _row(session: Session, *, lock: bool = False) -> InstanceSetting | None:
    query = select(InstanceSetting).where(InstanceSetting.name == _NAME)
    return session.exec(query.with_for_update() if lock else query).first()
