"""The access check: may this key, from this address, do this call now, and which rule decides? Answered without spending a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from backend.api_keys import queries, rules
from backend.api_keys.auth import record_of
from backend.api_keys.rules import KeyRecord
from backend.core import clock, pagination, permissions, rate_limit, web
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, Forbidden, NotFound, Unauthenticated, Unavailable
from backend.core.permissions import Permission


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """What the door knows of a call: its route, the permission that it needs, and the limit that the operator has set on it."""

    route: str
    permission: Permission
    limit: rate_limit.Window | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a call would be let through, the rule that decides, and why.

    `rule` is revoked, disabled, expired, ip, route, scope, users_only, rate_limit, or allowed.
    """

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


@dataclass(frozen=True, slots=True)
class KeyStandings:
    """Where a key stands against each of its limits. `limits` is None while Redis is away and each process counts for itself."""

    key_id: str
    name: str
    limits: list[Standing] | None


RouteLookup = Callable[[str, str], RouteFacts | None]


class _Bound:
    routes: RouteLookup | None = None


def bind(routes: RouteLookup) -> None:
    """Say how calls are looked up; the door does when it is made."""
    _Bound.routes = routes


def check(session: Session, *, actor: Actor, key_id: str, method: str, path: str, ip: str | None = None) -> Decision:
    """Judge a call by the rules of the door, in its order; the address only if one is given. Raises `NotFound` for the key."""
    permissions.require(actor, permissions.API_KEYS_READ)
    record = _record(session, actor, key_id)
    refusal = rules.refusal_of_key(record, now=clock.now()) or (rules.refusal_of_address(record, ip) if ip else None)
    if refusal is not None:
        return _refused(refusal)
    assert _Bound.routes is not None  # noqa: S101 - the door binds it before a request can come
    facts = _Bound.routes(method.upper(), path.partition("?")[0])
    if facts is None:
        return Decision(allowed=False, rule="route", reason=f"There is no call {method.upper()} {path}.")
    if facts.permission is web.PUBLIC:
        return Decision(allowed=True, rule="allowed", reason=f"{facts.route} is open to everybody.")
    if facts.permission is not web.AUTHENTICATED:
        refusal = rules.refusal_of_scope(record.actor(ip=ip or ""), facts.permission)
        if refusal is not None:
            return _refused(refusal)
    for standing in _look(record, facts.limit):
        end = standing.ends_at()
        if standing.remaining < 1 and end is not None:
            where = f" of {facts.route}" if standing.window == facts.limit else ""
            limit = f"{standing.window.limit:,} {standing.window.words}{where}"
            return Decision(allowed=False, rule="rate_limit", reason=f"The limit of {limit} is used up until {clock.rfc3339(end)}.")
    needed = (facts.permission.scope, *facts.permission.also) if facts.permission.scope else ()
    held = next((f"by its scope {scope}" for scope in needed if permissions.holds(record.scopes, scope)), "to every key")
    return Decision(allowed=True, rule="allowed", reason=f"{facts.route} is open to this key {held}.")


def standings(session: Session, *, actor: Actor, key_id: str) -> list[Standing]:
    """Where a key stands against each of its limits now; looking spends nothing. Raises `NotFound`."""
    permissions.require(actor, permissions.API_KEYS_READ)
    found = _look(_record(session, actor, key_id))
    return [_told(each) for each in found]


def all_standings(session: Session, *, actor: Actor, limit: int, cursor: str | None) -> pagination.Page[KeyStandings]:
    """Where each active key that has a limit stands now, newest key first; looking spends nothing. Raises `Invalid`."""
    permissions.require(actor, permissions.METRICS_READ)
    page = queries.limited(session, workspace_id=actor.workspace_id, now=clock.now(), limit=limit, cursor=cursor)
    windows = [rules.windows(key.limit_per_minute, key.limit_per_hour, key.limit_per_day) for key in page.data]
    try:
        found = rate_limit.peek_all([(key.id, each) for key, each in zip(page.data, windows, strict=True)]) if page.data else []
    except Unavailable:
        return page.map(lambda key: KeyStandings(key.id, key.name, None))
    by_key = {key.id: [_told(each) for each in standings] for key, standings in zip(page.data, found, strict=True)}
    return page.map(lambda key: KeyStandings(key.id, key.name, by_key[key.id]))


def _told(standing: rate_limit.Standing) -> Standing:
    return Standing(standing.window.name, standing.window.limit, standing.remaining, standing.ends_at())


def _record(session: Session, actor: Actor, key_id: str) -> KeyRecord:
    """What the door would know of the key by its newest secret."""
    key = queries.find(session, workspace_id=actor.workspace_id, key_id=key_id)
    if key is None:
        raise NotFound(f"There is no API key {key_id} in this workspace. Check the id; GET /api/v1/api-keys lists them.")
    return record_of(key, queries.secrets_of(session, workspace_id=actor.workspace_id, key_ids=[key.id])[0])


def _look(record: KeyRecord, further: rate_limit.Window | None = None) -> list[rate_limit.Standing]:
    """Where the key stands; nothing while Redis is away, since the door then counts for itself."""
    windows = (*record.limits, further) if further is not None else record.limits
    try:
        return rate_limit.peek(record.key_id, windows) if windows else []
    except Unavailable:
        return []


def _refused(refusal: CrossdockError) -> Decision:
    rule = refusal.reason if isinstance(refusal, Unauthenticated | Forbidden) else refusal.code
    return Decision(allowed=False, rule=rule, reason=refusal.detail)
