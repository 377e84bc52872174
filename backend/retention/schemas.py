"""What the retention routes take and answer."""

from __future__ import annotations

from pydantic import Field

from backend.core.web import Body, Out


class InstanceDays(Out):
    """Days for which rows of the whole installation are kept; sessions and runs of workers are counted from their end."""

    unknown_requests: int
    errors: int
    sign_in_failures: int
    sessions: int
    worker_runs: int
    minute_figures: int
    hour_figures: int


class RetentionOut(Out):
    """Days for which each log is kept. Audit entries are kept for good, events as long as deliveries."""

    requests: int
    deliveries: int
    attempts: int
    attempt_bodies: int = Field(description="What went out and came back in an attempt.")
    errors: int
    incoming: int = Field(description="Requests at incoming webhooks.")
    integrations: int = Field(description="Timelines and syncs of integrations.")
    instance: InstanceDays | None = Field(description="Of the whole installation; null for everybody but super administrators.")


class InstanceDaysChange(Body):
    """Days for the whole installation; what is sent changes. For super administrators."""

    unknown_requests: int | None = None
    errors: int | None = None
    sign_in_failures: int | None = None
    sessions: int | None = None
    worker_runs: int | None = None
    minute_figures: int | None = None
    hour_figures: int | None = None


class RetentionChange(Body):
    """Days, 1 to 3,650; what is sent changes."""

    requests: int | None = Field(default=None, examples=[30])
    deliveries: int | None = None
    attempts: int | None = Field(default=None, description="At most as long as deliveries.")
    attempt_bodies: int | None = Field(default=None, description="At most as long as attempts.")
    errors: int | None = None
    incoming: int | None = None
    integrations: int | None = None
    instance: InstanceDaysChange | None = None
