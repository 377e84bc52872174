"""What cron runs for replays."""

from __future__ import annotations

from backend.replays.runner import Runner


def advance() -> None:
    """Advance what runs until nothing does; returns at once where nothing runs. Every second, by one cron process at a time."""
    Runner().run()
