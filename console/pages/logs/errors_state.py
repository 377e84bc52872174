"""Owns the log of errors, and one error."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.logs import errors
from console.pages.logs import wanted
from console.pages.logs.parts import ERRORS
from console.pages.logs.rows import ErrorRow, error_row
from console.pages.logs.states import Log
from console.states import Detail


class ErrorsState(Log, rx.State):
    """Errors of the workspace, or of the installation."""

    READS: ClassVar = permissions.LOGS_READ
    PATH: ClassVar = ERRORS
    FILE: ClassVar = "errors"
    FILTERS: ClassVar = wanted.ERRORS
    rows: list[ErrorRow] = []  # noqa: RUF012 - the framework copies it
    severity: str = ""
    scope: str = ""
    since: str = ""

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> Any:
        return errors.list_errors(session, actor=actor, wanted=wanted.errors(given), cursor=given["cursor"] or None)

    def _show(self, found: Any) -> None:
        self.rows = [error_row(entry) for entry in found.data]
        self._paged(found, {})


class ErrorState(Detail, rx.State):
    """One error."""

    READS: ClassVar = permissions.LOGS_READ
    error: ErrorRow = ErrorRow()

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        if anew:
            self.error = ErrorRow()

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> Any:
        return errors.get_error(session, actor=actor, error_id=wanted)

    def _show(self, found: Any) -> None:
        self.error = error_row(found)
