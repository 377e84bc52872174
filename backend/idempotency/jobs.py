"""Forgetting idempotency keys past their 24 hours."""

from __future__ import annotations

from backend.core import db
from backend.idempotency import service

_BATCH = 1000


def forget() -> None:
    """Delete expired keys in small batches, each in its own transaction; idempotent."""
    while True:
        with db.transaction(write=True) as session:
            removed = service.remove_expired(session, batch=_BATCH)
        if removed < _BATCH:
            return
