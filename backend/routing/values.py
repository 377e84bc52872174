"""The values that the services of routes take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.core.errors import FieldError
from backend.integrations.failures import Failure
from backend.integrations.values import Sent
from backend.models import Integration, Route, RouteRun
from backend.routing.actions import Action


@dataclass(frozen=True, slots=True)
class Held:
    """Why nothing goes along the way to an integration for now, and what to do."""

    reason: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A route with the integration that it leads to (None if that was deleted), and what holds it up."""

    route: Route
    integration: Integration | None
    held: Held | None


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run; of one that waits because its integration is held up, that is the cause."""

    run: RouteRun
    held: Held | None

    @property
    def error(self) -> str:
        """Why it is not done."""
        return self.held.reason if self.held is not None else self.run.error

    @property
    def next_step(self) -> str:
        """What to do."""
        return self.held.next_step if self.held is not None else self.run.next_step


@dataclass(frozen=True, slots=True)
class Capable:
    """An integration, and what it can be made to do."""

    integration: Integration
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a route is tried with: a stored event by its id, data of a type, or neither: the newest event, else the type's sample."""

    event_id: str | None = None
    type: str | None = None
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What a route would make of an event. `source` is event, data or sample; `refused` why it would not take it."""

    source: str
    event: Mapping[str, Any]
    refused: str
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    words: str = ""
    errors: tuple[FieldError, ...] = ()
    sent: Sent | None = None
    failure: Failure | None = None
