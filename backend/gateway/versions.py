"""The versions of the API: under which paths each answers, its state, and what its answers tell of its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from typing import Final

Headers = tuple[tuple[bytes, bytes], ...]


class State(StrEnum):
    """Whether a version is the one to build on."""

    CURRENT = "current"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, slots=True)
class Version:
    """One version. `prefix` is the base of its paths; `successor` and `deprecated_at` say by what and since when it is replaced."""

    name: str
    prefix: str
    title: str
    state: State = State.CURRENT
    deprecated_at: datetime | None = None
    successor: str | None = None


CURRENT: Final = Version("v1", "/api/v1", "Crossdock API")
_SINCE: Final = datetime(2026, 11, 1, tzinfo=UTC)
# Whatever else is below /api answers for clients of older systems, except what belongs to every version.
OLDER: Final = Version("older", "/api", "Paths of older systems", State.DEPRECATED, _SINCE, CURRENT.prefix)
VERSIONS: Final = (CURRENT, OLDER)
BY_NAME: Final = {version.name: version for version in VERSIONS}
_OF_NO_VERSION: Final = ("/api/docs", "/api/openapi.json", "/api/postman.json", "/api/graphql")


def of(path: str) -> Version | None:
    """The version that answers under `path`; None for what is of none."""
    if _is_under(path, CURRENT.prefix):
        return CURRENT
    if not _is_under(path, OLDER.prefix) or path == OLDER.prefix or any(_is_under(path, common) for common in _OF_NO_VERSION):
        return None
    return OLDER


def notice(version: Version | None, sunsets: Mapping[str, datetime]) -> Headers:
    """What answers of a version carry: nothing unless it is deprecated or the operator has set its end.

    `Deprecation` is RFC 9745 (unix seconds), `Link` RFC 5829, `Sunset` RFC 8594 (an HTTP date).
    """
    if version is None or (version is CURRENT and not sunsets):
        return ()
    headers: list[tuple[bytes, bytes]] = []
    if version.deprecated_at is not None:
        headers.append((b"deprecation", b"@%d" % version.deprecated_at.timestamp()))
    if version.successor is not None:
        headers.append((b"link", f'<{version.successor}>; rel="successor-version"'.encode()))
    if (end := sunsets.get(version.name)) is not None:
        headers.append((b"sunset", format_datetime(end.astimezone(UTC), usegmt=True).encode()))
    return tuple(headers)


def _is_under(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and (len(path) == len(prefix) or path[len(prefix)] == "/")
