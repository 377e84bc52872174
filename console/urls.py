"""Owns addresses within the console: query strings that hold a list's filters, and the id at the end of a path."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import reflex as rx

# How far back a list goes, as the address says it.
SPANS: Final = {
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 h", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}


def with_query(path: str, **params: str) -> str:
    """`path` with those of `params` that are not empty."""
    query = urlencode({name: value for name, value in params.items() if value})
    return f"{path}?{query}" if query else path


def query(state: rx.State, *names: str) -> dict[str, str]:
    """The given parameters of the tab's address, empty where they are absent, at most 400 characters each."""
    given = state.router.url.query_parameters
    return {name: str(given.get(name, ""))[:400] for name in names}


def leave_for(url: str) -> rx.event.EventSpec:
    """Go to an address that is no page of the console, in the same tab."""
    return rx.call_script(f"window.location.assign({json.dumps(url)})")


def last_part(state: rx.State) -> str:
    """The last part of the tab's path: the id of what a detail page shows."""
    return state.router.url.path.rstrip("/").rpartition("/")[2]


def parts(state: rx.State) -> list[str]:
    """The parts of the tab's path."""
    return state.router.url.path.strip("/").split("/")


def since(text: str, now: datetime) -> datetime | None:
    """The moment that a span of `SPANS` ago was; None for anything else."""
    return now - SPANS[text][1] if text in SPANS else None
