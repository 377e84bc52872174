"""What the receiver says of a signature: checked with the secrets of the webhooks that point at the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from backend.core import clock, crypto, signature_check
from backend.models import Webhook
from backend.webhooks import secrets


@dataclass(frozen=True, slots=True)
class Signer:
    """A webhook that points at the inbox, with the secrets that it signs with now, the current one first."""

    name: str
    secrets: tuple[str, ...]


def signers(session: Session, workspace_id: str, path: str) -> list[Signer]:
    """The workspace's webhooks whose URL has this path."""
    query = select(Webhook).where(
        col(Webhook.workspace_id) == workspace_id,
        col(Webhook.deleted_at).is_(None),
        col(Webhook.url).contains(path, autoescape=True),
    )
    found: list[Signer] = []
    for webhook in session.exec(query.order_by(col(Webhook.id))).all():
        try:
            found.append(Signer(webhook.name, tuple(secrets.sending_secrets(webhook, clock.now()))))
        except crypto.CryptoError:  # a secret that cannot be opened verifies nothing
            found.append(Signer(webhook.name, ()))
    return found


def verdict(signers: Sequence[Signer], headers: Sequence[tuple[str, str]], body: bytes) -> str:
    """One sentence: verified by which webhook's secret, or what is wrong."""
    if not signers:
        return "Not checked: no webhook of this workspace points here."
    problem = ""
    for signer in signers:
        for position, secret in enumerate(signer.secrets):
            result = signature_check.verify(secret=secret, headers=headers, body=body, now=clock.now().timestamp())
            if result.ok:
                which = "the secret" if position == 0 else "the previous secret"
                return f"Verified with {which} of {signer.name[:100]}."
            problem = problem or (result.wrong.text if result.wrong else "")
    return f"Not verified: {problem or 'the secret cannot be read.'}"
