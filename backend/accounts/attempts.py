"""Failed attempts to come in, counted per account and address: a few may fail, then everybody waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.core import clock, db, ids
from backend.core.errors import RateLimited
from backend.models import SignInFailure

WINDOW: Final = timedelta(minutes=15)
PER_ADDRESS_AND_ACCOUNT: Final = 5
PER_ADDRESS: Final = 50
PER_ACCOUNT: Final = 50


def require_few(session: Session, *, account: str, ip: str) -> None:
    """Raise `RateLimited` when the address has 5 failures for the account within 15 minutes, or 50 for all, or the account from everywhere.

    Attempts on one account are judged one at a time until the transaction ends, so parallel guesses count too.
    """
    if not db.is_sqlite(session):  # SQLite has one writer anyway
        session.exec(select(func.pg_advisory_xact_lock(func.hashtext(account))))
    recent = col(SignInFailure.created_at) > clock.now() - WINDOW

    def failures(*which: object) -> int:
        return session.exec(select(func.count()).select_from(SignInFailure).where(recent, *which)).one()  # type: ignore[arg-type] - column conditions

    by_account, by_ip = col(SignInFailure.email) == account, col(SignInFailure.ip) == ip
    if failures(by_account, by_ip) >= PER_ADDRESS_AND_ACCOUNT or failures(by_ip) >= PER_ADDRESS or failures(by_account) >= PER_ACCOUNT:
        seconds = int(WINDOW.total_seconds())
        raise RateLimited(f"Too many failed sign-ins. Wait {seconds // 60} minutes, then try again.", seconds)


def note(session: Session, *, account: str, ip: str, reason: str) -> str:
    """Note a failure; its id."""
    attempt = SignInFailure(id=ids.new("sif"), email=account, ip=ip, reason=reason)
    session.add(attempt)
    return attempt.id
