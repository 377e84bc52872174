"""What became of an event for each webhook of its workspace, and why: "why was it not sent".

Known from what was stored when the event was accepted (its skips, and the settings at its revision of the webhooks), and
from how its deliveries stand now. Nothing is guessed from settings that came later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlmodel import Session, col, or_, select

from backend.core import actor as actors
from backend.core import clock, filters, jsjson, permissions
from backend.core.actor import Actor
from backend.core.errors import NotFound
from backend.deliveries import service as deliveries
from backend.events import service, subscriptions
from backend.models import Delivery, Event, Lane, Webhook, WebhookChange
from backend.webhooks import history, matching, missed, policy

_CLOCKS: Final = timedelta(hours=1)  # by which machines may disagree; the revisions decide exactly
_SHOWN_TYPES: Final = 5
_TEST: Final = "test"
_REPLAY: Final = "replay"


class Outcome(StrEnum):
    """What became of an event for one webhook; those that were sent come first."""

    DELIVERED = "delivered"
    SENDING = "sending"
    RETRYING = "retrying"
    WAITING = "waiting"
    PAUSED = "paused"
    DEAD = "dead"
    CANCELLED = "cancelled"
    FILTERED = "filtered"
    DISABLED = "disabled"
    NOT_SUBSCRIBED = "not_subscribed"
    DELETED = "deleted"
    CREATED_LATER = "created_later"


@dataclass(frozen=True, slots=True)
class WebhookOutcome:
    """What became of an event for one webhook, and why, in one sentence.

    `since` is when it came to that (delivered, disabled, deleted, created), `until` when it ended or when the next try is.
    `condition` is the part of the filter that did not hold, as a document of that grammar; `rule` what disabled the webhook:
    `user`, `gone` or `all_attempts_failed`.
    """

    webhook_id: str
    name: str
    url: str
    outcome: str
    sentence: str
    delivery_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    condition: dict[str, Any] | None = None
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    """Everything that the outcomes of one event follow from."""

    event: Event
    webhooks: Sequence[Webhook]
    stood: Mapping[str, WebhookChange]
    skips: Mapping[str, dict[str, Any]]
    deliveries: Mapping[str, Delivery]
    lanes: Mapping[str, Lane]
    periods: Mapping[str, list[history.Period]]


def outcomes(session: Session, *, actor: Actor, event_id: str) -> list[WebhookOutcome]:
    """What became of an event for every webhook that the workspace has, or had when it was accepted; sent ones first.

    A test send goes to one webhook, which is the only one listed. Raises `NotFound`.
    """
    facts = _facts(session, actor, event_id, None)
    found = [_outcome(facts, webhook) for webhook in facts.webhooks if _listed(facts, webhook)]
    rank = {outcome: place for place, outcome in enumerate(Outcome)}
    return sorted(found, key=lambda each: (rank[Outcome(each.outcome)], each.name.casefold(), each.webhook_id))


def outcome(session: Session, *, actor: Actor, event_id: str, webhook_id: str) -> WebhookOutcome:
    """What became of an event for one webhook, deleted ones too. Raises `NotFound`."""
    facts = _facts(session, actor, event_id, webhook_id)
    if not facts.webhooks:
        raise NotFound("There is no such webhook in this workspace. Check the id; GET /api/v1/webhooks lists them.")
    return _outcome(facts, facts.webhooks[0])


def _facts(session: Session, actor: Actor, event_id: str, webhook_id: str | None) -> _Facts:
    permissions.require(actor, permissions.WEBHOOKS_READ)
    workspace_id = actor.workspace_id
    event = service.get(session, actor=actors.system(workspace_id), event_id=event_id)
    query = select(Webhook).where(Webhook.workspace_id == workspace_id)
    if webhook_id is not None:
        query = query.where(Webhook.id == webhook_id)
    else:
        query = query.where(or_(col(Webhook.deleted_at).is_(None), col(Webhook.deleted_at) > event.created_at - _CLOCKS))
    webhooks = session.exec(query).all()
    sent = _telling(session, event)
    skips = {skip["webhook_id"]: skip for skip in event.skips}
    waiting = {delivery.webhook_id for delivery in sent.values() if delivery.due_at is not None}
    dated = [each.id for each in webhooks if skips.get(each.id, {}).get("reason") == "disabled" or each.id in waiting]
    lanes = session.exec(select(Lane).where(col(Lane.webhook_id).in_(waiting), Lane.workspace_id == workspace_id)).all()
    return _Facts(
        event=event,
        webhooks=webhooks,
        stood=history.standing(session, workspace_id=workspace_id, revision=event.webhooks_revision, webhook_id=webhook_id),
        skips=skips,
        deliveries=sent,
        lanes={lane.webhook_id: lane for lane in lanes},
        periods=history.periods(session, workspace_id=workspace_id, webhook_ids=dated),
    )


def _telling(session: Session, event: Event) -> dict[str, Delivery]:
    """Of each webhook's deliveries of this event the newest, but rather one that arrived."""
    query = select(Delivery).where(Delivery.event_id == event.id, Delivery.workspace_id == event.workspace_id).order_by(col(Delivery.id))
    found: dict[str, Delivery] = {}
    for delivery in session.exec(query).all():
        earlier = found.get(delivery.webhook_id)
        if earlier is None or earlier.status != Outcome.DELIVERED or delivery.status == Outcome.DELIVERED:
            found[delivery.webhook_id] = delivery
    return found


def _listed(facts: _Facts, webhook: Webhook) -> bool:
    if facts.event.kind == _TEST or webhook.id in facts.deliveries:
        return webhook.id in facts.deliveries
    stood = facts.stood.get(webhook.id)
    return webhook.deleted_at is None or (stood is not None and stood.state != history.DELETED)


def _outcome(facts: _Facts, webhook: Webhook) -> WebhookOutcome:
    delivery, stood = facts.deliveries.get(webhook.id), facts.stood.get(webhook.id)
    if delivery is not None:
        sent = _sent(facts, webhook, delivery)
        return replace(sent, sentence=f"{sent.sentence} This is a replay.") if delivery.kind == _REPLAY else sent
    if facts.event.kind == _TEST:
        return _told(webhook, Outcome.NOT_SUBSCRIBED, "Not sent: a test goes to one webhook only, and this was for another.")
    if stood is None:
        later = f"Created after this event, on {_moment(webhook.created_at)}."
        return _told(webhook, Outcome.CREATED_LATER, later, since=webhook.created_at)
    if stood.state == history.DELETED:
        return _told(webhook, Outcome.DELETED, f"Deleted before this event, on {_moment(stood.created_at)}.", since=stood.created_at)
    return _not_sent(facts, webhook, stood)


def _not_sent(facts: _Facts, webhook: Webhook, stood: WebhookChange) -> WebhookOutcome:
    """Why an event was not sent to a webhook that was there."""
    event, skip = facts.event, facts.skips.get(webhook.id)
    if skip is not None and skip["reason"] == "disabled":
        period = history.at(facts.periods[webhook.id], event.webhooks_revision)
        return _disabled(webhook, period, reason=skip["detail"])
    if skip is not None and skip["reason"] == subscriptions.MORE_SPECIFIC:
        return _told(webhook, Outcome.NOT_SUBSCRIBED, skip["detail"])
    if skip is not None:
        return _filtered(webhook, stood, event, detail=skip["detail"])
    if matching.pattern_for(stood.event_types, event.type) is None:
        return _told(webhook, Outcome.NOT_SUBSCRIBED, _not_subscribed(stood.event_types, event.type))
    if event.type in matching.OPERATIONAL and jsjson.parse(event.body)["data"].get("webhook_id") == webhook.id:
        return _told(webhook, Outcome.NOT_SUBSCRIBED, "Not sent: this event reports on this webhook itself.")
    return _told(webhook, Outcome.DELETED, "It was taken for this webhook; its delivery is not kept any more.")


def _sent(facts: _Facts, webhook: Webhook, delivery: Delivery) -> WebhookOutcome:
    now, lane = clock.now(), facts.lanes.get(webhook.id)
    explained = f"{deliveries.explain(delivery, webhook=webhook, lane=lane, now=now)}."
    if delivery.due_at is None or delivery.kind == _TEST:
        if delivery.status == Outcome.CANCELLED and webhook.deleted_at is not None and delivery.error == missed.DELETED:
            gone = f"The webhook was deleted on {_moment(webhook.deleted_at)}, before this was sent."
            return _told(webhook, Outcome.DELETED, gone, delivery, since=webhook.deleted_at)
        return _told(webhook, Outcome(delivery.status), explained, delivery, since=delivery.delivered_at or delivery.finished_at)
    period = facts.periods[webhook.id][-1] if facts.periods.get(webhook.id) else None
    if webhook.state == "disabled":
        held = "It is held, and goes out if the webhook is enabled with what it missed."
        return _disabled(webhook, period, reason=webhook.disabled_reason or "", delivery=delivery, more=held)
    if webhook.state == "paused":
        since = period.since if period is not None else None
        paused = f"Paused{f' since {_moment(since)}' if since else ''}; it goes out when the webhook is resumed."
        return _told(webhook, Outcome.PAUSED, paused, delivery, since=since)
    next_try = max(delivery.due_at, lane.blocked_until or delivery.due_at) if lane is not None else delivery.due_at
    until = next_try if next_try > now else None
    if delivery.status == Outcome.WAITING and until is not None and until == delivery.due_at:
        explained = f"Waiting; the next try is at {_moment(until)}."
    return _told(webhook, Outcome(delivery.status), explained, delivery, until=until)


def _disabled(
    webhook: Webhook, period: history.Period | None, *, reason: str, delivery: Delivery | None = None, more: str = ""
) -> WebhookOutcome:
    since, until = (period.since, period.until) if period is not None else (None, None)
    rule = period.rule if period is not None else policy.RULE_USER
    when = f" since {_moment(since)}" if since else ""
    if since and until:
        when = f" from {_moment(since)} to {_moment(until)}"
    if rule != policy.RULE_USER:
        why = f' by the rule "{policy.rule_words(reason)}".'
    elif reason.startswith("Disabled by "):
        why = reason.removeprefix("Disabled")
    else:
        why = f": {reason.rstrip('.')}." if reason else "."
    told = f"Disabled{when}{why}{f' {more}' if more else ''}"
    return _told(webhook, Outcome.DISABLED, told, delivery, since=since, until=until, rule=rule)


def _filtered(webhook: Webhook, stood: WebhookChange, event: Event, *, detail: str) -> WebhookOutcome:
    part = filters.deciding(filters.parse(stood.filter), jsjson.parse(event.body)) if stood.filter else None
    head, separator, found = detail.rpartition(" (was ")
    if isinstance(part, filters.AnyOf):
        why = f"none of these held: {detail}."
    elif isinstance(part, filters.Condition) and separator:
        why = f"{head} did not hold (it was {found.removesuffix(')')})."
    else:
        why = f"{detail} did not hold."
    condition = filters.document(part) if part is not None else None
    return _told(webhook, Outcome.FILTERED, f"Filtered out: {why}", condition=condition)


def _not_subscribed(event_types: Sequence[str], name: str) -> str:
    if matching.EVERYTHING in event_types:
        return matching.explain(event_types, name)
    listed = ", ".join(event_types[:_SHOWN_TYPES]) + (", …" if len(event_types) > _SHOWN_TYPES else "")
    return f"Not subscribed: at that time it took {f'{listed} only' if listed else 'nothing'}."


def _told(
    webhook: Webhook,
    outcome: Outcome,
    sentence: str,
    delivery: Delivery | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    condition: dict[str, Any] | None = None,
    rule: str | None = None,
) -> WebhookOutcome:
    return WebhookOutcome(
        webhook_id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        outcome=outcome.value,
        sentence=sentence,
        delivery_id=delivery.id if delivery is not None else None,
        since=since,
        until=until,
        condition=condition,
        rule=rule,
    )


def _moment(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%b %Y %H:%M} UTC"
