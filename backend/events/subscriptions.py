"""Which webhooks and routes an event goes to: the workspace's subscriptions, kept in memory until one of them changes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from backend.core import bulk, filters
from backend.events import routings
from backend.events.routings import Routing, Turn
from backend.models import Webhook
from backend.webhooks import matching, policy

_KEPT_WORKSPACES = 1000
MORE_SPECIFIC = "more_specific"  # the reason in `event.skips`


@dataclass(frozen=True, slots=True)
class Subscription:
    """What decides whether a webhook gets an event."""

    webhook_id: str
    event_types: tuple[str, ...]
    filter: filters.Filter | None
    state: str
    disabled_reason: str
    max_attempts: int


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """A workspace's webhooks as they stand at a revision of their settings, and its routes."""

    revision: int
    webhooks: tuple[Subscription, ...]
    routes: tuple[Routing, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """Where an event goes, and for whom that wanted its type it is skipped and why; `turns` are the routes that take its type."""

    revision: int
    targets: tuple[Subscription, ...]
    skips: tuple[dict[str, Any], ...]
    turns: tuple[Turn, ...] = ()


# By workspace: the ids of the newest changes (unlike revisions, numbers that a rolled-back transaction can leave to another).
_cache: OrderedDict[str, tuple[tuple[str | None, str | None], Subscriptions]] = OrderedDict()
_NONE = Subscriptions(0, ())
# Both at once: publishing pays for one small query, whether there are routes or not.
_NEWEST = (
    "SELECT w.id, w.revision, r.version FROM (SELECT 1 AS one) o "
    "LEFT JOIN (SELECT id, revision FROM webhook_change WHERE workspace_id = {mark} ORDER BY revision DESC, webhook_id DESC LIMIT 1) w "
    "ON 1 = 1 LEFT JOIN (SELECT version FROM route WHERE workspace_id = {mark} ORDER BY revision DESC LIMIT 1) r ON 1 = 1"
)


def current(session: Session, workspace_id: str) -> Subscriptions:
    """The subscriptions of a workspace as this transaction sees them; one small query while nothing changes."""
    connection = session.connection()
    statement = _NEWEST.format(mark="?" if bulk.is_sqlite(connection) else "%s")
    change_id, revision, version = connection.exec_driver_sql(statement, (workspace_id, workspace_id)).one()
    if change_id is None and version is None:
        return _NONE
    kept = _cache.get(workspace_id)
    if kept is not None and kept[0] == (change_id, version):
        return kept[1]
    found = Subscriptions(
        revision or 0,
        _load(session, workspace_id) if change_id is not None else (),
        routings.load(session, workspace_id) if version is not None else (),
    )
    _cache[workspace_id] = ((change_id, version), found)
    if len(_cache) > _KEPT_WORKSPACES:
        _cache.popitem(last=False)
    return found


def match(subscriptions: Subscriptions, event: dict[str, Any], *, by_star: bool = True) -> Match:
    """Where `event`, the whole envelope, goes. An operational event never goes to the webhook that it is about.

    Without `by_star` whoever has it by `*` alone is skipped, since a more specific event is published beside it.
    """
    about = event["data"].get("webhook_id") if event["type"] in matching.OPERATIONAL else None
    targets: list[Subscription] = []
    skips: list[dict[str, Any]] = []
    for webhook in subscriptions.webhooks:
        if webhook.webhook_id == about or not matching.matches(webhook.event_types, event["type"]):
            continue
        if not by_star and not matching.matches(webhook.event_types, event["type"], by_star=False):
            told = matching.explain(webhook.event_types, event["type"], by_star=False)
            skips.append({"webhook_id": webhook.webhook_id, "reason": MORE_SPECIFIC, "detail": told})
            continue
        if webhook.state == "disabled":
            skips.append({"webhook_id": webhook.webhook_id, "reason": "disabled", "detail": webhook.disabled_reason})
            continue
        verdict = filters.evaluate(webhook.filter, event) if webhook.filter is not None else None
        if verdict is not None and not verdict.matched:
            skips.append({"webhook_id": webhook.webhook_id, "reason": "filtered", "detail": verdict.failed_condition or ""})
            continue
        targets.append(webhook)
    turns = routings.match(subscriptions.routes, event, by_star=by_star) if subscriptions.routes else ()
    return Match(subscriptions.revision, tuple(targets), tuple(skips), turns)


def _load(session: Session, workspace_id: str) -> tuple[Subscription, ...]:
    query = select(Webhook).where(Webhook.workspace_id == workspace_id, col(Webhook.deleted_at).is_(None)).order_by(col(Webhook.id))
    return tuple(
        Subscription(
            row.id,
            tuple(row.event_types),
            filters.parse(row.filter) if row.filter else None,
            row.state,
            row.disabled_reason or "",
            policy.parse(row.retry_policy).max_attempts,
        )
        for row in session.exec(query).all()
    )
