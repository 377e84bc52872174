"""Attempts of a workspace over time, read from the roll-ups: by minute up to two hours back, by hour beyond."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sql
from sqlalchemy import func
from sqlmodel import Session, SQLModel

from backend.core import clock
from backend.core.errors import FieldError, Invalid
from backend.logs import latency, usage
from backend.logs.batches import starts_at
from backend.logs.latency import Times
from backend.monitoring.values import DeliveryPoint

MAX_HOURS: Final = 24 * 31
_MINUTES_UP_TO_HOURS: Final = 2  # as the requests beside them
_ROLLUPS: Final = SQLModel.metadata.tables["delivery_rollup"]


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts of some hours: point by point, empty ones included, and all together; `p95_ms` from latency buckets."""

    points: list[DeliveryPoint]
    delivered: int
    failed: int
    p95_ms: float | None


def read(session: Session, *, workspace_id: str, hours: int) -> Attempts:
    """The attempts of the last `hours` (1 to 744), the current minute or hour included. Raises `Invalid`."""
    if not 1 <= hours <= MAX_HOURS:
        raise Invalid(FieldError("hours", f"{hours} is out of range.", f"Use 1 to {MAX_HOURS}."))
    width = usage.MINUTE if hours <= _MINUTES_UP_TO_HOURS else usage.HOUR
    number, step, columns = hours * usage.HOUR // width, timedelta(seconds=width), _ROLLUPS.c
    since = starts_at(clock.now(), width) - step * (number - 1)
    query = (
        sql.select(columns.starts_at, func.sum(columns.delivered), func.sum(columns.failed), *latency.columns(columns))
        .where(columns.workspace_id == workspace_id, columns.width == width, columns.starts_at >= since)
        .group_by(columns.starts_at)
    )
    by_start: dict[datetime, tuple[int, int, Times]] = {
        start: (int(values[0]), int(values[1]), Times.read(values[2:])) for start, *values in session.connection().execute(query)
    }
    found = by_start.values()
    delivered, failed = sum(each[0] for each in found), sum(each[1] for each in found)
    points = [_point(since + step * place, by_start.get(since + step * place)) for place in range(number)]
    return Attempts(points, delivered, failed, Times.together(times for *_, times in found).percentile(0.95))


def _point(start: datetime, found: tuple[int, int, Times] | None) -> DeliveryPoint:
    return DeliveryPoint(start, found[0], found[1], found[2].percentile(0.95)) if found else DeliveryPoint(start)
