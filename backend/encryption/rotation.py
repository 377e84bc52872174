"""Re-encrypts what is sealed under older keys, batch by batch; then opens every value once more before it says that it is done.

A batch and the place behind it share one transaction, and a value is replaced only while it is the one that was read. So a kill at
any moment loses nothing, and whoever goes on finds the place in the row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from backend.core import clock, crypto, db, ids, lifecycle
from backend.core.errors import Conflict
from backend.core.logging import logger
from backend.encryption.sealed import COLUMNS, Sealed
from backend.models import KeyRotation

RUNNING, VERIFYING, DONE, FAILED = "running", "verifying", "done", "failed"
BATCH: Final = 200
_REST_SECONDS: Final = 0.01  # between batches, so that others have their turn at the database
_log = logger(__name__)


def begin(session: Session, *, workspace_id: str, created_by: str, created_by_name: str) -> KeyRotation:
    """A rotation to the current key; the one that is under way, if there is one. Raises `Conflict` where there is one key only."""
    ring = crypto.keyring()
    if len(ring.key_ids) < 2:
        raise Conflict(
            "ENCRYPTION_KEY has one key. Put a new one before it, as ENCRYPTION_KEY=new,old, restart every process, and try again."
        )
    found = open_one(session)
    if found is not None and found.to_key_id == ring.current_id:
        return found
    if found is not None:
        found.status, found.error, found.finished_at = FAILED, "Another key has become the current one.", clock.now()
    row = KeyRotation(
        id=ids.new("rot"),
        workspace_id=workspace_id,
        to_key_id=ring.current_id,
        total=sum(_count(session, column) for column in COLUMNS),
        created_by=created_by,
        created_by_name=created_by_name,
    )
    session.add(row)
    return row


def open_one(session: Session) -> KeyRotation | None:
    """The rotation that has not ended."""
    query = select(KeyRotation).where(col(KeyRotation.status).in_((RUNNING, VERIFYING))).order_by(col(KeyRotation.id).desc())
    return session.exec(query.limit(1)).first()


def advance() -> bool:
    """Go on with the rotation under way until it is over or this process is asked to stop; whether there was one."""
    worked = False
    while not lifecycle.stop_requested() and step():
        worked = True
        time.sleep(_REST_SECONDS)
    return worked


def step() -> bool:
    """Do one batch of the rotation under way; whether there is one that this process can do."""
    with db.transaction(write=True) as session:
        row = open_one(session)
        if row is None:
            return False
        if row.to_key_id != crypto.keyring().current_id:
            return False  # this process still has the old order of keys
        if row.place >= len(COLUMNS):
            _turn(row)
            return True
        found = _batch(session, row)
        for each in found:
            _handle(session, row, COLUMNS[row.place], each)
        if len(found) < BATCH:
            row.place, row.cursor = row.place + 1, ""
        else:
            row.cursor = found[-1].id
        return True


def _turn(row: KeyRotation) -> None:
    """From re-encrypting to verifying, and from there to the end."""
    row.place, row.cursor = 0, ""
    if row.status == RUNNING:
        row.status = VERIFYING
        return
    row.status, row.finished_at = (FAILED if row.failed else DONE), clock.now()
    _log.info("encryption.rotated", status=row.status, done=row.done, checked=row.checked, failed=row.failed)


def _batch(session: Session, row: KeyRotation) -> Sequence[Any]:
    column = COLUMNS[row.place]
    model: Any = column.model
    query = select(model).where(col(model.id) > row.cursor, col(column.field).is_not(None)).order_by(col(model.id)).limit(BATCH)
    if row.status == RUNNING:
        query = query.where(_is_old(column))
    return session.exec(query).all()


def _handle(session: Session, row: KeyRotation, column: Sealed, each: Any) -> None:
    """Re-encrypt one value unless it is current, and see that it opens."""
    ring, sealed, context = crypto.keyring(), getattr(each, column.column), column.context(each)
    try:
        plain = ring.decrypt(sealed, context=context)
        is_current = ring.is_current(sealed)
    except crypto.CryptoError as error:
        row.failed += row.status == VERIFYING
        row.error = row.error or f"{column.name} of {each.id}: {error}"[:400]
        return
    if is_current:
        row.checked += row.status == VERIFYING
        return
    fresh = ring.encrypt(plain, context=context)
    model: Any = column.model
    replaced = session.connection().execute(
        update(model).where(col(model.id) == each.id, col(column.field) == sealed).values({column.column: fresh})
    )
    row.done += replaced.rowcount
    row.checked += row.status == VERIFYING


def _is_old(column: Sealed) -> Any:
    return ~col(column.field).startswith(f"v1.{crypto.keyring().current_id}.", autoescape=True)


def _count(session: Session, column: Sealed) -> int:
    query = select(func.count()).select_from(column.model).where(col(column.field).is_not(None), _is_old(column))
    return session.exec(query).one()
