"""What the routes of webhooks take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import ConfigDict, Field, SkipValidation, model_serializer, model_validator

from backend.core import clock, texts
from backend.core.pagination import Page
from backend.core.web import Body, ListOut, Out
from backend.models import Webhook
from backend.webhooks import older_names, policy, service, validation
from backend.webhooks.queries import WebhookStats


class WebhookUpdate(Body):
    """What is sent changes. The values are checked all together by the service, so that every mistake is told at once."""

    url: SkipValidation[str] = Field(default="", examples=["https://example.com/webhooks"])
    events: SkipValidation[list[str]] = Field(
        default_factory=list[str],
        examples=[["order.created", "contact.*"]],
        description="Names of event types, `group.*`, or `*` for all but the operational ones.",
    )
    name: SkipValidation[str] = Field(default="", description="The host of the URL if left out.")
    filter: SkipValidation[dict[str, Any] | None] = Field(default=None, examples=[{"field": "data.total", "op": "gte", "value": 10}])
    headers: SkipValidation[dict[str, str]] = Field(
        default_factory=dict[str, str], description="Sent with every delivery. Values are write-only."
    )
    verify_ssl: SkipValidation[bool] = True
    timeout: SkipValidation[float] = Field(default=15.0, description="Seconds for a whole attempt, 1 to 30.")
    retry_policy: SkipValidation[dict[str, Any]] = Field(
        default_factory=dict[str, Any],
        examples=[{"schedule": [5, 300, 1800]}, {"max_retries": 3, "initial_delay": 5, "multiplier": 2}],
        description="`schedule` (delays in seconds), or `max_retries`, `initial_delay`, `multiplier`, `max_delay`.",
    )
    rate_limit: SkipValidation[float | None] = Field(default=None, description="Deliveries per second.")
    signature_style: SkipValidation[Literal["hex", "sha256"]] = "hex"
    is_active: SkipValidation[bool] = Field(default=True, description="False means disabled.")
    auto_disable: SkipValidation[bool] = Field(default=True, description="Disable it when every attempt fails for days.")
    disable_after_days: SkipValidation[int] = Field(default=5, description="1 to 30.")
    metadata: SkipValidation[dict[str, Any]] = Field(default_factory=dict[str, Any])
    external_ref: SkipValidation[str | None] = Field(default=None, description="Your own id of it.")
    secret: SkipValidation[str | None] = Field(
        default=None, description="Only at creation, to bring one from another system; otherwise one is generated."
    )

    @model_validator(mode="before")
    @classmethod
    def _translate(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        if not texts.is_storable(body):
            raise ValueError("holds a text with a NUL or half a character; take those characters out")
        return older_names.translate(cast("dict[str, Any]", body))

    @model_serializer(mode="plain")
    def changes(self) -> dict[str, Any]:
        """The fields that were sent, unchecked, always in the same order."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class WebhookCreate(WebhookUpdate):
    """A new webhook."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"required": ["url", "events"]})

    def input(self) -> service.WebhookInput:
        """The same for the service, which checks it."""
        given: dict[str, Any] = {"url": "", "events": []}
        return service.WebhookInput(**given | self.changes())


class Rotation(Body):
    """How long the old secret goes on signing beside the new one."""

    overlap_hours: float = Field(default=24, description="0 to 168.")


class Enabling(Body):
    """What becomes of that which a disabled webhook missed."""

    missed: Literal["send", "skip"] = Field(
        default="skip",
        description="`send` sends what was held and what was skipped, oldest first at a capped rate; beyond 10,000 events a replay of "
        "the kind `missed` makes the rest. `skip` cancels what was held.",
    )


class Disabling(Body):
    """Why."""

    reason: str = Field(default="", max_length=400)


class StatsOut(Out):
    """Attempts over the last hours and what waits now; latencies in milliseconds."""

    total: int
    delivered: int
    failed: int
    success_rate: float | None = Field(description="Percent; null without attempts.")
    p50_ms: float | None
    p95_ms: float | None
    waiting: int = Field(description="Stops counting at 10,000.")


class WebhookOut(Out):
    """A webhook. Values of headers are never shown."""

    id: str
    name: str
    url: str
    events: list[str]
    filter: dict[str, Any] | None
    headers: dict[str, str]
    verify_ssl: bool
    timeout: float
    retry_policy: dict[str, Any]
    max_attempts: int
    rate_limit: float | None
    signature_style: str
    auto_disable: bool
    disable_after_days: int
    metadata: dict[str, Any]
    external_ref: str | None
    status: service.Status
    is_active: bool
    isActive: bool  # noqa: N815 - the name that older clients read
    disabled_at: datetime | None
    disabled_reason: str | None
    disabled_rule: str | None
    disables_at: datetime | None = Field(description="When it will be disabled if it goes on failing; from half-way on.")
    failing_since: datetime | None
    consecutive_failures: int
    failure_count: int
    success_count: int
    last_triggered_at: datetime | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    previous_secret_expires_at: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    stats: StatsOut

    @classmethod
    def of(cls, webhook: Webhook, stats: WebhookStats, **more: Any) -> Self:
        """What is shown of a webhook and its figures."""
        is_active = webhook.state != service.Status.DISABLED
        return cls.model_validate(
            service.describe(webhook)
            | webhook.model_dump(include=_SHOWN)
            | {
                "headers": dict.fromkeys(webhook.header_names, validation.MASK),
                "retry_policy": policy.complete(webhook.retry_policy),
                "max_attempts": policy.parse(webhook.retry_policy).max_attempts,
                "status": service.status(webhook),
                "is_active": is_active,
                "isActive": is_active,
                "disables_at": _disables_at(webhook),
                "stats": stats,
            }
            | more
        )


class WebhookWithSecret(WebhookOut):
    """A webhook with its new secret, which is shown this once: null when the same request is answered again."""

    secret: str | None


class WebhookList(ListOut[WebhookOut]):
    """A page of webhooks, newest first."""

    @classmethod
    def of(cls, page: Page[Webhook], stats: dict[str, WebhookStats]) -> Self:
        """The page with the figures of each."""
        data = [WebhookOut.of(webhook, stats[webhook.id]) for webhook in page.data]
        return cls(data=data, next_cursor=page.next_cursor, has_more=page.has_more)


_SHOWN = {
    "id",
    "disabled_at",
    "disabled_reason",
    "disabled_rule",
    "failing_since",
    "consecutive_failures",
    "failure_count",
    "success_count",
    "last_triggered_at",
    "last_success_at",
    "last_failure_at",
    "previous_secret_expires_at",
    "created_by",
    "created_at",
    "updated_at",
}


def _disables_at(webhook: Webhook) -> datetime | None:
    if webhook.state != service.Status.ACTIVE:
        return None
    return policy.announcement(
        auto_disable=webhook.auto_disable,
        disable_after_days=webhook.disable_after_days,
        failing_since=webhook.failing_since,
        consecutive_failures=webhook.consecutive_failures,
        now=clock.now(),
    )
