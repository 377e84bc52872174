"""What the browser is told of webhooks; nothing of it is secret."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backend.event_types.catalogue import EventTypeInfo
from backend.models import Webhook
from backend.webhooks import policy
from backend.webhooks import service as webhooks
from backend.webhooks.validation import MASK
from console import words
from console.words import Told, told


@dataclass
class WebhookRow:
    """A webhook in the list."""

    id: str
    name: str
    url: str
    status: str
    events: str
    success: str
    p95: str
    waiting: str
    last: str


@dataclass
class TypeGroup:
    """Event types of one group, for the picker."""

    name: str
    types: list[dict[str, str]] = field(default_factory=list)


@dataclass
class AddressRow:
    """One address that a URL leads to, and the rule that decides on it."""

    address: str
    is_allowed: bool
    rule: str


@dataclass
class WebhookDetail:
    """A webhook on its own page."""

    id: str = ""
    name: str = ""
    url: str = ""
    status: str = "active"
    sentence: Told = field(default_factory=Told)
    tone: str = ""
    health: str = ""
    line: str = ""
    events: list[str] = field(default_factory=list)
    other_events: str = ""
    filter: str = ""
    headers: list[str] = field(default_factory=list)
    headers_text: str = ""
    verify_ssl: bool = True
    timeout: str = "15"
    schedule: str = ""
    attempts: str = ""
    rate_limit: str = ""
    style: str = "hex"
    auto_disable: bool = True
    disable_after: str = "5"
    metadata: str = ""
    overlap_ends: str = ""
    created: str = ""
    updated: str = ""
    last_success: str = ""
    last_failure: str = ""


def webhook_row(webhook: Webhook, stats: webhooks.WebhookStats) -> WebhookRow:
    """A row of the list."""
    shown = ", ".join(webhook.event_types[:2])
    return WebhookRow(
        id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        status=webhooks.status(webhook).value,
        events=f"{shown} +{len(webhook.event_types) - 2}" if len(webhook.event_types) > 2 else shown,
        success=words.percent(stats.delivered, stats.total),
        p95=words.duration(stats.p95_ms),
        waiting=words.capped(stats.waiting),
        last=words.moment(webhook.last_triggered_at),
    )


def type_groups(types: list[EventTypeInfo]) -> list[TypeGroup]:
    """The types that may be subscribed to, by group."""
    groups: dict[str, TypeGroup] = {}
    for info in types:
        if not info.archived:
            group = groups.setdefault(info.group or "Your own", TypeGroup(info.group or "Your own"))
            group.types.append({"name": info.name, "about": info.description})
    return list(groups.values())


def webhook_detail(webhook: Webhook, stats: webhooks.WebhookStats, line: str, known: frozenset[str], now: datetime) -> WebhookDetail:
    """All of a webhook. `known` are the names that the picker shows as boxes; other entries are patterns."""
    status = webhooks.status(webhook).value
    sentence, tone = _sentence(webhook, status, now)
    delays = policy.parse(webhook.retry_policy).delays
    return WebhookDetail(
        id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        status=status,
        sentence=told(sentence),
        tone=tone,
        health=_health(stats),
        line=line,
        events=list(webhook.event_types),
        other_events=" ".join(entry for entry in webhook.event_types if entry not in known),
        filter=json.dumps(webhook.filter, indent=2, ensure_ascii=False) if webhook.filter else "",
        headers=list(webhook.header_names),
        headers_text="\n".join(f"{name}: {MASK}" for name in webhook.header_names),
        verify_ssl=webhook.verify_ssl,
        timeout=f"{webhook.timeout_seconds:g}",
        schedule=", ".join(_short(delay) for delay in delays),
        attempts=str(len(delays) + 1),
        rate_limit=f"{webhook.rate_limit:g}" if webhook.rate_limit else "",
        style=webhook.signature_style,
        auto_disable=webhook.auto_disable,
        disable_after=str(webhook.disable_after_days),
        metadata=json.dumps(webhook.meta, indent=2, ensure_ascii=False) if webhook.meta else "",
        overlap_ends=_future(webhook.previous_secret_expires_at, now),
        created=words.moment(webhook.created_at),
        updated=words.moment(webhook.updated_at),
        last_success=words.moment(webhook.last_success_at),
        last_failure=words.moment(webhook.last_failure_at),
    )


def _future(moment: datetime | None, now: datetime) -> str:
    return words.moment(moment) if moment and moment > now else ""


def _health(stats: webhooks.WebhookStats) -> str:
    if not stats.total:
        waiting = f"; {words.capped(stats.waiting)} undelivered" if stats.waiting else ""
        return f"No attempts in 24 h{waiting}"
    share = words.percent(stats.delivered, stats.total)
    took = f"p95 {words.duration(stats.p95_ms)}"
    return f"{share} of {words.attempts(stats.total)} succeeded in 24 h; {took}; {words.capped(stats.waiting)} undelivered"


def _short(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"


def _sentence(webhook: Webhook, status: str, now: datetime) -> tuple[str, str]:
    if status == "disabled":
        reason = (webhook.disabled_reason or "Disabled").strip().rstrip(".")
        return f"{reason}. New events are recorded as skipped. Enable it, and choose whether to send what it missed.", "bad"
    if status == "paused":
        return "Paused. Events gather without being sent, and go out at a capped rate once it is resumed.", "wait"
    if status == "failing":
        if webhook.auto_disable and webhook.failing_since:
            ends = webhook.failing_since + timedelta(days=webhook.disable_after_days)
            if ends > now:
                return (
                    f"The last {webhook.consecutive_failures} attempts failed. If all go on failing, it will be disabled on {words.moment(ends)}.",
                    "wait",
                )
        return f"The last {webhook.consecutive_failures} attempts failed. The deliveries below say why.", "wait"
    return "", ""
