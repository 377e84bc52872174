"""The access check: may this key, from this address, do this call now, and which rule decides? Answered without spending a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session

from backend.api_keys import queries, rules
from backend.api_keys.auth import record_of
from backend.api_keys.rules import KeyRecord, LimitWindow
from backend.core import clock, permissions, queue, rate_limit, web
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, FieldError, Invalid, NotFound
from backend.core.permissions import Permission
from backend.models import ApiKey


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """What the door knows of a call: its route, the permission that it needs (None: there is no such call)."""

    route: str
    permission: Permission | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a call would be let through, by which rule (`status`, `ip`, `route`, `scope`, `rate_limit`, `none`), and why."""

    allowed: bool
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of one limit is left. `resets_at` is None while its window has not begun."""

    window: str
    limit: int
    remaining: int
    resets_at: datetime | None


RouteLookup = Callable[[str, str], RouteFacts]
