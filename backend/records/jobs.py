"""What cron does for records: rules whose moment has come, and what changed definitions leave to do."""

from __future__ import annotations

from sqlalchemy import or_
from sqlmodel import Session, String, cast, col, select

from backend.core import clock, db, lifecycle
from backend.core.errors import Conflict, CrossdockError, Unavailable
from backend.core.logging import logger
from backend.models import Module
from backend.records import chores, due, modules

_log = logger(__name__)


def act() -> None:
    """Follow the rules whose moment has come, each record in a transaction of its own; idempotent."""
    with db.transaction() as session:
        found = due.waiting(session, clock.now())
    for one in found:
        if lifecycle.stop_requested():
            return
        try:
            with db.transaction(write=True) as session:
                due.act(session, one)
        except Unavailable:
            raise
        except CrossdockError as error:  # a value that is taken, say; the others go on
            _log.warning("records.rule_failed", record=one.record_id, error=error.code)
            with db.transaction(write=True) as session:
                due.forget(session, one)


def tidy() -> None:
    """Go on with the chores of every module, in small batches; idempotent."""
    while not lifecycle.stop_requested() and _tidy_once():
        pass


def _tidy_once() -> bool:
    """Do one batch for each module that has something to do; whether any has more."""
    has_chores = cast(col(Module.chores), String) != "[]"
    with db.transaction() as session:
        waiting = session.exec(select(Module.id).where(or_(has_chores, col(Module.deleted_at).is_not(None)))).all()
    more = False
    for module_id in waiting:
        with db.transaction(write=True) as session:
            more = _step(session, module_id) or more
    return more


def _step(session: Session, module_id: str) -> bool:
    row = session.exec(select(Module).where(Module.id == module_id).with_for_update()).first()
    if row is None:
        return False
    try:
        with session.begin_nested():
            return chores.step(session, row)
    except Conflict as found:
        session.refresh(row)
        modules.give_up_unique(session, row, found.detail)
        _log.warning("records.not_unique", module=row.id)
        return True
