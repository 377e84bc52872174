"""What the calls about routes take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import AliasChoices, ConfigDict, Field, SkipValidation, model_serializer

from backend.core.web import Body, ListOut, Out
from backend.integrations import catalogue, timeline
from backend.routing.actions import Action
from backend.routing.values import Capable, Held, Listed, ListedRun, Occasion, Tried

_MAPPING = [
    {"source": "", "target": "text", "transform": [{"name": "template", "text": "New order {data.id}: {data.total} EUR"}]},
    {"source": "", "target": "channel", "transform": [{"name": "constant", "value": "#orders"}]},
]


class RouteUpdate(Body):
    """What is sent changes. The values are checked all together by the service, so that every mistake is told at once."""

    name: SkipValidation[str] = Field(default="", description="Made from action and integration if left out.", examples=["Orders to Slack"])
    events: SkipValidation[list[str]] = Field(
        default_factory=list[str], description="Event types: exact, `order.*` or `*`.", examples=[["order.created"]]
    )
    filter: SkipValidation[dict[str, Any] | None] = Field(
        default=None,
        description="Conditions on the event, as webhooks have them; null takes every event.",
        examples=[{"field": "data.total", "op": "gte", "value": 10}],
    )
    integration_id: SkipValidation[str] = Field(
        default="", description="The integration that acts.", examples=["int_01k5z7q0v6e3tbn8m2c4d9f1hr"]
    )
    action: SkipValidation[str] = Field(
        default="",
        description="message, new_lead, new_ticket, failing_webhook, calendar_event or email; GET /api/v1/routes/actions tells the inputs.",
        examples=["message"],
    )
    mapping: SkipValidation[Any] = Field(
        default=None,
        description='From the event to the action\'s inputs: `{"data.email": "to"}`, or a list of `{"source", "target", "transform"?, '
        '"default"?, "required"?}`. Without one, messages about data show that of the event.',
        examples=[_MAPPING],
    )
    is_active: SkipValidation[bool] = Field(
        default=True, validation_alias=AliasChoices("is_active", "isActive", "active", "enabled"), description="False takes no events."
    )

    @model_serializer(mode="plain")
    def changes(self) -> dict[str, Any]:
        """The fields that were sent, unchecked, always in the same order."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class RouteCreate(RouteUpdate):
    """A new route."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"required": ["events", "integration_id", "action"]})


class RouteTest(Body):
    """What to try a route with: the newest event that it takes, else the sample of its type, unless something is named."""

    event_id: str | None = Field(default=None, max_length=64, description="A stored event.", examples=["evt_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    event: str | None = Field(default=None, max_length=100, description="An event type, with `data` or its newest event or sample.")
    data: dict[str, Any] | None = Field(default=None, description="The event's data, made up for this.")
    send: bool = Field(default=False, description="Do it, rather than tell what would be done.")

    def occasion(self) -> Occasion:
        """The same for the service."""
        return Occasion(self.event_id, self.event, self.data)


class HeldOut(Out):
    """What holds up the runs of a route."""

    reason: str = Field(examples=["Slack is disabled."])
    next_step: str = Field(examples=["Enable the integration; what waits is sent then."])


class TargetOut(Out):
    """The integration that a route leads to."""

    id: str = Field(examples=["int_01k5z7q0v6e3tbn8m2c4d9f1hr"])
    name: str = Field(examples=["Sales team"])
    provider: str = Field(examples=["slack"])
    status: timeline.Status


class RouteOut(Out):
    """A route."""

    id: str
    name: str = Field(examples=["Orders to Slack"])
    is_active: bool
    events: list[str] = Field(examples=[["order.created"]])
    filter: dict[str, Any] | None
    integration_id: str
    integration: TargetOut | None = Field(description="Null if it was deleted.")
    action: str = Field(examples=["message"])
    mapping: list[dict[str, Any]] = Field(examples=[_MAPPING])
    held: HeldOut | None = Field(description="Why its runs wait, if they do.", examples=[None])
    done: int = Field(description="Runs that were done.", examples=[120])
    failed: int = Field(description="Runs that failed for good.", examples=[0])
    last_run_at: datetime | None
    last_status: str = Field(description="Of the run that ended last: done or failed.", examples=["done"])
    last_error: str = Field(examples=[""])
    template: str = Field(description="The template that it was installed from.", examples=["new_order_to_slack"])
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, listed: Listed) -> Self:
        """From the service's answer."""
        row, target = listed.route, listed.integration
        shown = None
        if target is not None:
            shown = TargetOut(id=target.id, name=target.name, provider=target.provider, status=timeline.shown(target))
        return cls(
            id=row.id,
            name=row.name,
            is_active=row.is_active,
            events=row.event_types,
            filter=row.filter,
            integration_id=row.integration_id,
            integration=shown,
            action=row.action,
            mapping=row.mapping,
            held=_held(listed.held),
            done=row.done_count,
            failed=row.failed_count,
            last_run_at=row.last_run_at,
            last_status=row.last_status,
            last_error=row.last_error,
            template=row.template,
            created_by=row.created_by,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class RouteList(ListOut[RouteOut]):
    """One page, newest first."""


class ActionInputOut(Out):
    """One thing that an action takes."""

    name: str = Field(examples=["text"])
    label: str = Field(examples=["Text"])
    help: str = Field(examples=["What it says."])
    required: bool
    many: bool = Field(description="A list, or one text with commas.", examples=[False])


class ActionOut(Out):
    """Something that an integration can be made to do."""

    id: str = Field(examples=["message"])
    label: str = Field(examples=["Send a message"])
    inputs: list[ActionInputOut]
    mapping: list[dict[str, Any]] = Field(description="One to begin with.", examples=[_MAPPING])
    open: bool = Field(description="Whether inputs by any further name are shown, too.", examples=[False])

    @classmethod
    def of(cls, action: Action) -> Self:
        """From an action."""
        inputs = [ActionInputOut.model_validate(each) for each in action.inputs]
        return cls(id=action.id, label=action.label, inputs=inputs, mapping=[dict(each) for each in action.start], open=action.open)


class CapableOut(Out):
    """An integration, and what it can be made to do."""

    integration_id: str
    name: str = Field(examples=["Sales team"])
    provider: str = Field(examples=["slack"])
    provider_name: str = Field(examples=["Slack"])
    status: timeline.Status
    actions: list[ActionOut]

    @classmethod
    def of(cls, found: Capable) -> Self:
        """From the service's answer."""
        row = found.integration
        return cls(
            integration_id=row.id,
            name=row.name,
            provider=row.provider,
            provider_name=catalogue.get(row.provider).name,
            status=timeline.shown(row),
            actions=[ActionOut.of(each) for each in found.actions],
        )


class CapableList(ListOut[CapableOut]):
    """Every integration that can be made to do something, by name."""


class MistakeOut(Out):
    """What keeps an action from being done with an event."""

    path: str = Field(examples=["to"])
    message: str = Field(examples=["is empty for this event."])
    fix: str = Field(examples=["Map it to something that every such event has, or give a default."])


class RouteTestedOut(Out):
    """What a route makes of an event; what was sent, if it was to be."""

    source: str = Field(description="event: a stored one; sample: that of the type; data: what was sent.", examples=["event"])
    event: dict[str, Any] = Field(examples=[{"type": "order.created", "data": {"id": "4711", "total": 42.5}}])
    matched: bool = Field(description="Whether the route takes the event.", examples=[True])
    refused: str = Field(description="Why not: the type, or the condition that did not hold.", examples=[""])
    inputs: dict[str, Any] = Field(examples=[{"text": "New order 4711: 42.5 EUR", "channel": "#orders"}])
    preview: str = Field(description="What would be sent, to be read.", examples=["To #orders:\nNew order 4711: 42.5 EUR"])
    errors: list[MistakeOut] = Field(examples=[[]])
    sent: bool = Field(examples=[False])
    message: str = Field(description="What the provider did, or why it did not.", examples=[""])
    next_step: str = Field(examples=[""])
    provider_id: str = Field(description="The provider's id of what was sent.", examples=[""])

    @classmethod
    def of(cls, tried: Tried) -> Self:
        """From the service's answer."""
        told = tried.sent.message if tried.sent is not None else tried.failure.cause if tried.failure is not None else ""
        return cls(
            source=tried.source,
            event=dict(tried.event),
            matched=not tried.refused,
            refused=tried.refused,
            inputs=dict(tried.inputs),
            preview=tried.words,
            errors=[MistakeOut(path=each.path, message=each.message, fix=each.fix) for each in tried.errors],
            sent=tried.sent is not None,
            message=told,
            next_step=tried.failure.next_step if tried.failure is not None else "",
            provider_id=tried.sent.id if tried.sent is not None else "",
        )


class RunOut(Out):
    """One event on its way through a route."""

    id: str
    route_id: str
    event_id: str
    event: str
    status: str = Field(description="pending, sending, retrying, done, failed or skipped.", examples=["done"])
    attempts: int = Field(examples=[1])
    sent: dict[str, Any] | None = Field(description="The inputs of the action.", examples=[{"text": "New order 4711: 42.5 EUR"}])
    provider_id: str = Field(description="The provider's id of what was sent.", examples=["1760000000.000100"])
    message: str = Field(examples=["The message was sent."])
    error: str = Field(description="Why it is not done.", examples=[""])
    next_step: str = Field(examples=[""])
    error_class: str = Field(examples=[""])
    next_attempt_at: datetime | None = Field(description="When it is tried next.", examples=[None])
    trace_id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, listed: ListedRun) -> Self:
        """From the service's answer."""
        row = listed.run
        return cls(
            id=row.id,
            route_id=row.route_id,
            event_id=row.event_id,
            event=row.event_type,
            status=row.status,
            attempts=row.attempt_count,
            sent=row.sent,
            provider_id=row.provider_id,
            message=row.message,
            error=listed.error,
            next_step=listed.next_step,
            error_class=row.error_class,
            next_attempt_at=row.due_at,
            trace_id=row.trace_id,
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )


class RunList(ListOut[RunOut]):
    """One page, newest first."""


class RunAgainOut(Out):
    """How many runs are carried out again."""

    runs: int = Field(examples=[12])


def _held(held: Held | None) -> HeldOut | None:
    return HeldOut(reason=held.reason, next_step=held.next_step) if held is not None else None
