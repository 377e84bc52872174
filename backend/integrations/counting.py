"""Counts calls to providers by minute and hour: kept in memory until the next transaction of their integration writes them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from backend.core import clock, db
from backend.logs.latency import BUCKETS, EXTREMES, bucket_of, merged
from backend.models import ProviderRollup

if TYPE_CHECKING:
    from backend.integrations.connection import Connection

_WIDTHS: Final = (60, 3600)
_COUNTS: Final = ("ok", "failed", *BUCKETS)
_MOST: Final = 10_000
_lock = threading.Lock()
_waiting: dict[tuple[str, int, int, str], list[float]] = {}


def note(connection: Connection, *, ok: bool, seconds: float) -> None:
    """Count one call."""
    unix, took = int(clock.now().timestamp()), seconds * 1000
    with _lock:
        for width in _WIDTHS:
            key = (connection.workspace_id, width, unix - unix % width, connection.id)
            if key not in _waiting and len(_waiting) >= _MOST:
                continue
            counts = _waiting.setdefault(key, [0] * len(_COUNTS) + [took, took])
            counts[0 if ok else 1] += 1
            counts[2 + bucket_of(took)] += 1
            counts[-2:] = min(counts[-2], took), max(counts[-1], took)


def flush(session: Session, integration_id: str) -> None:
    """Write what is counted for an integration, in this transaction."""
    with _lock:
        taken = {key: _waiting.pop(key) for key in [each for each in _waiting if each[3] == integration_id]}
    if not taken:
        return
    dialect = sqlite if db.is_sqlite(session) else postgresql
    table = cast("Table", ProviderRollup.__table__)  # type: ignore[attr-defined] - SQLModel sets it
    statement = dialect.insert(table)
    added = merged(table.c, statement.excluded, _COUNTS)
    statement = statement.on_conflict_do_update(index_elements=["workspace_id", "width", "starts_at", "integration_id"], set_=added)
    rows = [
        {
            "workspace_id": workspace_id,
            "width": width,
            "starts_at": datetime.fromtimestamp(start, UTC),
            "integration_id": identifier,
            **dict(zip((*_COUNTS, *EXTREMES), counts, strict=True)),
        }
        for (workspace_id, width, start, identifier), counts in sorted(taken.items())
    ]
    session.connection().execute(statement, rows)
