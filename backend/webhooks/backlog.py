"""How much a webhook has missed so far, counted without sending it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import Session, col, func, select

from backend.core import ids
from backend.models import Delivery, Webhook
from backend.webhooks import history, missed

_STRETCH: Final = 500
_ID_MARGIN: Final = timedelta(minutes=1)  # ids are made a moment before they are stored


def held(session: Session, webhook: Webhook, *, limit: int) -> int:
    """How many deliveries wait for a webhook, test sends left out; stops at `limit`."""
    waiting = (col(Delivery.webhook_id) == webhook.id, col(Delivery.due_at).is_not(None), col(Delivery.kind) != "test")
    return session.exec(select(func.count()).select_from(select(Delivery.id).where(*waiting).limit(limit).subquery())).one()


def skipped(session: Session, webhook: Webhook, *, limit: int) -> int:
    """How many events a webhook, if it is disabled, was skipped for since, that its filter lets through now; stops at `limit`."""
    periods = history.periods(session, workspace_id=webhook.workspace_id, webhook_ids=[webhook.id]).get(webhook.id)
    if webhook.state != "disabled" or not periods:
        return 0
    number, revision = 0, periods[-1].first_revision - 1
    after = ids.floor("evt", int((periods[-1].since - _ID_MARGIN).timestamp() * 1000))
    while number < limit:
        found = missed.skipped(session, webhook, revision=revision, after=after, limit=_STRETCH)
        number, after = number + len(found.events), found.after
        if found.is_end:
            return min(number, limit)
    return limit
