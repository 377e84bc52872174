"""What the routes of incoming webhooks take and answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, cast

from pydantic import AliasChoices, ConfigDict, Field, SkipValidation, model_serializer, model_validator

from backend.core import texts
from backend.core.web import Body, ListOut, Moment, Out, TailOut
from backend.incoming import service
from backend.incoming.health import Health
from backend.incoming.presets import Preset
from backend.incoming.replaying import Rehearsal
from backend.incoming.storage import Shown
from backend.models import IncomingRequest, IncomingToken, IncomingWebhook

_RENAMED = {"module_id": "module", "moduleId": "module", "isActive": "is_active", "active": "is_active", "enabled": "is_active"}
_MAPPING = [
    {"source": "issue.title", "target": "subject", "required": True},
    {"source": "sender.login", "target": "assigned_to", "transform": {"name": "lower"}},
]


class IncomingUpdate(Body):
    """What is sent changes. The values are checked all together by the service, so that every mistake is told at once."""

    name: SkipValidation[str] = Field(default="", examples=["Form submissions"])
    module: SkipValidation[str] = Field(default="", examples=["contacts"], description="A module by its name or id, or `orders`.")
    action: SkipValidation[str] = Field(default="create", examples=["upsert"], description="create, update or upsert.")
    upsert_field: SkipValidation[str | None] = Field(
        default=None,
        examples=["email"],
        description="The unique field by which update and upsert find the record; orders are found by `external_id`.",
    )
    field_mapping: SkipValidation[Any] = Field(
        default=None,
        examples=[{"email": "email", "name": "full_name"}],
        description='`{"source.path": "field"}`, or a list of `{"source", "target", "transform"?, "default"?, "required"?, "type"?, "each"?}`.',
    )
    items: SkipValidation[str | None] = Field(default=None, description="Where a list is, of whose items each becomes a record.")
    verification: SkipValidation[Any] = Field(
        default=None,
        examples=[{"scheme": "github", "secret": "It's a Secret to Everybody"}],
        description="`scheme` with its `secret`, which is write-only; `previous_secret` is taken beside it.",
    )
    rate_limit: SkipValidation[int | None] = Field(default=1000, description="Requests per minute, 1 to 1,000,000; null for no limit.")
    is_active: SkipValidation[bool] = Field(default=True, description="False refuses requests, and keeps them.")

    @model_validator(mode="before")
    @classmethod
    def _translate(cls, body: Any) -> Any:
        if not isinstance(body, dict):
            return body
        if not texts.is_storable(body):
            raise ValueError("holds a text with a NUL or half a character; take those characters out")
        given = cast("dict[str, Any]", body)
        found = {name: value for name, value in given.items() if name not in _RENAMED}
        return {_RENAMED[name]: value for name, value in given.items() if name in _RENAMED} | found

    @model_serializer(mode="plain")
    def changes(self) -> dict[str, Any]:
        """The fields that were sent, unchecked, always in the same order."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class IncomingCreate(IncomingUpdate):
    """A new incoming webhook."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"required": ["name", "module"]})
    source: SkipValidation[str | None] = Field(
        default=None, description="A known source, which brings its verification and a mapping to start from; GET …/sources lists them."
    )


class TokenRotation(Body):
    """How long the old address goes on working beside the new one."""

    overlap_hours: float = Field(default=24, description="0 to 168.", examples=[24])


class ReplayFailed(Body):
    """Which requests are processed again: all since a time that were rejected, or kept without a mapping."""

    since: Moment = Field(description="Those that arrived then or later.", examples=["2026-01-31T09:30:00Z"])
    dry_run: bool = Field(default=False, description="Only count them.")


class DryRun(Body):
    """Settings to try out instead of those of now; without any, those of now."""

    limit: int = Field(default=10, ge=1, le=50, description="How many of the last requests.", examples=[10])
    field_mapping: SkipValidation[Any] = Field(default=None, examples=[_MAPPING], description="As in the webhook.")
    action: SkipValidation[str] = Field(default="create", description="As in the webhook.")
    upsert_field: SkipValidation[str | None] = Field(default=None, description="As in the webhook.")
    items: SkipValidation[str | None] = Field(default=None, description="As in the webhook.")

    def changes(self) -> dict[str, Any]:
        """The settings that were sent."""
        return {name: getattr(self, name) for name in ("field_mapping", "action", "upsert_field", "items") if name in self.model_fields_set}


class SourceOut(Out):
    """A known source."""

    name: str = Field(examples=["github"])
    label: str = Field(examples=["GitHub"])
    category: str = Field(examples=["developers"])
    description: str
    secret_hint: str = Field(description="Where its secret is found.", examples=["Settings → Webhooks → Secret"])
    module: str | None = Field(examples=["tickets"])
    action: str = Field(examples=["create"])
    upsert_field: str | None = Field(examples=[None])
    items: str | None = Field(examples=[None])
    verification: dict[str, Any] = Field(examples=[{"scheme": "github"}])
    field_mapping: list[dict[str, Any]] = Field(examples=[_MAPPING])
    sample: Any = Field(description="A payload as it sends it.", examples=[{"action": "opened"}])

    @classmethod
    def of(cls, preset: Preset) -> SourceOut:
        """From a preset."""
        return cls.model_validate(preset)


class SourceList(ListOut[SourceOut]):
    """Every known source."""


class TokenOut(Out):
    """A token, without itself."""

    id: str
    last4: str
    created_at: datetime
    expires_at: datetime | None = Field(description="When the old address ends; null for the current one.", examples=[None])


class StatsOut(Out):
    """Requests of the last hours by what became of them."""

    received: int = Field(examples=[120])
    accepted: int = Field(examples=[117])
    duplicates: int = Field(examples=[2])
    rejected: dict[str, int] = Field(description="By reason: the step that failed.", examples=[{"signature": 1}])
    last_at: datetime | None


class PointOut(Out):
    """Requests of one minute or hour."""

    starts_at: datetime
    accepted: int
    rejected: int


class ChangeOut(Out):
    """A place in the payloads of one kind of event that came or went."""

    event: str = Field(examples=["issues"])
    path: str = Field(examples=["issue.labels[].name"])
    at: datetime


class HealthOut(StatsOut):
    """How an incoming webhook does, over time; and what has changed in the payloads of its source."""

    series: list[PointOut]
    appeared: list[ChangeOut] = Field(description="Places that ten requests before had not.")
    vanished: list[ChangeOut] = Field(description="Places that were usual, and that the last ten requests had not.")

    @classmethod
    def of(cls, health: Health) -> HealthOut:
        """From the figures."""
        parts = {name: [vars_of(each) for each in getattr(health, name)] for name in ("series", "appeared", "vanished")}
        return cls.model_validate({**stats_of(health), **parts})


class LogOut(Out):
    """One request that arrived, and what became of it."""

    id: str
    created_at: datetime
    incoming_webhook_id: str = Field(validation_alias=AliasChoices("incoming_webhook_id", "incoming_id"))
    status: str = Field(description="received, accepted, captured (nothing is mapped yet), duplicate or rejected.", examples=["accepted"])
    reason: str | None = Field(description="The step that failed.", examples=[None])
    detail: str | None = Field(validation_alias=AliasChoices("detail", "sentence"), examples=[None])
    errors: list[dict[str, str]] = Field(examples=[[]])
    action: str | None = Field(
        validation_alias=AliasChoices("action", "outcome"), description="created, updated, unchanged or handshake.", examples=["created"]
    )
    record_id: str | None = Field(examples=["rec_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    record_ids: list[str] = Field(examples=[["rec_01k5z7q0v6e3tbn8m2c4d9f1hn"]])
    source_id: str | None = Field(description="The source's own id of it.", examples=["72d3162e-cc78-11e3-81ab-4c9367dc0958"])
    event: str = Field(examples=["issues"])
    size: int = Field(description="Bytes of the body.", examples=[8214])
    ip: str
    user_agent: str
    duration_ms: float | None
    mapping_version: int
    trace_id: str
    replays: int = Field(examples=[0])
    replayed_by: str | None = Field(examples=[None])
    processed_at: datetime | None


class StepOut(Out):
    """The verdict of one step."""

    name: str = Field(examples=["signature"])
    ok: bool
    text: str = Field(examples=["The signature matches."])


class LogDetailOut(LogOut):
    """The same with the request itself, its secrets cut out, and the verdict of each step."""

    steps: list[StepOut]
    method: str
    query: str
    headers: list[tuple[str, str]] = Field(examples=[[["content-type", "application/json"]]])
    body: str = Field(description="As text, or base64 if it is none; at most 64 KiB.")
    encoding: str
    truncated: bool
    payload: Any = Field(description="The body as it was read; null if it could not be.", examples=[{"action": "opened"}])

    @classmethod
    def shown(cls, row: IncomingRequest, shown: Shown) -> LogDetailOut:
        """From a row and its opened content."""
        return cls.model_validate({**row.model_dump(), **vars_of(shown)})


class LogList(ListOut[LogOut]):
    """A page of requests, newest first."""


class LogTail(TailOut[LogOut]):
    """Requests as they come, oldest first."""


class ReceivedOut(Out):
    """What became of a request."""

    success: bool
    status: str = Field(
        description="accepted, duplicate, captured (nothing is mapped yet) or received (done in a moment).", examples=["accepted"]
    )
    id: str | None = Field(default=None, description="The record or order.", examples=["rec_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    ids: list[str] = Field(examples=[["rec_01k5z7q0v6e3tbn8m2c4d9f1hn"]])
    action: str | None = Field(default=None, description="created, updated, unchanged or handshake.", examples=["created"])
    module: str = Field(examples=["contacts"])
    request_id: str = Field(description="The stored request.", examples=["irq_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    trace_id: str = Field(description="This call, as in `X-Request-Id`.", examples=["req_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    detail: str | None = Field(default=None, description="Where it was not processed: why.", examples=[None])


class IncomingOut(Out):
    """An incoming webhook, without its token and its secrets."""

    id: str
    created_at: datetime
    updated_at: datetime
    name: str = Field(examples=["Form submissions"])
    status: str = Field(description="active or disabled", examples=["active"])
    is_active: bool
    isActive: bool = Field(description="The same as `is_active`.")  # noqa: N815 - the older clients' name
    module: str = Field(examples=["contacts"])
    action: str = Field(examples=["upsert"])
    upsert_field: str | None = Field(examples=["email"])
    field_mapping: list[dict[str, Any]] = Field(examples=[_MAPPING])
    mapping_version: int
    items: str | None = Field(examples=[None])
    verification: dict[str, Any] = Field(
        description="Without secrets; `has_secret` says whether there is one.", examples=[{"scheme": "github", "has_secret": True}]
    )
    source: str | None = Field(examples=["github"])
    rate_limit: int | None = Field(examples=[1000])

    @staticmethod
    def parts(row: IncomingWebhook) -> dict[str, Any]:
        """The members, from a row."""
        active = row.state == "active"
        times = {"id": row.id, "created_at": row.created_at, "updated_at": row.updated_at}
        return {**times, **service.describe(row), "is_active": active, "isActive": active}

    @classmethod
    def of(cls, row: IncomingWebhook) -> IncomingOut:
        """From a row."""
        return cls.model_validate(cls.parts(row))


class IncomingWithToken(IncomingOut):
    """The same with its address and token, which are shown this once."""

    url: str | None = Field(examples=["https://crossdock.example.com/api/v1/webhooks/incoming/xdi_4fQ0cVb7…"])
    token: str | None = Field(examples=["xdi_4fQ0cVb7…"])

    @classmethod
    def made(cls, row: IncomingWebhook, token: str) -> IncomingWithToken:
        """From a row and its new token."""
        return cls.model_validate({**cls.parts(row), "url": service.url(token), "token": token})


class IncomingDetail(IncomingOut):
    """The same with its tokens' ends, figures of the last 24 hours, and the last 10 requests."""

    tokens: list[TokenOut]
    stats: StatsOut
    logs: list[LogOut]

    @classmethod
    def shown(cls, row: IncomingWebhook, tokens: list[IncomingToken], health: Health, logs: list[IncomingRequest]) -> IncomingDetail:
        """From a row and what belongs to it."""
        more = {"tokens": tokens, "stats": stats_of(health), "logs": logs}
        return cls.model_validate({**cls.parts(row), **more})


class IncomingList(ListOut[IncomingOut]):
    """A page of incoming webhooks, newest first."""


class ReplayedOut(Out):
    """How many requests are processed again."""

    total: int = Field(examples=[12])
    dry_run: bool


class CellOut(Out):
    """One field of what a request would have become."""

    source: str = Field(examples=["issue.title"])
    target: str = Field(examples=["subject"])
    given: Any = Field(description="As it came; null if it did not.", examples=["Cannot sign in"])
    value: Any = Field(description="As it would be stored.", examples=["Cannot sign in"])
    before: Any = Field(description="As the record has it.", examples=[None])
    changed: bool


class RehearsalOut(Out):
    """What one request would have become."""

    request: LogOut
    outcome: str = Field(description="created, updated, unchanged, captured or rejected.", examples=["created"])
    sentence: str = Field(examples=["A record would be created."])
    cells: list[CellOut]
    errors: list[dict[str, str]] = Field(examples=[[]])
    document: dict[str, Any] | None = Field(description="The record as it would be.", examples=[{"subject": "Cannot sign in"}])


class DryRunOut(Out):
    """What each of the last requests would have become, newest first. Nothing of it was kept."""

    data: list[RehearsalOut]

    @classmethod
    def of(cls, found: list[Rehearsal]) -> DryRunOut:
        """From rehearsals."""
        return cls.model_validate({"data": [{**vars_of(each), "cells": [vars_of(cell) for cell in each.cells]} for each in found]})


def vars_of(value: Any) -> dict[str, Any]:
    """The members of a frozen dataclass."""
    return {name: getattr(value, name) for name in cast("Mapping[str, Any]", type(value).__dataclass_fields__)}


def stats_of(health: Health) -> dict[str, Any]:
    """The figures alone."""
    return {name: getattr(health, name) for name in ("received", "accepted", "duplicates", "rejected", "last_at")}
