"""The sealer: chains the entries of each workspace, so that changing, removing or reordering one shows."""

from __future__ import annotations

from typing import Final

from sqlmodel import Session, col, select

from backend.audit import chain
from backend.core import clock, crypto
from backend.models import AuditEntry, AuditHead

BATCH: Final = 500
_WORKSPACES: Final = 100


def waiting(session: Session) -> list[str]:
    """Workspaces with entries that are not sealed yet; a hundred at most."""
    query = select(AuditEntry.workspace_id).where(col(AuditEntry.sequence).is_(None)).distinct().limit(_WORKSPACES)
    return list(session.exec(query).all())


def seal(session: Session, *, workspace_id: str) -> int:
    """Seal the oldest entries of a workspace that are not sealed, up to 500 of them; how many.

    Each gets the next number, the MAC of the entry before it and its own under the current key. Two sealers cannot both go on
    from the same entry: on PostgreSQL the second waits for the head or collides with the first on the number.
    """
    keyring = crypto.keyring()
    head = session.exec(select(AuditHead).where(AuditHead.workspace_id == workspace_id).with_for_update()).first()
    query = select(AuditEntry).where(AuditEntry.workspace_id == workspace_id, col(AuditEntry.sequence).is_(None))
    entries = session.exec(query.order_by(col(AuditEntry.id)).limit(BATCH)).all()
    if not entries:
        return 0
    now = clock.now()
    if head is None:
        head = AuditHead(workspace_id=workspace_id, sequence=0, entry_mac="", mac="", mac_key_id="", sealed_at=now)
        session.add(head)
    for entry in entries:
        entry.sequence, entry.previous_mac, entry.sealed_at = head.sequence + 1, head.entry_mac, now
        mac = chain.seal(entry, keyring)
        entry.mac, entry.mac_key_id = mac.digest_hex, mac.key_id
        head.sequence, head.entry_mac = entry.sequence, mac.digest_hex
    mac = chain.seal_head(head, keyring)
    head.mac, head.mac_key_id, head.sealed_at = mac.digest_hex, mac.key_id, now
    return len(entries)
