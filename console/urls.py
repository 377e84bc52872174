"""Owns addresses within the console: query strings that hold a list's filters, and the id at the end of a path."""

from __future__ import annotations

from urllib.parse import urlencode

import reflex as rx


def with_query(path: str, **params: str) -> str:
    """`path` with those of `params` that are not empty."""
    query = urlencode({name: value for name, value in params.items() if value})
    return f"{path}?{query}" if query else path


def query(state: rx.State, *names: str) -> dict[str, str]:
    """The given parameters of the tab's address, empty where they are absent, at most 400 characters each."""
    given = state.router.url.query_parameters
    return {name: str(given.get(name, ""))[:400] for name in names}


def last_part(state: rx.State) -> str:
    """The last part of the tab's path: the id of what a detail page shows."""
    return state.router.url.path.rstrip("/").rpartition("/")[2]
