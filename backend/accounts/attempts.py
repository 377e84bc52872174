"""Failed attempts to come in, counted per account and address: a few may fail, then everybody waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, or_, update
from sqlmodel import Session, col, select

from backend.core import clock, db, ids
from backend.core.errors import RateLimited
from backend.models import SignInFailure

WINDOW: Final = timedelta(minutes=15)
PER_ADDRESS_AND_ACCOUNT: Final = 5
PER_ADDRESS: Final = 50
PER_ACCOUNT: Final = 50
# An attempt that is being checked for longer than this has failed: its process died, or its client went away.
CHECKED_WITHIN: Final = timedelta(seconds=60)
_CHECKING: Final = "checking"


class BeingChecked(RateLimited):
    """So many attempts are being checked that one more could be one too many; who they are is known in a moment."""


def require_few(session: Session, *, account: str, ip: str) -> None:
    """Raise `RateLimited` when the address has 5 failures for the account within 15 minutes, or 50 for all, or the account from everywhere.

    Raises `BeingChecked` when there would be as many if what is being checked failed.
    Attempts on one account are judged one at a time until the transaction ends, so parallel guesses count too.
    """
    if not db.is_sqlite(session):  # SQLite has one writer anyway
        session.exec(select(func.pg_advisory_xact_lock(func.hashtext(account))))
    now = clock.now()
    recent = col(SignInFailure.created_at) > now - WINDOW
    failed = or_(col(SignInFailure.reason) != _CHECKING, col(SignInFailure.created_at) <= now - CHECKED_WITHIN)

    def count(*which: object) -> int:
        return session.exec(select(func.count()).select_from(SignInFailure).where(recent, *which)).one()  # type: ignore[arg-type] - column conditions

    by_account, by_ip = col(SignInFailure.email) == account, col(SignInFailure.ip) == ip
    limits = (((by_account, by_ip), PER_ADDRESS_AND_ACCOUNT), ((by_ip,), PER_ADDRESS), ((by_account,), PER_ACCOUNT))
    full = [(which, most) for which, most in limits if count(*which) >= most]
    if any(count(failed, *which) >= most for which, most in full):
        seconds = int(WINDOW.total_seconds())
        raise RateLimited(f"Too many failed sign-ins. Wait {seconds // 60} minutes, then try again.", seconds)
    if full:
        raise BeingChecked("Too many sign-ins are being checked at once. Wait a second, then try again.", 1)


def begin(session: Session, *, account: str, ip: str) -> str:
    """Note an attempt that is being checked; its id. Until it has failed or is taken back, it holds a place among the few."""
    return note(session, account=account, ip=ip, reason=_CHECKING)


def fail(session: Session, attempt_id: str, *, reason: str) -> None:
    """Note that an attempt that was being checked has failed."""
    session.exec(update(SignInFailure).where(col(SignInFailure.id) == attempt_id).values(reason=reason))


def take_back(session: Session, attempt_id: str) -> None:
    """Forget an attempt that was right."""
    session.exec(delete(SignInFailure).where(col(SignInFailure.id) == attempt_id))


def note(session: Session, *, account: str, ip: str, reason: str) -> str:
    """Note a failure; its id."""
    attempt = SignInFailure(id=ids.new("sif"), email=account, ip=ip, reason=reason)
    session.add(attempt)
    return attempt.id
