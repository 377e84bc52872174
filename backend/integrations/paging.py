"""How a sync goes from page to page, and from sync to sync: what is asked for next, and where the next sync begins. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urljoin

from backend.integrations import templates
from backend.integrations.entry import Incremental, Paging, Sync

_MOST_PAGES: Final = 100_000  # a provider that never says that it is over is believed no longer


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sync stands: which page is next, at which address, and what was learnt for the sync after it."""

    page: Any = None
    url: str | None = None
    number: int = 0
    since: str | None = None  # RFC 3339
    until: str | None = None
    token: str | None = None
    newest: str | None = None
    seen: str | None = None  # the ids of the page before: a provider that gives the same page again has no further one
    counted: Mapping[str, int] = field(default_factory=dict[str, int])  # as the page began

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        members = ((name, getattr(self, name)) for name in self.__slots__)
        return {name: dict(value) if name == "counted" else value for name, value in members if value not in (None, {})}


@dataclass(frozen=True, slots=True)
class Step:
    """What follows a page: the next place, or None; and the place of the next sync if this was the last."""

    next: Place | None
    cursor: dict[str, Any]


def begin(spec: Sync, cursor: Mapping[str, Any] | None, now: datetime) -> Place:
    """The first place of a sync that goes on from `cursor`, or reads everything without one."""
    way = spec.incremental
    since = _since(way, cursor, now)
    url = str(cursor["link"]) if way.kind == "link" and cursor else None
    token = str(cursor["token"]) if way.kind == "token" and cursor else None
    return Place(
        page=first(spec.paging),
        url=url,
        since=since.isoformat() if since else None,
        until=now.isoformat(),
        token=token,
    )


def first(paging: Paging) -> Any:
    """The value of `{page}` for the first page."""
    return paging.first if paging.kind in {"page", "offset"} else None


def variables(spec: Sync, place: Place) -> dict[str, Any]:
    """What the templates of the call may name."""
    way = spec.incremental
    return {
        "page": place.page,
        "since": written(way.format, place.since),
        "until": written(way.format, place.until),
        "token": place.token,
    }


def written(form: str, moment: str | None) -> str | None:
    """A moment in a provider's way of writing it; None for none."""
    if moment is None:
        return None
    at = datetime.fromisoformat(moment).astimezone(UTC)
    match form:
        case "unix":
            return str(int(at.timestamp()))
        case "date":
            return at.date().isoformat()
        case "http":
            return format_datetime(at, usegmt=True)
        case "datetime":
            return at.strftime("%Y-%m-%dT%H:%M:%S")
        case _:
            return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def after(spec: Sync, place: Place, document: Any, items: Sequence[Any], *, url: str, ids: Sequence[str], done: bool = False) -> Step:
    """What follows a page whose answer is `document`. `done`: nothing further is wanted (everything after it is known)."""
    newest = _newest(spec.incremental, place, items)
    cursor = _cursor(spec, place, document, newest, url)
    number, seen = place.number + 1, hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]
    is_over = done or number >= _MOST_PAGES or (bool(ids) and seen == place.seen)
    following = None if is_over else _next(spec.paging, place, document, len(items), ids, number, url)
    if following is None:
        return Step(None, cursor)
    page, link = following
    return Step(
        Place(
            page=page,
            url=link,
            number=number,
            since=place.since,
            until=place.until,
            token=place.token,
            newest=newest,
            seen=seen,
        ),
        cursor,
    )


def is_known(way: Incremental, cursor: Mapping[str, Any] | None, item: Any) -> bool:
    """Whether an item, of a list with the newest first, was there at the sync before."""
    if way.kind != "newest_first" or not cursor or not cursor.get("newest"):
        return False
    at = templates.dig(item, way.path)
    return at is not None and str(at) <= str(cursor["newest"])


def _since(way: Incremental, cursor: Mapping[str, Any] | None, now: datetime) -> datetime | None:
    if way.kind != "since":
        return None
    if cursor and cursor.get("at"):
        since = datetime.fromisoformat(str(cursor["at"])) - timedelta(seconds=way.overlap_seconds)
        return max(since, now - timedelta(days=way.most_days)) if way.most_days else since
    return now - timedelta(days=way.first_days) if way.first_days else None


def _next(
    paging: Paging, place: Place, document: Any, count: int, ids: Sequence[str], number: int, url: str
) -> tuple[Any, str | None] | None:
    total = templates.dig(document, paging.total) if paging.total else None
    match paging.kind:
        case "cursor":
            found = templates.dig(document, paging.next)
            return (found, place.url) if found not in (None, "", False) and found != place.page else None
        case "link":
            link = templates.dig(document, paging.next)
            return (None, urljoin(url, str(link))) if link and str(link) != url else None
        case "page":
            is_over = number >= int(total) if total is not None else count == 0
            return None if is_over else (int(place.page) + 1, None)
        case "offset":
            reached = int(place.page) + count
            is_over = reached - paging.first >= int(total) if total is not None else count < paging.size
            return None if is_over or not count else (reached, None)
        case "last_id":
            more = templates.dig(document, paging.more) if paging.more else count >= paging.size
            return (ids[-1], None) if more and ids else None
        case _:
            return None


def _newest(way: Incremental, place: Place, items: Sequence[Any]) -> str | None:
    if way.kind != "newest_first":
        return None
    seen = [str(at) for item in items if (at := templates.dig(item, way.path)) is not None]
    return max([*seen, *([place.newest] if place.newest else [])], default=None)


def _cursor(spec: Sync, place: Place, document: Any, newest: str | None, url: str) -> dict[str, Any]:
    way = spec.incremental
    found = templates.dig(document, way.path) if way.path and way.kind in {"token", "link"} else None
    match way.kind:
        case "since":
            return {"at": place.until}
        case "token":
            token = found or place.token
            return {"token": str(token)} if token else {}
        case "link":
            return {"link": urljoin(url, str(found))} if found else {}
        case "newest_first":
            return {"newest": newest} if newest else {}
        case _:
            return {"compared": place.until}
