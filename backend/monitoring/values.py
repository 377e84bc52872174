"""What the overview of a workspace consists of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.logs.usage import UsagePoint
from backend.models import Delivery


class Need(StrEnum):
    """Why something needs attention."""

    WEBHOOK_FAILING = "webhook_failing"
    WEBHOOK_DISABLED = "webhook_disabled"
    INTEGRATION_RECONNECT = "integration_reconnect"
    INTEGRATION_FAILING = "integration_failing"
    KEY_EXPIRING = "key_expiring"
    KEY_ROTATION_DUE = "key_rotation_due"
    LIMIT_NEAR = "limit_near"


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that needs attention: what it is about, a sentence, and the date it leads to."""

    need: Need
    target_id: str
    target_name: str
    sentence: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPoint:
    """Attempts in one minute or hour by outcome, and how long 95 % of them took at most."""

    starts_at: datetime
    delivered: int = 0
    failed: int = 0
    p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What a new workspace has done already."""

    has_key: bool
    has_webhook: bool
    has_event: bool
    has_delivered: bool

    @property
    def are_done(self) -> bool:
        """Whether the list has nothing more to say."""
        return self.has_key and self.has_webhook and self.has_event and self.has_delivered


@dataclass(frozen=True, slots=True)
class Overview:
    """A workspace at a glance: the last hours in points of a minute or an hour, what needs attention, the latest failures.

    `delivered_share` (0 to 1) is of attempts; None where there was none. `oldest_waiting_seconds` is the age of the oldest delivery
    that waits for its first attempt. `requests_per_minute` is the mean of the last five whole minutes.
    """

    delivered_share: float | None
    delivered: int
    failed: int
    p95_ms: float | None
    delivery_points: list[DeliveryPoint]
    oldest_waiting_seconds: float | None
    requests_per_minute: float
    request_points: list[UsagePoint]
    attention: list[Attention]
    latest_failures: list[Delivery]
    first_steps: FirstSteps
