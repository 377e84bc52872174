"""What the sandbox's API answers: made-up contacts, and the messages and events that were sent to it. Pure, but for stored items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backend.core import clock
from backend.models import SandboxAccount

BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
MOST: Final = 200
_FIRST: Final = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "John", "Katherine", "Tim")
_LAST: Final = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Allen", "Backus", "Johnson", "Berners-Lee")
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


def contacts(account: SandboxAccount, *, limit: int, page_token: str, since: datetime | None) -> dict[str, Any]:
    """A page of contacts, those changed since then only; `page_token` is the number before the first."""
    wanted = range(1, account.contacts + 1)
    if since is not None:
        wanted = [number for number in wanted if datetime.fromisoformat(contact(account, number)["updated_at"]) >= since]
    begin = int(page_token) if page_token.isdigit() else 0
    size = min(max(limit, 1), MOST)
    chosen = wanted[begin : begin + size]
    has_more = begin + size < len(wanted)
    return {
        "contacts": [contact(account, number) for number in chosen],
        "total": len(wanted),
        "next_page_token": str(begin + size) if has_more else None,
    }
