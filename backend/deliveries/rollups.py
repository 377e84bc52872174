"""The roll-ups of attempts by minute and hour: counts by outcome, latency buckets and extremes, added to in the attempts' transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection

from backend.core import bulk
from backend.deliveries.values import Outcome
from backend.logs.latency import BUCKETS, EXTREMES, bucket_of

if TYPE_CHECKING:
    from backend.deliveries.outcomes import Result

WIDTHS: Final = (60, 3600)
_COUNTS: Final = ("delivered", "failed", "dead", *BUCKETS)
_NAMES: Final = ("workspace_id", "width", "starts_at", "webhook_id", *_COUNTS, *EXTREMES)
_ON_CONFLICT: Final = "ON CONFLICT (workspace_id, width, starts_at, webhook_id) DO UPDATE SET " + ", ".join(
    [
        *(f"{name} = delivery_rollup.{name} + excluded.{name}" for name in _COUNTS),
        *(
            f"{name} = CASE WHEN delivery_rollup.{name} IS NULL OR delivery_rollup.{name} {beyond} excluded.{name} "
            f"THEN delivery_rollup.{name} ELSE excluded.{name} END"
            for name, beyond in zip(EXTREMES, ("<=", ">="), strict=True)
        ),
    ]
)
_ADD = bulk.Statement(
    f"INSERT INTO delivery_rollup ({', '.join(_NAMES)}) VALUES ({', '.join('?' for _ in _NAMES)}) {_ON_CONFLICT}",  # noqa: S608 - names are ours
    f"INSERT INTO delivery_rollup ({', '.join(_NAMES)}) SELECT * FROM {{rows}} ORDER BY 1, 2, 3, 4 {_ON_CONFLICT}",  # noqa: S608 - the same
    ("text", "int", "timestamptz", "text", *("bigint" for _ in _COUNTS), *("float8" for _ in EXTREMES)),
)


def add(connection: Connection, results: Iterable[Result]) -> None:
    """Count these attempts. `failed` counts every failed one, `dead` those of them that were the last of their delivery."""
    sums: dict[tuple[str, int, int, str], list[float]] = {}
    for result in results:
        claim, exchange = result.claim, result.exchange
        unix = int(exchange.started_at.timestamp())
        took = exchange.total_ms
        bucket = 3 + bucket_of(took)
        for width in WIDTHS:
            key = (claim.workspace_id, width, unix - unix % width, claim.webhook_id)
            counts = sums.get(key)
            if counts is None:
                counts = sums[key] = [0] * len(_COUNTS) + [took, took]
            counts[bucket] += 1
            counts[-2:] = min(counts[-2], took), max(counts[-1], took)
            if result.outcome is Outcome.DELIVERED:
                counts[0] += 1
            else:
                counts[1] += 1
                counts[2] += result.is_dead
    rows = [
        (workspace_id, width, bulk.moment(connection, datetime.fromtimestamp(start, UTC)), webhook_id, *counts)
        for (workspace_id, width, start, webhook_id), counts in sorted(sums.items())
    ]
    _ADD.run(connection, rows)
