"""What the API key routes take and answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AliasChoices, Field

from backend.api_keys import due, service
from backend.api_keys.inputs import LIMIT_FIELDS
from backend.api_keys.rules import KeyStatus
from backend.core import clock
from backend.core.web import Body, ListOut, Out
from backend.models import ApiKey, ApiKeySecret

WholeNumber = Annotated[int, Field(strict=True)]


class RateLimits(Body):
    """Requests per window, 1 to 1,000,000; null is no limit."""

    per_minute: WholeNumber | None = None
    per_hour: WholeNumber | None = None
    per_day: WholeNumber | None = None


class ApiKeyUpdate(Body):
    """A change to a key: what is sent changes, the rest stays."""

    name: str | None = None
    description: str | None = None
    scopes: list[str] | None = Field(
        default=None, validation_alias=AliasChoices("scopes", "permissions"), examples=[["events:write", "webhooks:read"]]
    )
    rate_limit: WholeNumber | RateLimits | None = Field(
        default=None, description="A number is per hour; null is no limit. Without any limit a new key has 100 per minute."
    )
    rate_limit_per_minute: WholeNumber | None = None
    rate_limit_per_hour: WholeNumber | None = None
    rate_limit_per_day: WholeNumber | None = None
    allowed_ips: list[str] | None = Field(default=None, examples=[["203.0.113.7", "2001:db8::/32"]])
    expires_at: datetime | None = None
    owner_id: str | None = None
    metadata: dict[str, Any] | None = None
    rotate_every: WholeNumber | None = Field(
        default=None,
        validation_alias=AliasChoices("rotate_every", "rotateEvery", "rotate_every_days", "rotateEveryDays"),
        description="Days after which the key is due for rotation.",
    )
    external_ref: str | None = Field(
        default=None,
        validation_alias=AliasChoices("external_ref", "externalRef", "id"),
        description="The id that another system has for this key.",
    )
    is_active: bool | None = Field(default=None, validation_alias=AliasChoices("is_active", "isActive", "active", "enabled"))

    def given(self) -> dict[str, Any]:
        """The fields that were sent, by the names of `service.KeyInput`."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        values = {_RENAMED.get(name, name): value for name, value in sent.items() if name != "rate_limit"}
        if "rate_limit" in sent:
            values = _limits(self.rate_limit) | values
        for name in _NEVER_NULL & values.keys():
            if values[name] is None:
                del values[name]
        return values


class ApiKeyCreate(ApiKeyUpdate):
    """A key to be made."""

    name: str  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues] - needed here, optional in a change
    scopes: list[str] = Field(  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues] - the same
        validation_alias=AliasChoices("scopes", "permissions"), examples=[["events:write", "webhooks:read"]]
    )


class RotateBody(Body):
    """How long the secret before keeps working: 0 to 168 hours."""

    overlap_hours: float = service.DEFAULT_OVERLAP_HOURS


class CheckBody(Body):
    """The call to be judged; `ip` is the address that it would come from."""

    method: str = Field(examples=["POST"])
    path: str = Field(examples=["/api/v1/events"])
    ip: str | None = None


class SecretOut(Out):
    """One secret of a key: what may be shown of it, and who uses it. `expires_at` is set while a rotation overlaps."""

    id: str
    prefix: str
    last4: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str | None
    last_used_user_agent: str | None
    request_count: int


class ApiKeyOut(Out):
    """A key without its secrets. `status` is active, disabled, expired or revoked."""

    id: str
    name: str
    description: str
    status: KeyStatus
    is_active: bool
    scopes: list[str]
    rate_limit: dict[str, int | None]
    allowed_ips: list[str]
    expires_at: datetime | None
    owner_id: str | None
    created_by: str
    metadata: dict[str, Any]
    rotate_every: int | None
    rotate_due_at: datetime | None
    external_ref: str | None
    key_prefix: str
    last4: str
    active_secrets: list[SecretOut]
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str | None
    last_used_user_agent: str | None
    request_count: int


class ApiKeyCreated(ApiKeyOut):
    """A key with its secret in clear, this once: as `key` and as `secret`. The resource is under `api_key` again."""

    key: str | None
    secret: str | None
    api_key: ApiKeyOut


class KeyStats(Out):
    """The last 24 hours of a key, and all of its requests."""

    requests_total: int
    requests_24h: int
    errors_24h: int
    limited_24h: int
    p95_ms: float | None


class ApiKeyWithStats(ApiKeyOut):
    """A key and how it is used."""

    stats: KeyStats


class ApiKeyList(ListOut[ApiKeyOut]):
    """One page of keys, newest first."""


class DueReasonOut(Out):
    """One thing that is due; `at` is when it is, or since when."""

    kind: due.Kind
    at: datetime
    sentence: str = Field(description="What it is and what to do.")


class DueKeyOut(Out):
    """A key that somebody should look at."""

    id: str
    name: str
    owner_id: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    reasons: list[DueReasonOut]

    @classmethod
    def of(cls, found: service.Due) -> Self:
        """The key with its reasons."""
        return cls(**found.key.model_dump(include=_DUE), reasons=[DueReasonOut.model_validate(each) for each in found.reasons])


class DueList(ListOut[DueKeyOut]):
    """Keys that somebody should look at, the most pressing first; the first 200."""


_DUE = {"id", "name", "owner_id", "expires_at", "last_used_at"}


class CheckOut(Out):
    """Whether the call would be let through, the rule that decides, and why."""

    allowed: bool
    rule: str
    reason: str


class StandingOut(Out):
    """How much of one limit is left; nothing is spent by looking."""

    window: str
    limit: int
    remaining: int
    resets_at: datetime | None


class UsagePointOut(Out):
    """Requests in one minute or hour by outcome."""

    starts_at: datetime
    total: int
    ok: int
    client_error: int
    limited: int
    server_error: int


class RouteUsageOut(Out):
    """Requests to one route."""

    route: str
    total: int
    failed: int


class AddressUsageOut(Out):
    """Requests from one address among the latest thousand."""

    ip: str
    total: int
    last_at: datetime


class SecretUsageOut(SecretOut):
    """One secret of a key, and from where it was used among the key's latest thousand requests."""

    addresses: list[AddressUsageOut]


class UsageOut(Out):
    """The use of a key: over time, by outcome, by route, by address, by secret, and where it stands against its limits."""

    since: datetime
    total: int
    ok: int
    client_error: int
    limited: int
    server_error: int
    p50_ms: float | None
    p95_ms: float | None
    points: list[UsagePointOut]
    routes: list[RouteUsageOut]
    addresses: list[AddressUsageOut]
    secrets: list[SecretUsageOut]
    limits: list[StandingOut]


def resource(key: ApiKey, secrets: Sequence[ApiKeySecret]) -> ApiKeyOut:
    """A key as the API shows it; `secrets` are those that still work, newest first."""
    now, newest = clock.now(), secrets[0] if secrets else None
    status = service.effective_status(key, now)
    return ApiKeyOut(
        id=key.id,
        name=key.name,
        description=key.description,
        status=status,
        is_active=status is KeyStatus.ACTIVE,
        scopes=key.scopes,
        rate_limit={word: getattr(key, name) for name, word in LIMIT_FIELDS.items()},
        allowed_ips=key.allowed_ips,
        expires_at=key.expires_at,
        owner_id=key.owner_id,
        created_by=key.created_by,
        metadata=key.meta,
        rotate_every=key.rotate_every_days,
        rotate_due_at=due.rotation_due(key, secrets),
        external_ref=key.external_ref,
        key_prefix=newest.prefix if newest else "",
        last4=newest.last4 if newest else "",
        active_secrets=[SecretOut.model_validate(secret) for secret in secrets],
        created_at=key.created_at,
        updated_at=key.updated_at,
        disabled_at=key.disabled_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
        last_used_ip=key.last_used_ip,
        last_used_user_agent=key.last_used_user_agent,
        request_count=key.request_count,
    )


_RENAMED = {
    "rate_limit_per_minute": "limit_per_minute",
    "rate_limit_per_hour": "limit_per_hour",
    "rate_limit_per_day": "limit_per_day",
    "rotate_every": "rotate_every_days",
}
_NEVER_NULL = {"name", "scopes", "is_active"}


def _limits(value: int | RateLimits | None) -> dict[str, int | None]:
    if isinstance(value, RateLimits):
        return {name: getattr(value, word) for name, word in LIMIT_FIELDS.items() if word in value.model_fields_set}
    return {name: value if name == "limit_per_hour" else None for name in LIMIT_FIELDS}
