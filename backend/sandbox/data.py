"""What the sandbox's API answers about contacts: made-up ones, and what was written over them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.core import clock
from backend.models import SandboxAccount

BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
MOST: Final = 200
_FIRST: Final = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "John", "Katherine", "Tim")
_LAST: Final = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Allen", "Backus", "Johnson", "Berners-Lee")
_NUMBERED: Final = re.compile(r"sbc_0*(\d+)|[a-z]+\.[a-z-]+\.(\d+)@sandbox\.example")
_COMPANIES: Final = ("Analytical Engines", "Flow-Matic", "Bombe & Co", "Shortest Paths", "Substitution Ltd")


def contact(account: SandboxAccount, number: int) -> dict[str, Any]:
    """Contact `number`, from 1."""
    first, last = _FIRST[number % 10], _LAST[number // 10 % 10]
    is_changed = account.changed_at is not None and number <= account.changed
    at = account.changed_at if is_changed and account.changed_at is not None else BEGAN + timedelta(minutes=number)
    title = f" ({clock.rfc3339(at)})" if is_changed else ""
    return {
        "id": f"sbc_{number:05d}",
        "first_name": first,
        "last_name": f"{last} {number}",
        "full_name": f"{first} {last} {number}",
        "email": f"{first}.{last}.{number}@sandbox.example".lower(),
        "phone": f"+4930{number:07d}",
        "company": _COMPANIES[number % 5] + title,
        "updated_at": clock.rfc3339(at),
    }


def number_of(identifier: str) -> int:
    """The number of a made-up contact by its id, or by its mail address; 0 for any other."""
    found = _NUMBERED.fullmatch(identifier)
    return int(found[1] or found[2]) if found is not None else 0


def contacts(
    account: SandboxAccount, written: Mapping[str, dict[str, Any]], *, limit: int, page_token: str, since: datetime | None, deleted: bool
) -> dict[str, Any]:
    """A page of contacts, those changed since then only; `page_token` is how many come before it.

    `written` are contacts that were made or changed over the API, by id; they stand in place of made-up ones. With `deleted` those
    that were deleted are among them, marked as such.
    """
    made_up = (contact(account, number) for number in range(1, account.contacts + 1))
    every = [written.get(each["id"], each) for each in made_up]
    every += [each for identifier, each in written.items() if not number_of(identifier)]
    wanted = [each for each in every if deleted or not each.get("deleted")]
    if since is not None:
        wanted = [each for each in wanted if datetime.fromisoformat(each["updated_at"]) >= since]
    begin = int(page_token) if page_token.isdigit() else 0
    size = min(max(limit, 1), MOST)
    has_more = begin + size < len(wanted)
    return {
        "contacts": wanted[begin : begin + size],
        "total": len(wanted),
        "next_page_token": str(begin + size) if has_more else None,
    }
