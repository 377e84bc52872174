"""What cron runs for the sandbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete
from sqlmodel import col, select

from backend.core import clock, db
from backend.models import SandboxGrant, SandboxToken

KEPT_FOR: Final = timedelta(days=1)  # after its end a token is answered as unknown, not as ended
_BATCH: Final = 500


def forget() -> int:
    """Delete tokens that have ended, then grants that have none left, in small batches; how many rows. Idempotent."""
    before = clock.now() - KEPT_FOR
    ended = select(SandboxToken.id).where(col(SandboxToken.expires_at) < before).limit(_BATCH)
    has_tokens = select(SandboxToken.id).where(col(SandboxToken.grant_id) == col(SandboxGrant.id)).correlate(SandboxGrant).exists()
    spent = select(SandboxGrant.id).where(col(SandboxGrant.code_expires_at) < before, ~has_tokens).limit(_BATCH)
    total = 0
    for model, chosen in ((SandboxToken, ended), (SandboxGrant, spent)):
        while True:
            with db.transaction(write=True) as session:
                removed = session.exec(delete(model).where(col(model.id).in_(chosen))).rowcount
            total += removed
            if removed < _BATCH:
                break
    return total
