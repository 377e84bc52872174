"""Owns the settings of the door to the API, for the whole installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, ClassVar, Final

import reflex as rx

from backend.core import permissions
from backend.core.errors import FieldError, Invalid
from backend.gateway import instance, versions
from backend.gateway.instance import GatewaySettings
from console import bridge, inputs, words
from console.auth import needs
from console.states import Form, Page

PATH: Final = "/settings/security"
_SUNSET: Final = "sunset:"


@dataclass
class VersionRow:
    """A version of the API; `sunset` is the day on which it ends, empty if that is not set."""

    name: str
    title: str
    prefix: str
    state: str
    since: str
    field: str
    sunset: str


class SecurityState(Form, Page, rx.State):
    """The settings."""

    READS: ClassVar = permissions.SIGNED_IN  # the service refuses whoever is no super administrator, and the page says so
    query_keys: bool = True
    anonymous: str = ""
    limits: str = ""
    versions: list[VersionRow] = []  # noqa: RUF012 - the framework copies it
    revision: int = 0

    @rx.event
    @needs(permissions.SIGNED_IN)
    async def load(self) -> None:
        """Read them."""
        self.errors = {}
        await self._fetch()

    @rx.event
    @needs(permissions.INSTANCE_WRITE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Change how the API is open, on every process within a second."""
        self._begin()
        yield
        with self._saving():
            await bridge.call(self, instance.change, write=True, changes=_changes(form))
            await self._fetch()
            yield rx.toast.info("Saved. Every process knows it within a second.")

    async def _fetch(self) -> None:
        found: GatewaySettings | None = await self._found(lambda session, actor: instance.look(session, actor=actor))
        if found is None:
            return
        self.query_keys, self.anonymous = found.query_keys, str(found.anonymous_per_minute)
        self.limits = "\n".join(f"{route} {limit}" for route, limit in sorted(found.endpoint_limits.items()))
        self.versions = [_version(version, found) for version in versions.VERSIONS]
        self.revision += 1


def _version(version: versions.Version, found: GatewaySettings) -> VersionRow:
    end = found.sunsets.get(version.name)
    return VersionRow(
        name=version.name,
        title=version.title,
        prefix=version.prefix,
        state=version.state.value,
        since=words.moment(version.deprecated_at),
        field=_SUNSET + version.name,
        sunset=end.astimezone(UTC).date().isoformat() if end else "",
    )


def _changes(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form as the service takes it. Raises `Invalid` for what is no number, limit or date."""
    errors: list[FieldError] = []
    changes: dict[str, Any] = {
        "query_keys": "query_keys" in form,
        "anonymous_per_minute": inputs.whole(form, "anonymous_per_minute", errors),
        "endpoint_limits": _limits(inputs.text(form, "endpoint_limits"), errors),
        "sunsets": {name.removeprefix(_SUNSET): end for name in form if name.startswith(_SUNSET) and (end := _end(form, name, errors))},
    }
    if errors:
        raise Invalid(*errors)
    return changes


def _limits(text: str, errors: list[FieldError]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in filter(None, (each.strip() for each in text.splitlines())):
        route, _, limit = line.rpartition(" ")
        if not route or not limit.replace(",", "").isdigit():
            errors.append(FieldError("endpoint_limits", f"{line[:60]!r} is no limit.", "Write each on a line, as POST /api/v1/events 600."))
            continue
        found[route.strip()] = int(limit.replace(",", ""))
    return found


def _end(form: Mapping[str, Any], name: str, errors: list[FieldError]) -> datetime | None:
    text = inputs.text(form, name)
    if not text:
        return None
    try:
        return datetime.combine(datetime.fromisoformat(text).date(), time(), UTC)
    except ValueError:
        errors.append(FieldError("sunsets", f"{text[:40]!r} is no date.", "Write it as 2027-06-30."))
        return None
