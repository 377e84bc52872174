"""How an incoming webhook does: requests by what became of them over time, and places in the payloads that came or went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Insert, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col, select

from backend.core import clock, db, permissions, texts
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid
from backend.incoming import paths, service
from backend.models import IncomingRollup, IncomingShape

WIDTHS: Final = (60, 3600)
MAX_HOURS: Final = 24 * 90
MAX_EVENTS: Final = 50  # kinds of events whose places are watched
MAX_PLACES: Final = 400
ENOUGH: Final = 10  # requests without a place before it counts as new, or as gone
USUAL: Final = 0.5  # the part of requests that had a place before it went
_MINUTES_UP_TO_HOURS: Final = 3
_ROLLUPS: Final = SQLModel.metadata.tables["incoming_rollup"]
_PLACE: Final = ("workspace_id", "width", "starts_at", "incoming_id", "outcome")


@dataclass(frozen=True, slots=True)
class Counted:
    """One request to be counted: `outcome` is accepted, captured, duplicate, or why it was rejected; -1 takes it away again."""

    workspace_id: str
    incoming_id: str
    outcome: str
    at: datetime
    number: int = 1


@dataclass(frozen=True, slots=True)
class Point:
    """Requests of one step of a series."""

    starts_at: datetime
    accepted: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A place in the payloads of one kind of event that appeared, or is there no more."""

    event: str
    path: str
    at: datetime  # when it was first, or last, there


@dataclass(frozen=True, slots=True)
class Health:
    """Requests of some hours; `rejected` by reason. Duplicates count as received and as neither of the others."""

    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])
    last_at: datetime | None = None
    series: Sequence[Point] = ()
    appeared: Sequence[Change] = ()
    vanished: Sequence[Change] = ()

    @property
    def refused(self) -> int:
        """How many were rejected, for whatever reason."""
        return sum(self.rejected.values())


_GOOD: Final = frozenset({"accepted", "captured"})


def count(session: Session, counted: Iterable[Counted]) -> None:
    """Add requests to the roll-ups."""
    sums: Counter[tuple[str, int, datetime, str, str]] = Counter()
    for each in counted:
        for width in WIDTHS:
            starts_at = datetime.fromtimestamp(each.at.timestamp() // width * width, UTC)
            sums[each.workspace_id, width, starts_at, each.incoming_id, each.outcome] += each.number
    if sums:
        rows = [{**dict(zip(_PLACE, place, strict=True)), "count": number} for place, number in sorted(sums.items())]
        session.connection().execute(_UPSERTS["sqlite" if db.is_sqlite(session) else "postgresql"], rows)


def _upsert(statement: sqlite.Insert | postgresql.Insert) -> Insert:
    return statement.on_conflict_do_update(index_elements=list(_PLACE), set_={"count": _ROLLUPS.c["count"] + statement.excluded["count"]})


_UPSERTS: Final = {"sqlite": _upsert(sqlite.insert(_ROLLUPS)), "postgresql": _upsert(postgresql.insert(_ROLLUPS))}


def note_shapes(session: Session, workspace_id: str, incoming_id: str, seen: Sequence[tuple[str, Any]]) -> None:
    """Note which places the payloads of verified requests have; `seen` are pairs of the kind of event and the payload.

    Of each place are kept the numbers of the first and the last request that had it, how many had it, and when.
    """
    by_event: dict[str, list[Any]] = {}
    for event, value in seen:
        by_event.setdefault(texts.storable(event), []).append(value)
    query = select(IncomingShape).where(IncomingShape.incoming_id == incoming_id).order_by(col(IncomingShape.event))
    rows = {row.event: row for row in session.exec(query.with_for_update()).all()}
    now = clock.now()
    for event, values in sorted(by_event.items()):
        row = rows.get(event)
        if row is None:
            if len(rows) >= MAX_EVENTS:
                continue
            row = rows[event] = IncomingShape(incoming_id=incoming_id, event=event, workspace_id=workspace_id, updated_at=now)
            session.add(row)
        row.total, row.fields, row.updated_at = _noted(row.total, row.fields, values, now)
    session.flush()


def _noted(total: int, known: Mapping[str, Any], values: Sequence[Any], now: datetime) -> tuple[int, dict[str, Any], datetime]:
    fields = {path: list(numbers) for path, numbers in known.items()}
    at = int(now.timestamp())
    for value in values:
        total += 1
        for path in paths.shape(value):
            if path in fields:
                first, _, count, first_at, _ = fields[path]
                fields[path] = [first, total, count + 1, first_at, at]
            elif len(fields) < MAX_PLACES:
                fields[path] = [total, total, 1, at, at]
    return total, fields, now


def changes(shapes: Iterable[IncomingShape]) -> tuple[list[Change], list[Change]]:
    """Places that came although ten requests before had them not, and places that were usual and ten requests now have not."""
    appeared: list[Change] = []
    vanished: list[Change] = []
    for row in shapes:
        for path, (first, last, number, first_at, last_at) in row.fields.items():
            if first > ENOUGH and row.total - last < ENOUGH:
                appeared.append(Change(row.event, path, datetime.fromtimestamp(first_at, UTC)))
            if row.total - last >= ENOUGH and number >= USUAL * (last - first + 1) and last > 1:
                vanished.append(Change(row.event, path, datetime.fromtimestamp(last_at, UTC)))
    return appeared, vanished


def health(session: Session, *, actor: Actor, incoming_id: str, hours: int = 24) -> Health:
    """How an incoming webhook did over the last `hours`. Raises `NotFound`, `Invalid`."""
    permissions.require(actor, permissions.INCOMING_READ)
    if not 1 <= hours <= MAX_HOURS:
        raise Invalid(FieldError("hours", f"{hours} is out of range.", f"Use 1 to {MAX_HOURS}."))
    row = service.find(session, actor, incoming_id)
    width = 60 if hours <= _MINUTES_UP_TO_HOURS else 3600
    since = clock.now() - timedelta(hours=hours)
    query = select(IncomingRollup.starts_at, IncomingRollup.outcome, IncomingRollup.count).where(
        IncomingRollup.workspace_id == actor.workspace_id,
        IncomingRollup.width == width,
        IncomingRollup.starts_at >= since,
        IncomingRollup.incoming_id == row.id,
    )
    totals: Counter[str] = Counter()
    steps: dict[datetime, Counter[str]] = {}
    for starts_at, outcome, number in session.exec(query.where(IncomingRollup.count > 0)).all():
        totals[outcome] += number
        steps.setdefault(starts_at, Counter())[
            "accepted" if outcome in _GOOD else "duplicate" if outcome == "duplicate" else "rejected"
        ] += number
    newest = select(func.max(IncomingRollup.starts_at)).where(
        IncomingRollup.workspace_id == actor.workspace_id, IncomingRollup.width == 60, IncomingRollup.incoming_id == row.id
    )
    appeared, vanished = changes(session.exec(select(IncomingShape).where(IncomingShape.incoming_id == row.id)).all())
    return Health(
        received=totals.total(),
        accepted=sum(totals[word] for word in _GOOD),
        duplicates=totals["duplicate"],
        rejected={word: number for word, number in sorted(totals.items()) if word not in _GOOD and word != "duplicate"},
        last_at=session.exec(newest).one(),
        series=_series(steps, since, width),
        appeared=appeared,
        vanished=vanished,
    )


def _series(steps: Mapping[datetime, Counter[str]], since: datetime, width: int) -> list[Point]:
    """A point for each minute or hour, empty ones too."""
    first, last = (int(moment.timestamp() // width) for moment in (since + timedelta(seconds=width), clock.now()))
    found: list[Point] = []
    for number in range(first, last + 1):
        at = datetime.fromtimestamp(number * width, UTC)
        counted = steps.get(at, Counter[str]())
        found.append(Point(at, counted["accepted"], counted["rejected"]))
    return found
