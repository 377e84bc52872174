"""What cron runs for encryption keys."""

from __future__ import annotations

from backend.encryption import rotation


def advance() -> None:
    """Go on with a rotation until it is over; returns at once where there is none. Every 2 s, by one cron process at a time."""
    rotation.advance()
