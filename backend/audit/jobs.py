"""Sealing what was added to the audit."""

from __future__ import annotations

from backend.audit import sealing
from backend.core import db, lifecycle


def seal() -> None:
    """Seal everything that waits, a batch of one workspace in each transaction; idempotent."""
    while not lifecycle.stop_requested():
        with db.transaction() as session:
            workspaces = sealing.waiting(session)
        if not workspaces:
            return
        for workspace_id in workspaces:
            with db.transaction(write=True) as session:
                sealing.seal(session, workspace_id=workspace_id)
