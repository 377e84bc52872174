"""Idempotency keys (draft-ietf-httpapi-idempotency-key-header): one table by workspace, caller, route and key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from backend.core import clock, ids
from backend.core.errors import Conflict, FieldError, InProgress, Invalid
from backend.models import IdempotencyRecord

KEPT_FOR = timedelta(hours=24)
MAX_KEY_LENGTH = 255
CUT_OFF = timedelta(minutes=2)  # longer than any work outside of transactions takes


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key is unique in, and the body it was first sent with."""

    workspace_id: str
    caller: str
    route: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that was given first."""

    status_code: int
    answer: dict[str, Any]


def check_key(key: str) -> str:
    """The key without the quotes of a structured-field string. Raises `Invalid` if it is empty, long or not printable ASCII."""
    bare = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
    if not 1 <= len(bare) <= MAX_KEY_LENGTH or not bare.isascii() or not bare.isprintable():
        raise Invalid(FieldError("idempotency_key", "is not usable.", f"Use 1 to {MAX_KEY_LENGTH} printable ASCII characters."))
    return bare


def begin(session: Session, scope: Scope) -> Replay | None:
    """Claim the key for the work of this transaction; the first answer if there is one.

    Raises `Conflict` when the key came with another body, `InProgress` when a request with it is still running. The claim
    commits or rolls back with the work, so a crash leaves no key behind that blocks.
    """
    found = _find(session, scope)
    if found is None:
        record = IdempotencyRecord(
            id=ids.new("idk"),
            workspace_id=scope.workspace_id,
            caller=scope.caller,
            route=scope.route,
            key=scope.key,
            body_hash=scope.body_hash,
            state="running",
            expires_at=clock.now() + KEPT_FOR,
        )
        try:
            with session.begin_nested():
                session.add(record)
        except IntegrityError:  # another transaction committed the same key since we looked
            found = _find(session, scope)
        else:
            return None
    if found is None or found.state == "running":
        raise InProgress("A request with this idempotency key is still running. Try again in a second to get its answer.")
    if found.body_hash != scope.body_hash:
        raise Conflict("This idempotency key was already used with another body. Send the first body again, or use a new key.")
    return Replay(found.status_code, found.answer)


def claim(session: Session, scope: Scope) -> Replay | None:
    """Claim the key for work that is done outside of transactions, and commits before it; the first answer if there is one.

    Raises as `begin`; `Conflict` too where the work was cut off, so that nobody knows whether it was done.
    """
    found = _find(session, scope)
    if found is not None and found.state == "running" and found.body_hash == scope.body_hash and found.created_at < clock.now() - CUT_OFF:
        raise Conflict(
            "The first request with this idempotency key was cut off, and whether it was done is not known. Look at the provider, then use a new key."
        )
    return begin(session, scope)


def release(session: Session, scope: Scope) -> None:
    """Give up a key that was claimed: nothing was done."""
    found = _find(session, scope)
    if found is not None and found.state == "running":
        session.delete(found)


def finish(session: Session, scope: Scope, *, status_code: int, answer: dict[str, Any]) -> None:
    """Keep the answer under the key that `begin` claimed; secrets in it must already be null."""
    found = _find(session, scope)
    assert found is not None  # noqa: S101 - `begin` made it in this transaction
    found.state, found.status_code, found.answer = "done", status_code, answer


def remove_expired(session: Session, *, batch: int = 1000) -> int:
    """Delete keys past their time, at most `batch`; how many."""
    old = select(IdempotencyRecord.id).where(col(IdempotencyRecord.expires_at) < clock.now()).limit(batch)
    return session.exec(delete(IdempotencyRecord).where(col(IdempotencyRecord.id).in_(old))).rowcount


def _find(session: Session, scope: Scope) -> IdempotencyRecord | None:
    query = select(IdempotencyRecord).where(
        IdempotencyRecord.workspace_id == scope.workspace_id,
        IdempotencyRecord.caller == scope.caller,
        IdempotencyRecord.route == scope.route,
        IdempotencyRecord.key == scope.key,
    )
    found = session.exec(query).first()
    if found is not None and found.expires_at < clock.now():
        session.delete(found)
        session.flush()
        return None
    return found
