"""What the routes of the door's settings take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import Field, SkipValidation

from backend.core.web import Body, Moment, Out
from backend.gateway import versions
from backend.gateway.instance import GatewaySettings
from backend.gateway.versions import State

_LIMITS = {"POST /api/v1/events": 600}
_LIMITS_TEXT = (
    "Requests per minute of each caller by endpoint, its method and path as the documentation writes them; 1 to 1,000,000. "
    "What is sent replaces the whole table."
)


class GatewayUpdate(Body):
    """What is sent changes. The values are checked all together, so that every mistake is told at once."""

    query_keys: SkipValidation[bool] = Field(default=True, description="Whether an API key may come in the query, as `api_key`.")
    anonymous_per_minute: SkipValidation[int] = Field(
        default=100, description="Requests per minute of an address without a credential, 1 to 1,000,000."
    )
    endpoint_limits: SkipValidation[dict[str, int]] = Field(default_factory=dict[str, int], examples=[_LIMITS], description=_LIMITS_TEXT)
    sunsets: dict[str, Moment] = Field(
        default_factory=dict[str, datetime],
        examples=[{"older": "2027-06-30T00:00:00Z"}],
        description="When versions of the API end, by their names; told in the header `Sunset`.",
    )

    def changes(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class VersionOut(Out):
    """A version of the API and how long it will be there."""

    name: str
    prefix: str
    title: str
    state: State
    deprecated_at: datetime | None
    successor: str | None
    sunset: datetime | None


class GatewayOut(Out):
    """The settings of the door for the whole installation, and the versions of the API."""

    query_keys: bool
    anonymous_per_minute: int
    endpoint_limits: dict[str, int] = Field(examples=[_LIMITS])
    sunsets: dict[str, datetime]
    versions: list[VersionOut]

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        """The settings as the API shows them."""
        known = [
            VersionOut(
                name=version.name,
                prefix=version.prefix,
                title=version.title,
                state=version.state,
                deprecated_at=version.deprecated_at,
                successor=version.successor,
                sunset=settings.sunsets.get(version.name),
            )
            for version in versions.VERSIONS
        ]
        return cls(**settings.model_dump(), versions=known)
