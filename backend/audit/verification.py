"""Verification of the audit: every break of a workspace's chain, and what is not sealed yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from backend.audit import chain
from backend.core import crypto, db
from backend.core.crypto import Keyring
from backend.models import AuditEntry, AuditHead, Workspace

_BATCH: Final = 1000
_MOST_BREAKS: Final = 100
_NOTHING: Final = "There is no entry at all, not even that of the workspace's making: the whole audit was removed."
_BEFORE_ALL: Final = -(2**31)  # a forged entry may have any number


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain is not what was sealed: the number there, the entry if there is one, and a sentence."""

    sequence: int
    entry_id: str
    sentence: str


class End(NamedTuple):
    """Where a chain ended: the number and the MAC of its last entry."""

    sequence: int
    mac: str


@dataclass(slots=True)
class Report:
    """What verification found of a workspace.

    `breaks` stop at a hundred; `unsealed_since` is None without an unsealed tail, `end` without a sealed entry.
    """

    workspace_id: str
    name: str
    sealed: int = 0
    unsealed: int = 0
    unsealed_since: datetime | None = None
    breaks: list[Break] = field(default_factory=list[Break])
    end: End | None = None

    @property
    def is_whole(self) -> bool:
        """Whether everything that was sealed is there, as it was sealed."""
        return not self.breaks


class _Walk:
    """Goes along a chain, one entry after the other."""

    def __init__(self, report: Report, head: AuditHead | None, kept: End | None, keyring: Keyring) -> None:
        self._report, self._head, self._kept, self._keyring = report, head, kept, keyring
        self._mac: str | None = ""  # of the entry before; None after a gap, which is told once
        self.sequence = 0
        self._met_head = False

    def step(self, entry: AuditEntry) -> None:
        """Judge the next sealed entry."""
        sequence = entry.sequence or 0
        if sequence > self.sequence + 1:
            self._missing(self.sequence + 1, sequence - 1)
            self._mac = None
        if not chain.is_whole(entry, self._keyring):
            self._add(sequence, entry.id, "is not what was sealed: it was changed, moved, or sealed under a key that is not configured.")
        elif self._mac is not None and entry.previous_mac != self._mac:
            self._add(sequence, entry.id, "does not follow the entry before it.")
        if self._head is not None and sequence == self._head.sequence:
            self._met_head = True
            if entry.mac != self._head.entry_mac:
                self._add(sequence, entry.id, "is not the entry with which the chain ended.")
        if self._kept is not None and sequence == self._kept.sequence and entry.mac != self._kept.mac:
            self._add(sequence, entry.id, "is not the entry with which the chain ended when it was last verified.")
        self.sequence, self._mac = sequence, entry.mac
        self._report.end = End(sequence, entry.mac or "")
        self._report.sealed += 1

    def end(self) -> None:
        """Judge where the chain ends."""
        if (
            self._kept is not None
            and self.sequence < self._kept.sequence
            and (self._head is None or self._head.sequence < self._kept.sequence)
        ):
            self._missing(self.sequence + 1, self._kept.sequence)
        if self._head is None:
            if self.sequence:
                self._add(self.sequence, "", "The record of where the chain ends is missing, so entries after this one may be, too.")
            return
        if not chain.is_head_whole(self._head, self._keyring):
            self._add(self._head.sequence, "", "The record of where the chain ends was changed, so entries may be missing at the end.")
        if not self._met_head and self.sequence < self._head.sequence:
            self._missing(self.sequence + 1, self._head.sequence)

    def _missing(self, first: int, last: int) -> None:
        sentence = f"Entry {first} is missing." if first == last else f"Entries {first} to {last} are missing."
        self._add(first, "", sentence)

    def _add(self, sequence: int, entry_id: str, sentence: str) -> None:
        if len(self._report.breaks) < _MOST_BREAKS:
            said = f"Entry {sequence} ({entry_id}) {sentence}" if entry_id else sentence
            self._report.breaks.append(Break(sequence, entry_id, said))


def verify_all(kept: Mapping[str, End] | None = None) -> list[Report]:
    """Verify every workspace of this process's database, each batch of entries in a transaction of its own.

    `kept` has, by workspace, where its chain ended when it was last verified: whoever can restore the whole database to what it
    was before can undo entries together with the record of where they end, which only something kept elsewhere shows.
    """
    ends = kept or {}
    with db.transaction() as session:
        names = {row.id: row.name for row in session.exec(select(Workspace)).all()}
        seen = [*session.exec(select(AuditEntry.workspace_id).distinct()).all(), *session.exec(select(AuditHead.workspace_id)).all()]
    return [verify(each, names.get(each, ""), ends.get(each), exists=each in names) for each in sorted({*names, *seen, *ends})]


def verify(workspace_id: str, name: str = "", kept: End | None = None, *, exists: bool = False) -> Report:
    """Verify the chain of one workspace. What is sealed while it runs belongs to it or not.

    A workspace that `exists` has one entry at least, that of its making.
    """
    report = Report(workspace_id, name)
    with db.transaction() as session:
        head = session.get(AuditHead, workspace_id)
        unsealed = (AuditEntry.workspace_id == workspace_id, col(AuditEntry.sequence).is_(None))
        query = select(func.count(), func.min(AuditEntry.created_at)).where(*unsealed)
        report.unsealed, report.unsealed_since = session.exec(query).one()
    walk = _Walk(report, head, kept, crypto.keyring())
    last = _BEFORE_ALL
    while entries := _after(workspace_id, last):
        for entry in entries:
            walk.step(entry)
        last = walk.sequence
    walk.end()
    if exists and head is None and not report.sealed and not report.unsealed:
        report.breaks.append(Break(1, "", _NOTHING))
    return report


def _after(workspace_id: str, sequence: int) -> Sequence[AuditEntry]:
    with db.transaction() as session:
        return _page(session, workspace_id, sequence)


def _page(session: Session, workspace_id: str, sequence: int) -> Sequence[AuditEntry]:
    query = select(AuditEntry).where(AuditEntry.workspace_id == workspace_id, col(AuditEntry.sequence) > sequence)
    return session.exec(query.order_by(col(AuditEntry.sequence)).limit(_BATCH)).all()
