"""How integrations stand: status, and the calls to their providers of the last 24 hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from backend.core import clock, pagination, permissions
from backend.core.actor import Actor
from backend.integrations import service, timeline
from backend.logs import latency
from backend.logs.latency import Times
from backend.models import Integration, ProviderRollup

_WINDOW: Final = timedelta(hours=24)
_WIDTH: Final = 3600


@dataclass(frozen=True, slots=True)
class Standing:
    """One integration. Times are in milliseconds; None without calls."""

    integration_id: str
    provider: str
    name: str
    status: str
    reason: str
    next_step: str
    ok: int
    failed: int
    p95_ms: float | None
    refreshed_at: datetime | None
    tested_at: datetime | None
    synced_at: datetime | None


def standings(
    session: Session, *, actor: Actor, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[Standing]:
    """A page of integrations with their figures, newest first."""
    permissions.require(actor, permissions.METRICS_READ)
    page = service.page_for_figures(session, workspace_id=actor.workspace_id, limit=limit, cursor=cursor)
    sums = _sums(session, actor.workspace_id, [row.id for row in page.data])
    return page.map(lambda row: _standing(row, sums.get(row.id, (0, 0, Times()))))


def _standing(row: Integration, sums: tuple[int, int, Times]) -> Standing:
    return Standing(
        integration_id=row.id,
        provider=row.provider,
        name=row.name,
        status=timeline.shown(row),
        reason=row.status_reason,
        next_step=row.next_step,
        ok=sums[0],
        failed=sums[1],
        p95_ms=sums[2].percentile(0.95),
        refreshed_at=row.refreshed_at,
        tested_at=row.tested_at,
        synced_at=row.synced_at,
    )


def _sums(session: Session, workspace_id: str, identifiers: list[str]) -> dict[str, tuple[int, int, Times]]:
    columns: list[Any] = [ProviderRollup.integration_id, func.sum(ProviderRollup.ok), func.sum(ProviderRollup.failed)]
    query = (
        select(*columns, *latency.columns(ProviderRollup))
        .where(
            col(ProviderRollup.workspace_id) == workspace_id,
            col(ProviderRollup.width) == _WIDTH,
            col(ProviderRollup.starts_at) >= clock.now() - _WINDOW,
            col(ProviderRollup.integration_id).in_(identifiers),
        )
        .group_by(col(ProviderRollup.integration_id))
    )
    rows = session.connection().execute(query).all()
    return {str(row[0]): (int(row[1]), int(row[2]), Times.read(row[3:])) for row in rows}
