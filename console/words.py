"""Owns how numbers, sizes, durations and moments are written."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from backend.core import clock, texts
from backend.core.pagination import COUNT_CAP

MOST_BODY: Final = 16_384
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


class _Count(Protocol):
    @property
    def value(self) -> int: ...
    @property
    def capped(self) -> bool: ...


def moment(value: datetime | None) -> str:
    """RFC 3339 for the browser, which shows it relative and exact; empty for none."""
    return clock.rfc3339(value) if value else ""


@dataclass
class Told:
    """A sentence around a moment, which the browser shows in the viewer's zone; all of it is in `before` where it tells none."""

    before: str = ""
    moment: str = ""
    after: str = ""


def told(sentence: str) -> Told:
    """A sentence with one moment at most, as `moment` writes it, in its parts."""
    found = _MOMENT.search(sentence)
    return Told(sentence[: found.start()], found[0], sentence[found.end() :]) if found else Told(sentence)


def number(value: float) -> str:
    """`12,480`; fractions to one place."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def count(value: _Count | int) -> str:
    """A count, which stops at `10,000+`."""
    if isinstance(value, int):
        return number(value)
    return f"{value.value:,}{'+' if value.capped else ''}"


def capped(value: int) -> str:
    """A number that was counted up to 10,000."""
    return f"{COUNT_CAP:,}+" if value >= COUNT_CAP else number(value)


def attempts(made: int) -> str:
    """`1 attempt`, `12,480 attempts`."""
    return f"{number(made)} attempt{'' if made == 1 else 's'}"


def duration(ms: float | None) -> str:
    """`84 ms`, `1.2 s`; a dash for none."""
    if ms is None:
        return "–"
    if ms < 10:
        return f"{ms:.1f} ms"
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def span(seconds: float) -> str:
    """`5 s`, `30 min`, `2 h`, `5 days`: a length of time in its largest whole unit."""
    for size, unit in ((86_400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            amount = seconds / size
            shown = f"{amount:.0f}" if amount >= 10 else f"{amount:.1f}".removesuffix(".0")
            return f"{shown} {unit}{'s' if unit == 'day' and shown != '1' else ''}"
    return f"{seconds:.0f} s"


def lasting(seconds: float) -> str:
    """`3 min 20 s`, `2 h 5 min`, `less than a second`: a length of time as somebody who waits for it thinks of it."""
    if seconds < 1:
        return "less than a second"
    whole = round(seconds)
    for size, smaller in ((86_400, 3600), (3600, 60), (60, 1)):
        if whole >= size:
            rest = whole % size // smaller * smaller
            return f"{span(whole - whole % size)} {span(rest)}" if rest else span(whole - whole % size)
    return span(whole)


def size(length: int) -> str:
    """`812 B`, `12 KB`."""
    return f"{length} B" if length < 1024 else f"{length / 1024:,.1f} KB".replace(".0 KB", " KB")


def money(amount: int | None, currency: str | None = None) -> str:
    """An amount in ten-thousandths, exactly: `AED 17.00`, `8.125`; a dash for none."""
    if amount is None:
        return "–"
    whole, rest = divmod(abs(amount), 10_000)
    shown = f"{'-' if amount < 0 else ''}{whole:,}.{f'{rest:04d}'.rstrip('0').ljust(2, '0')}"
    return f"{currency} {shown}" if currency else shown


def percent(part: float, whole: float) -> str:
    """`98.2 %`; a dash of nothing."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.0f} %" if share in (0.0, 100.0) else f"{min(share, 99.9):.1f} %"


def readable(text: str) -> tuple[str, bool]:
    """A body for reading: JSON indented, at most 16 KB; and whether it was cut."""
    if len(text) > MOST_BODY:
        return text[:MOST_BODY], True
    if text[:1] in ("{", "["):
        try:
            return json.dumps(texts.readable(json.loads(text)), indent=2, ensure_ascii=False), False
        except (ValueError, RecursionError):
            pass
    return text, False
