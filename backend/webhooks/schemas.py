"""What the routes of webhooks take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import ConfigDict, Field, SkipValidation, model_serializer, model_validator

from backend.core import clock, texts
from backend.core.errors import CrossdockError, Invalid
from backend.core.pagination import Page
from backend.core.web import Body, ListOut, Out
from backend.models import Webhook
from backend.webhooks import bulk, older_names, policy, service, validation
from backend.webhooks.queries import WebhookStats


def _needs_an_address(schema: dict[str, Any]) -> None:
    schema["required"] = ["url", "events"]
    for name in schema["required"]:
        schema["properties"][name].pop("default", None)


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

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra=_needs_an_address)

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


class BulkFilter(Body):
    """Which webhooks are meant, as the list has them; all of them if nothing is given."""

    status: str | None = Field(default=None, description="active, failing, paused or disabled.")
    q: str | None = Field(default=None, max_length=400, description="Part of a name or URL, an id or a reference.")


class BulkBody(Body):
    """One action on many webhooks: `ids`, or a `filter` and then a page of 200 at a time."""

    action: bulk.Action
    ids: list[str] | None = Field(default=None, description="1 to 200 webhooks.", examples=[["whk_01k5z7q0v6e3tbn8m2c4d9f1hp"]])
    filter: BulkFilter | None = Field(default=None, examples=[{"status": "failing"}])
    events: list[str] = Field(default_factory=list[str], description="For add_events and remove_events.", examples=[["order.created"]])
    missed: Literal["send", "skip"] = Field(default="skip", description="For enable: what becomes of that which a webhook missed.")
    reason: str = Field(default="", max_length=400, description="For disable.")
    overlap_hours: float = Field(default=24, description="For rotate: 0 to 168.")
    cursor: str | None = Field(default=None, description="`next_cursor` of the answer before, with the same filter.")

    @model_validator(mode="after")
    def _name_them(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("needs either ids or a filter; an empty filter means every webhook")
        return self

    def order(self) -> bulk.Order:
        """The same for the service."""
        chosen = self.filter or BulkFilter()
        return bulk.Order(
            action=self.action,
            ids=self.ids,
            status=chosen.status,
            q=chosen.q,
            cursor=self.cursor,
            events=self.events,
            missed=self.missed,
            reason=self.reason,
            overlap_hours=self.overlap_hours,
        )


class BulkRefusal(Out):
    """Why one webhook was left as it is, as the same call on it alone would tell."""

    status: int
    code: str
    detail: str
    errors: list[dict[str, str]]


class BulkItem(Out):
    """What became of one webhook. `status` and `events` are as they are now, null of one that is gone; `secret` is a new one, shown once."""

    id: str
    ok: bool
    name: str | None
    status: service.Status | None
    events: list[str] | None
    secret: str | None
    error: BulkRefusal | None

    @classmethod
    def of(cls, outcome: bulk.Outcome) -> Self:
        """The outcome as the API shows it."""
        webhook, refusal = outcome.webhook, outcome.refusal
        return cls(
            id=outcome.webhook_id,
            ok=refusal is None,
            name=webhook.name if webhook else None,
            status=service.status(webhook) if webhook else None,
            events=list(webhook.event_types) if webhook else None,
            secret=outcome.secret,
            error=_refused(refusal) if refusal else None,
        )


class BulkOut(Out):
    """What became of every webhook of the page; `has_more` while the filter shows further ones."""

    action: bulk.Action
    succeeded: int
    failed: int
    data: list[BulkItem]
    next_cursor: str | None
    has_more: bool

    @classmethod
    def of(cls, action: bulk.Action, page: Page[bulk.Outcome]) -> Self:
        """The outcomes, counted."""
        data = [BulkItem.of(outcome) for outcome in page.data]
        succeeded = sum(item.ok for item in data)
        return cls(
            action=action,
            succeeded=succeeded,
            failed=len(data) - succeeded,
            data=data,
            next_cursor=page.next_cursor,
            has_more=page.has_more,
        )


def _refused(refusal: CrossdockError) -> BulkRefusal:
    errors = (
        [{"path": each.path, "message": each.message, "fix": each.fix} for each in refusal.errors] if isinstance(refusal, Invalid) else []
    )
    return BulkRefusal(status=refusal.status, code=refusal.code, detail=refusal.detail, errors=errors)


class StatsOut(Out):
    """Attempts over the last hours and what waits now; latencies in milliseconds."""

    total: int = Field(description="Attempts; a delivery that is tried three times counts as three.")
    delivered: int = Field(description="Attempts that succeeded, which is the number of deliveries that arrived.")
    failed: int = Field(description="Attempts that failed, also where a later one delivered.")
    success_rate: float | None = Field(description="How many percent of the attempts succeeded; null without attempts.")
    p50_ms: float | None = Field(description="How long half of the attempts took at most, estimated; never beyond what was measured.")
    p95_ms: float | None = Field(description="How long 95 % of the attempts took at most, estimated; never beyond what was measured.")
    waiting: int = Field(description="Deliveries that wait or are retried now; stops counting at 10,000.")


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
