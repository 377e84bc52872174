"""Roll-ups by minute and hour, with latency buckets and extremes: the only thing that charts read."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from backend.models.base import Count, IdText, Table

# Upper bounds in milliseconds of the latency buckets b0…b11; b12 is everything above.
LATENCY_BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000)


class _Rollup(Table):
    workspace_id: str = Field(sa_type=IdText, primary_key=True)
    width: int = Field(primary_key=True)  # seconds: 60 or 3600
    starts_at: datetime = Field(primary_key=True)
    b0: int = Field(default=0, sa_type=Count)
    b1: int = Field(default=0, sa_type=Count)
    b2: int = Field(default=0, sa_type=Count)
    b3: int = Field(default=0, sa_type=Count)
    b4: int = Field(default=0, sa_type=Count)
    b5: int = Field(default=0, sa_type=Count)
    b6: int = Field(default=0, sa_type=Count)
    b7: int = Field(default=0, sa_type=Count)
    b8: int = Field(default=0, sa_type=Count)
    b9: int = Field(default=0, sa_type=Count)
    b10: int = Field(default=0, sa_type=Count)
    b11: int = Field(default=0, sa_type=Count)
    b12: int = Field(default=0, sa_type=Count)
    # The shortest and the longest time; null in rows from before these were kept.
    min_ms: float | None = None
    max_ms: float | None = None


class DeliveryRollup(_Rollup, table=True):
    """Attempts of a webhook in one minute or hour by outcome."""

    webhook_id: str = Field(sa_type=IdText, primary_key=True)
    delivered: int = Field(default=0, sa_type=Count)
    failed: int = Field(default=0, sa_type=Count)
    dead: int = Field(default=0, sa_type=Count)


class RequestRollup(_Rollup, table=True):
    """Requests of a caller to a route in one minute or hour by class of status."""

    caller_id: str = Field(sa_type=IdText, primary_key=True)
    route: str = Field(max_length=200, primary_key=True)
    ok: int = Field(default=0, sa_type=Count)
    client_error: int = Field(default=0, sa_type=Count)
    limited: int = Field(default=0, sa_type=Count)
    server_error: int = Field(default=0, sa_type=Count)


class ProviderRollup(_Rollup, table=True):
    """Calls to a provider in one minute or hour by outcome."""

    integration_id: str = Field(sa_type=IdText, primary_key=True)
    ok: int = Field(default=0, sa_type=Count)
    failed: int = Field(default=0, sa_type=Count)
