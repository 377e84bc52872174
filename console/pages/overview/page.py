"""Owns the view of the overview."""

from __future__ import annotations

import reflex as rx

from console.session import SessionState
from console.shell import shell


def add(app: rx.App) -> None:
    """Add the page."""
    app.add_page(view, route="/", title="Overview · Crossdock", on_load=[SessionState.load])


def view() -> rx.Component:
    """The overview."""
    return shell("Overview", current="/")
