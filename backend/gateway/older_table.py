"""The table of the older systems' paths: under what they began, where the same call is now, and how they read a bare rate limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from backend.api_keys.scopes import RECORD_NAMES
from backend.core.web import RouteEntry

PER_MINUTE: Final = "per_minute"
PER_HOUR: Final = "per_hour"


@dataclass(frozen=True, slots=True)
class Older:
    """One row: all below `path` is answered as what is below `target`.

    `window` is what a number given as a rate limit is per; `query` is what the call always asks for; of records the fields are
    the users' own, so that no value of theirs is taken for a word of ours. With `methods` the row is one call, not all below it:
    a method by which it is called, and the one by which it is answered.
    """

    path: str
    target: str
    window: str = PER_HOUR
    query: str = ""
    are_records: bool = False
    methods: tuple[str, str] | None = None


TABLE: Final = (
    # The restaurant platform's integration API.
    Older("/api/integration/v1", "/api/v1", window=PER_MINUTE),
    # The social media platform's integration framework.
    Older("/api/zapier/auth/test", "/api/v1/me", methods=("POST", "GET")),
    Older("/api/zapier", "/api/v1/zapier"),
    Older("/api/integrations/api-keys", "/api/v1/api-keys"),
    Older("/api/integrations/webhooks", "/api/v1/webhooks"),
    Older("/api/integrations", "/api/v1/integrations"),
    # NexusAI's gateway; its keys are the caller's own.
    Older("/api/keys", "/api/v1/api-keys", window=PER_MINUTE, query="mine=true"),
    Older("/api/webhooks", "/api/v1/webhooks"),
    # Records by the names of their modules.
    *(Older(f"/api/{name}", f"/api/v1/records/{name}", are_records=True) for name in RECORD_NAMES),
    *(Older(f"/api/v1/{name}", f"/api/v1/records/{name}", are_records=True) for name in RECORD_NAMES),
)


_ROWS: Final = {row.path: row for row in TABLE}
_DEPTHS: Final = sorted({row.path.count("/") + 1 for row in TABLE}, reverse=True)


def find(method: str, path: str) -> Older | None:
    """The row that is about this call, if there is one: that of the longest path."""
    parts = path.split("/", _DEPTHS[0])
    for depth in _DEPTHS:
        row = _ROWS.get("/".join(parts[:depth])) if depth <= len(parts) else None
        if row is not None and (row.methods is None or (row.path == path and row.methods[0] == method)):
            return row
    return None


def operations(entries: Iterable[RouteEntry]) -> Iterator[tuple[RouteEntry, RouteEntry]]:
    """Every operation by its older path, beside the one of `entries` that answers it."""
    known = list(entries)
    for row in TABLE:
        for entry in known:
            called, answered = row.methods or (entry.method, entry.method)
            plain = row.target if row.methods is None else entry.path
            resource = plain.rpartition("/")[2]
            path = entry.path.replace("/{module}", f"/{resource}", 1) if row.are_records else entry.path
            if entry.method != answered or not _is_under(path, row.target) or (row.methods is not None and path != row.target):
                continue
            older = row.path + path.removeprefix(row.target)
            if find(called, older) is row:
                yield RouteEntry(called, older, entry.permission), entry


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")
