"""Owns the audit: its entries, one of them, and whether its chain is whole."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.audit import service as audit
from backend.audit import verification
from backend.core import permissions
from backend.core.actor import Actor
from console import bridge, threads, words
from console.auth import needs
from console.pages.logs import wanted
from console.pages.logs.parts import AUDIT
from console.pages.logs.rows import AuditRow, audit_row
from console.pages.logs.states import Log
from console.states import Detail

_SHOWN_BREAKS: Final = 20


class AuditState(Log, rx.State):
    """Who did what to what."""

    READS: ClassVar = permissions.SIGNED_IN  # the service refuses whoever may not read it, and the page says so
    PATH: ClassVar = AUDIT
    FILE: ClassVar = "audit"
    FILTERS: ClassVar = wanted.AUDIT
    rows: list[AuditRow] = []  # noqa: RUF012 - the framework copies it
    action: str = ""
    actor: str = ""
    since: str = ""
    verifying: bool = False
    verdict: str = ""
    is_whole: bool = False
    breaks: list[str] = []  # noqa: RUF012

    @rx.event(background=True)
    @needs(permissions.AUDIT_READ)
    async def verify(self) -> None:
        """Go through the workspace's chain, entry by entry."""
        async with self:
            if self.verifying:
                return
            self.verifying, self.verdict, self.breaks = True, "", []
            workspace_id = (await bridge.actor(self)).workspace_id
        try:
            report = await threads.waiting(verification.verify, workspace_id)
        finally:
            async with self:
                self.verifying = False
        async with self:
            self.is_whole = report.is_whole
            self.verdict, self.breaks = _verdict(report), [each.sentence for each in report.breaks[:_SHOWN_BREAKS]]

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> Any:
        return audit.list_entries(session, actor=actor, wanted=wanted.audit(given), cursor=given["cursor"] or None)

    def _show(self, found: Any) -> None:
        self.rows = [audit_row(entry) for entry in found.data]
        self._paged(found, {})


class AuditEntryState(Detail, rx.State):
    """One entry."""

    READS: ClassVar = permissions.SIGNED_IN
    entry: AuditRow = AuditRow()

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        if anew:
            self.entry = AuditRow()

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> Any:
        return audit.get_entry(session, actor=actor, entry_id=wanted)

    def _show(self, found: Any) -> None:
        self.entry = audit_row(found)


def _verdict(report: verification.Report) -> str:
    waiting = f" {words.number(report.unsealed)} newer {_entries(report.unsealed)} not sealed yet." if report.unsealed else ""
    if not report.sealed and report.is_whole:
        return f"Nothing is sealed yet.{waiting}"
    number = words.number(report.sealed)
    if report.is_whole:
        return f"The chain is whole: {number} sealed {_entries(report.sealed)} as written.{waiting}"
    return f"The chain is not whole. Of {number} sealed entries, these are not what was written:"


def _entries(number: int) -> str:
    return "entry is" if number == 1 else "entries are"
