"""What a shift knows of the webhooks it sends to: decrypted once, and again when one's settings change."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, select

from backend.core import bulk, crypto, signing
from backend.core.logging import logger
from backend.deliveries.values import Target
from backend.models import Webhook
from backend.webhooks import policy, secrets

_log = logger(__name__)


class Targets:
    """The settings of webhooks by id, as of the last `load`. Holds secrets: for the life of a shift only."""

    def __init__(self) -> None:
        self._known: dict[str, Target] = {}

    def load(self, session: Session, webhook_ids: Collection[str], now: datetime) -> dict[str, Target]:
        """The settings of these webhooks, read anew where they changed; a deleted webhook is left out."""
        query = "SELECT id, updated_at FROM webhook WHERE id IN ({values}) AND deleted_at IS NULL"
        current = {row[0]: bulk.aware(row[1]) for row in bulk.read(session.connection(), query, webhook_ids)}
        stale = [identifier for identifier, updated_at in current.items() if not self._is_fresh(identifier, updated_at, now)]
        if stale:
            for webhook in session.exec(select(Webhook).where(col(Webhook.id).in_(stale))).all():
                self._known[webhook.id] = _target(webhook, now)
        return {identifier: self._known[identifier] for identifier in current if identifier in self._known}

    def _is_fresh(self, identifier: str, updated_at: datetime, now: datetime) -> bool:
        known = self._known.get(identifier)
        if known is None or known.updated_at != updated_at:
            return False
        return known.valid_until is None or known.valid_until > now


def _target(webhook: Webhook, now: datetime) -> Target:
    found: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    problem = None
    try:
        found, headers = tuple(secrets.sending_secrets(webhook, now)), secrets.headers(webhook)
    except (crypto.CryptoError, ValueError) as error:
        _log.error("webhook.unreadable", webhook=webhook.id, error=type(error).__name__)
        problem = "The webhook's secret or headers cannot be decrypted."
    try:
        retries = policy.parse(webhook.retry_policy)
    except ValueError:
        retries = policy.RetryPolicy()
    ends = webhook.previous_secret_expires_at
    return Target(
        webhook_id=webhook.id,
        workspace_id=webhook.workspace_id,
        url=webhook.url,
        secrets=found,
        headers=headers,
        style=signing.SignatureStyle(webhook.signature_style),
        verify_ssl=webhook.verify_ssl,
        timeout=webhook.timeout_seconds,
        policy=retries,
        updated_at=webhook.updated_at,
        valid_until=ends if ends is not None and ends > now else None,
        problem=problem,
    )
