"""Owns `crossdock verify-audit`: what verification found, as lines for a person, and the file that keeps where the chains ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from backend.audit import verification
from backend.audit.verification import End, Report
from backend.core import clock
from backend.core.errors import FieldError, Invalid

_ENDS = TypeAdapter(dict[str, End])


@dataclass(frozen=True, slots=True)
class Findings:
    """Whether every chain is whole, and what to tell."""

    is_whole: bool
    lines: list[str]


def examine(ends: Path | None = None) -> Findings:
    """Verify every chain, against `ends` too if that file is there, and write where they end into it if all are whole. Raises `Invalid`."""
    reports = verification.verify_all(_read(ends) if ends is not None and ends.exists() else None)
    is_whole = all(report.is_whole for report in reports)
    lines = [line for report in reports for line in _lines(report)]
    if ends is not None and is_whole:
        _write(ends, reports)
        lines.append(f"Where the chains end is in {ends} now.")
    return Findings(is_whole, lines)


def _lines(report: Report) -> Iterator[str]:
    tail = f"; {report.unsealed} not sealed yet, since {clock.rfc3339(report.unsealed_since)}" if report.unsealed_since else ""
    word = "ok     " if report.is_whole else "BROKEN "
    yield f"{word}  {report.name or 'no workspace'} ({report.workspace_id}): {report.sealed} sealed{tail}"
    for broken in report.breaks:
        yield f"         {broken.sentence}"


def _read(path: Path) -> dict[str, End]:
    try:
        return _ENDS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise Invalid(
            FieldError("ends", f"{path} is not a file that this command has written.", "Name another; it is made if it is not there.")
        ) from None


def _write(path: Path, reports: list[Report]) -> None:
    found = {report.workspace_id: report.end for report in reports if report.end is not None}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
