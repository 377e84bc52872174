"""What needs attention in a workspace, the most pressing first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sql
from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from backend.api_keys import service as api_keys
from backend.api_keys.due import Kind
from backend.core import actor as actors
from backend.core import clock
from backend.logs.batches import ROLLUPS, starts_at
from backend.models import Integration, Webhook
from backend.monitoring.values import Attention, Need
from backend.webhooks import policy

WEBHOOK_NEEDS: Final = (Need.WEBHOOK_FAILING, Need.WEBHOOK_DISABLED)
_INTEGRATION_NEEDS: Final = {"needs_reconnect": Need.INTEGRATION_RECONNECT, "error": Need.INTEGRATION_FAILING}
_KEY_NEEDS: Final = {Kind.EXPIRING: Need.KEY_EXPIRING, Kind.ROTATION: Need.KEY_ROTATION_DUE}
NEAR_SHARE: Final = 0.8
_MOST_OF_A_KIND: Final = 20
_KEYS: Final = SQLModel.metadata.tables["api_key"]
_WINDOWS: Final = (("limit_per_hour", 60, timedelta(hours=1), "hour"), ("limit_per_day", 3600, timedelta(days=1), "day"))


def of(session: Session, *, workspace_id: str) -> list[Attention]:
    """Failing and disabled webhooks, integrations to reconnect or failing, keys that end, are to be rotated, or near a limit; twenty of each."""
    now = clock.now()
    return [
        *_webhooks(session, workspace_id),
        *_integrations(session, workspace_id),
        *_limits(session, workspace_id, now),
        *_due(session, workspace_id),
    ]


def _webhooks(session: Session, workspace_id: str) -> Iterator[Attention]:
    failing = (
        select(Webhook)
        .where(
            Webhook.workspace_id == workspace_id,
            Webhook.state == "active",
            col(Webhook.deleted_at).is_(None),
            col(Webhook.consecutive_failures) >= policy.FAILING_AFTER,
        )
        .order_by(col(Webhook.failing_since), col(Webhook.id))
        .limit(_MOST_OF_A_KIND)
    )
    for webhook in session.exec(failing).all():
        count = f"Its last {webhook.consecutive_failures:,} attempts failed"
        if webhook.auto_disable and webhook.failing_since is not None:
            end = policy.disables_at(webhook.failing_since, webhook.disable_after_days)
            yield Attention(Need.WEBHOOK_FAILING, webhook.id, webhook.name, f"{count}; if that goes on it is disabled.", end)
        else:
            yield Attention(Need.WEBHOOK_FAILING, webhook.id, webhook.name, f"{count}.")
    disabled = (
        select(Webhook)
        .where(
            Webhook.workspace_id == workspace_id,
            Webhook.state == "disabled",
            col(Webhook.deleted_at).is_(None),
            col(Webhook.disabled_rule).is_not(None),
            Webhook.disabled_rule != "user",
        )
        .order_by(col(Webhook.disabled_at).desc())
        .limit(_MOST_OF_A_KIND)
    )
    for webhook in session.exec(disabled).all():
        reason = webhook.disabled_reason or "A rule disabled it."
        yield Attention(Need.WEBHOOK_DISABLED, webhook.id, webhook.name, reason, webhook.disabled_at)


def _integrations(session: Session, workspace_id: str) -> Iterator[Attention]:
    """Those that need a person first, then those whose last call failed; not what somebody has switched off."""
    for status, need in _INTEGRATION_NEEDS.items():
        found = (
            select(Integration)
            .where(
                Integration.workspace_id == workspace_id,
                Integration.status == status,
                col(Integration.disabled_at).is_(None),
                col(Integration.deleted_at).is_(None),
            )
            .order_by(col(Integration.id).desc())
            .limit(_MOST_OF_A_KIND)
        )
        for row in session.exec(found).all():
            yield Attention(need, row.id, row.name, f"{row.status_reason} {row.next_step}".strip())


def _due(session: Session, workspace_id: str) -> Iterator[Attention]:
    """Keys that end soon, then those that are to be rotated, as the list of due keys has them."""
    found = api_keys.list_due(session, actor=actors.system(workspace_id))
    for kind, need in _KEY_NEEDS.items():
        told = [(each.key, reason) for each in found for reason in each.reasons if reason.kind is kind]
        for key, reason in sorted(told, key=lambda one: one[1].at)[:_MOST_OF_A_KIND]:
            yield Attention(need, key.id, key.name, reason.sentence, reason.at)


def _limits(session: Session, workspace_id: str, now: datetime) -> Iterator[Attention]:
    """Keys that used four fifths of an hour's or a day's limit in the last of these, as the roll-ups count."""
    for name, width, length, word in _WINDOWS:
        limit = _KEYS.c[name]
        used = func.sum(ROLLUPS.c.ok + ROLLUPS.c.client_error + ROLLUPS.c.server_error)
        query = (
            sql.select(_KEYS.c.id, _KEYS.c.name, limit, used)
            .join(ROLLUPS, ROLLUPS.c.caller_id == _KEYS.c.id)
            .where(
                _KEYS.c.workspace_id == workspace_id,
                _KEYS.c.state == "active",
                limit.is_not(None),
                ROLLUPS.c.workspace_id == workspace_id,
                ROLLUPS.c.width == width,
                ROLLUPS.c.starts_at > starts_at(now - length, width),
            )
            .group_by(_KEYS.c.id, _KEYS.c.name, limit)
            .having(used >= limit * NEAR_SHARE)
            .order_by(_KEYS.c.id)
            .limit(_MOST_OF_A_KIND)
        )
        for key_id, key_name, most, count in session.connection().execute(query):
            yield Attention(
                Need.LIMIT_NEAR, key_id, key_name, f"It made {int(count):,} requests in the last {word}; its limit is {most:,}."
            )
