"""Finds a page of records: from one index in its order, or from few ids; what the index does not decide is looked at row by row.

Only a bounded number of rows is looked at for a page. If few of them fit it is short, and its cursor goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, cast

import orjson
from sqlalchemy import ColumnElement, and_, func, text, true
from sqlmodel import Session, col, select

from backend.core import clock, filters, pagination
from backend.core.errors import Conflict, FieldError, Invalid
from backend.core.filters import All, Filter
from backend.models import Record, RecordValue
from backend.records import keys, query
from backend.records.definition import Definition
from backend.records.query import Query, Span

# So many ids or fewer are gathered from an index and put in order here.
FEW: Final = 5000
EXAMINED: Final = 5000
_CHUNK: Final = 250
_BREAK: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it is stored, and its place in the order of the list."""

    place: str
    id: str
    body: str
    shape: int


@dataclass(frozen=True, slots=True)
class Gathered:
    """A page as text: the records with commas between them, and the cursor that goes on after it."""

    bodies: str
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A page, and the cursor that goes on after it."""

    rows: list[Row]
    next_cursor: str | None


_OF: Final = "FROM record WHERE workspace_id = :workspace AND module_id = :module"
# A page as one row, since each row costs a turn at the interpreter's lock. SQLite gathers in the order of the inner query.
_PAGE: Final = """SELECT {gathered}, count(*), min(id), min(shape), max(shape),
(SELECT revision FROM module WHERE id = :module AND deleted_at IS NULL),
(SELECT id {of}{after} ORDER BY id DESC LIMIT 1 OFFSET :most)
FROM (SELECT id, body, shape {of}{after} ORDER BY id DESC LIMIT :most) AS page"""
_GATHERED: Final = {"sqlite": "group_concat(body, ',')", "postgresql": "string_agg(body, ',' ORDER BY id DESC)"}
_PAGES: Final = {
    (dialect, is_first): text(_PAGE.format(gathered=gathered, of=_OF, after="" if is_first else " AND id < :after"))
    for dialect, gathered in _GATHERED.items()
    for is_first in (True, False)
}

# Gives the rows that follow a place (and the id in it), at most so many.
Source = Callable[[tuple[str, str] | None, int], list[Row]]
# The columns that a list is in the order of, the id last.
Place = tuple[Any, Any]


def find(session: Session, definition: Definition, asked: Query) -> Found:
    """The page. Raises `Invalid` for a cursor of another list, `Conflict` while a new field is being indexed."""
    if asked.is_empty:
        return Found([], None)
    if asked.sort.key in definition.unfilled:
        raise Conflict(f"Records are being prepared to be sorted by {asked.sort.key}. Try again in a minute.")
    source, covered = _source(session, definition, asked)
    rest = _rest(asked, covered)
    words = asked.words if not (len(asked.words) == 1 and covered is not None and covered.key == keys.WORDS) else ()
    fits = _test(definition, rest, words)
    after = _after(asked)
    if fits is None:
        rows = source(after, asked.limit + 1)
        return page(rows, asked)
    return _sift(source, fits, after, asked)


def newest(session: Session, definition: Definition, asked: Query) -> Gathered | None:
    """A page of all records, in one statement.

    None where the stored texts cannot be answered as they stand, or the definition is not the module's any more.
    """
    if not definition.is_plain:
        return None
    after = _after(asked)
    parameters: dict[str, Any] = {"workspace": definition.workspace_id, "module": definition.id, "most": asked.limit}
    if after is not None:
        parameters["after"] = after[1]
    connection = session.connection()
    row = connection.execute(_PAGES[connection.dialect.name, after is None], parameters).one()
    bodies, count, last, least, most, revision, following = row
    if revision != definition.revision or (count and not least == most == definition.shape):
        return None
    return Gathered(bodies or "", pagination.encode(last) if following is not None else None)


def page(rows: list[Row], asked: Query) -> Found:
    """A page of the rows that were found, one more than asked for if there are more."""
    return _page(rows, asked, more=len(rows) > asked.limit)


def _sift(source: Source, fits: Callable[[Row], bool], after: tuple[str, str] | None, asked: Query) -> Found:
    found: list[Row] = []
    examined = 0
    size = min(asked.limit + 1, _CHUNK)  # where the index decides almost everything, these are the page
    while True:
        rows = source(after, size)
        for row in rows:
            examined += 1
            if fits(row):
                found.append(row)
                if len(found) > asked.limit:
                    return _page(found, asked, more=True)
            if examined >= EXAMINED:
                return Found(found, _cursor(asked, row))
        if len(rows) < size:
            return Found(found, None)
        after, size = (rows[-1].place, rows[-1].id), _CHUNK


def _page(rows: list[Row], asked: Query, *, more: bool) -> Found:
    kept = rows[: asked.limit]
    return Found(kept, _cursor(asked, kept[-1]) if more else None)


def _cursor(asked: Query, last: Row) -> str:
    if asked.sort.key == query.ID:
        return pagination.encode(last.id)
    return pagination.encode(_BREAK.join((_name(asked), last.place, last.id)))


def _after(asked: Query) -> tuple[str, str] | None:
    if asked.cursor is None:
        return None
    last = pagination.decode(asked.cursor)
    if asked.sort.key == query.ID and _BREAK not in last:
        return "", last
    name, _, rest = last.partition(_BREAK)
    place, broken, identifier = rest.rpartition(_BREAK)
    if not broken or name != _name(asked):
        raise Invalid(FieldError("cursor", "belongs to a list in another order.", "Pass it with the sort it came with, or leave it out."))
    return place, identifier


def _name(asked: Query) -> str:
    return f"{'-' if asked.sort.descending else '+'}{asked.sort.key}"


def _rest(asked: Query, covered: Span | None) -> Filter | None:
    """What is still to be asked of each row."""
    if asked.filter is None or covered is None or not covered.covers:
        return asked.filter
    parts = asked.filter.parts if isinstance(asked.filter, All) else (asked.filter,)
    left = tuple(part for part in parts if part is not covered.condition)
    return All(left) if left else None


def _test(definition: Definition, rest: Filter | None, words: tuple[str, ...]) -> Callable[[Row], bool] | None:
    if rest is None and not words:
        return None

    def fits(row: Row) -> bool:
        document: dict[str, Any] = {key: value for key, value in orjson.loads(row.body).items() if value is not None}
        if rest is not None and not filters.evaluate(rest, document).matched:
            return False
        if not words:
            return True
        there = keys.words((field, document.get(field.key)) for field in definition.fields)
        return all(any(word.startswith(keys.prefix(wanted)[0]) for word in there) for wanted in words)

    return fits


def _source(session: Session, definition: Definition, asked: Query) -> tuple[Source, Span | None]:
    """Where the rows come from, and the span that is thereby decided."""
    spans, sort = asked.spans, asked.sort
    points = [span for span in spans if span.is_point and span.key != query.UPDATED_AT]
    if len(spans) == 1 and points and sort.key == query.ID:
        return _indexed(session, definition, asked, points[0]), points[0]
    if len(spans) == 1 and spans[0].key == sort.key != query.UPDATED_AT:
        return _sorted(session, definition, asked, spans[0]), spans[0]
    counted = sorted(((_count(session, definition, span), index) for index, span in enumerate(spans)), key=lambda each: each[0])
    if counted and counted[0][0] <= FEW:
        few = spans[counted[0][1]]
        return _gathered(session, definition, asked, few), few
    if sort.key == query.ID and points:
        return _indexed(session, definition, asked, points[0]), points[0]
    if sort.key in {query.ID, query.UPDATED_AT}:
        whole = _listed if sort.key == query.ID else _updated
        return whole(session, definition, asked), None
    own = next((span for span in spans if span.key == sort.key), None)
    return _sorted(session, definition, asked, own), own


_BODY: Final = (Record.id, Record.body, Record.shape)


def _of(definition: Definition) -> ColumnElement[bool]:
    return and_(col(Record.workspace_id) == definition.workspace_id, col(Record.module_id) == definition.id)


def _values(definition: Definition, key: str) -> ColumnElement[bool]:
    return and_(
        col(RecordValue.workspace_id) == definition.workspace_id, col(RecordValue.module_id) == definition.id, col(RecordValue.field) == key
    )


def _within(span: Span, definition: Definition) -> ColumnElement[bool]:
    value = col(RecordValue.value)
    bounds = value == span.low if span.is_point else and_(value >= span.low, value <= span.high)
    return and_(_values(definition, span.key), bounds)


def _ids(definition: Definition, span: Span) -> Any:
    """The ids in a span."""
    if span.key != query.UPDATED_AT:
        return select(RecordValue.record_id).where(_within(span, definition))
    statement = select(Record.id).where(_of(definition))
    low, high = span.low.removeprefix(keys.LOWEST), span.high.removeprefix(keys.LOWEST)
    if low:
        statement = statement.where(col(Record.updated_at) >= _moment(low))
    return statement.where(col(Record.updated_at) <= _moment(high)) if span.high != keys.HIGHEST else statement


def _rows(session: Session, statement: Any) -> Sequence[Any]:
    return cast("Any", session).exec(statement).all()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _count(session: Session, definition: Definition, span: Span) -> int:
    """How many ids are in a span, counted no further than needed."""
    few = _ids(definition, span).limit(FEW + 1).subquery()
    return int(_rows(session, select(func.count()).select_from(few))[0])


def _bounded(statement: Any, identifier: Any, asked: Query) -> Any:
    if asked.id_from is not None:
        statement = statement.where(identifier >= asked.id_from)
    return statement.where(identifier < asked.id_before) if asked.id_before is not None else statement


def _listed(session: Session, definition: Definition, asked: Query) -> Source:
    """All records in the order of their ids."""
    identifier = col(Record.id)
    order = identifier.desc() if asked.sort.descending else identifier

    def chunk(after: tuple[str, str] | None, size: int) -> list[Row]:
        statement = _bounded(select(*_BODY).where(_of(definition)), identifier, asked)
        if after is not None:
            statement = statement.where(identifier < after[1] if asked.sort.descending else identifier > after[1])
        return [Row("", *row) for row in _rows(session, statement.order_by(order).limit(size))]

    return chunk


def _indexed(session: Session, definition: Definition, asked: Query, span: Span) -> Source:
    """The records under one key, in the order of their ids."""
    identifier = col(RecordValue.record_id)
    order = identifier.desc() if asked.sort.descending else identifier

    def chunk(after: tuple[str, str] | None, size: int) -> list[Row]:
        statement = select(*_BODY).join(RecordValue, col(Record.id) == identifier).where(_within(span, definition))
        statement = _bounded(statement, identifier, asked)
        if after is not None:
            statement = statement.where(identifier < after[1] if asked.sort.descending else identifier > after[1])
        return [Row("", *row) for row in _rows(session, statement.order_by(order).limit(size))]

    return chunk


def _updated(session: Session, definition: Definition, asked: Query) -> Source:
    """All records in the order of their last change."""
    place = (col(Record.updated_at), col(Record.id))

    def part(condition: ColumnElement[bool], size: int) -> list[Row]:
        statement = _bounded(select(Record.updated_at, *_BODY).where(_of(definition), condition), place[1], asked)
        return [Row(clock.rfc3339(row[0]), *row[1:]) for row in _rows(session, statement.order_by(*_order(place, asked)).limit(size))]

    def chunk(after: tuple[str, str] | None, size: int) -> list[Row]:
        if after is None:
            return part(true(), size)
        return _following(place, (_moment(after[0]), after[1]), asked, part, size)

    return chunk


def _sorted(session: Session, definition: Definition, asked: Query, span: Span | None) -> Source:
    """All records, or those in a span of the field, in the order of the field; those without a value at the end."""
    place = (col(RecordValue.value), col(RecordValue.record_id))
    there = _within(span, definition) if span is not None else _values(definition, asked.sort.key)

    def part(condition: ColumnElement[bool], size: int) -> list[Row]:
        statement = select(RecordValue.value, *_BODY).join(Record, col(Record.id) == place[1]).where(there, condition)
        statement = _bounded(statement, place[1], asked)
        return [Row(*row) for row in _rows(session, statement.order_by(*_order(place, asked)).limit(size))]

    def chunk(after: tuple[str, str] | None, size: int) -> list[Row]:
        if after is not None and after[0] == keys.NULL:
            return part(_same(place, after, asked), size)
        rows = part(place[0] > keys.NULL, size) if after is None else _following(place, after, asked, part, size)
        if span is None and len(rows) < size:
            rows += part(place[0] == keys.NULL, size - len(rows))
        return rows

    return chunk


def _following(
    place: Place, after: tuple[Any, str], asked: Query, part: Callable[[ColumnElement[bool], int], list[Row]], size: int
) -> list[Row]:
    """The rows past a place in the order: of the same value first, then beyond it. Asked for in one, SQLite would look through the former."""
    rows = part(_same(place, after, asked), size)
    if len(rows) < size:
        beyond = place[0] < after[0] if asked.sort.descending else place[0] > after[0]
        has_value = place[0] > keys.NULL if isinstance(after[0], str) else true()
        rows += part(and_(beyond, has_value) if asked.sort.descending else beyond, size - len(rows))
    return rows


def _same(place: Place, after: tuple[Any, str], asked: Query) -> ColumnElement[bool]:
    return and_(place[0] == after[0], place[1] < after[1] if asked.sort.descending else place[1] > after[1])


def _order(place: Place, asked: Query) -> list[Any]:
    return [one.desc() if asked.sort.descending else one for one in place]


def _gathered(session: Session, definition: Definition, asked: Query, span: Span) -> Source:
    """The few records in a span, put in order here."""
    found: list[str] = sorted(set(_rows(session, _ids(definition, span))))
    low, high = asked.id_from or "", asked.id_before or "~"
    found = [one for one in found if low <= one < high]
    if asked.sort.key == query.ID:
        if asked.sort.descending:
            found.reverse()

        def by_id(after: tuple[str, str] | None, size: int) -> list[Row]:
            begin = 0 if after is None else next((i for i, one in enumerate(found) if _is_past(asked, one, after[1])), len(found))
            part = found[begin : begin + size]
            rows = {row.id: row for row in _fetched(session, definition, part)}
            return [rows[one] for one in part if one in rows]

        return by_id
    return _in_memory(list(_fetched(session, definition, found)), definition, asked)


def _is_past(asked: Query, identifier: str, after: str) -> bool:
    return identifier < after if asked.sort.descending else identifier > after


def _in_memory(rows: list[Row], definition: Definition, asked: Query) -> Source:
    """The rows in the order of a field."""
    field = next((field for field in definition.fields if field.key == asked.sort.key), None)
    placed: list[Row] = []
    for row in rows:
        document = orjson.loads(row.body)
        at = keys.key(field, document.get(field.key)) if field is not None else document["updated_at"]
        placed.append(replace(row, place=at))
    valued = sorted((row for row in placed if row.place), key=lambda row: (row.place, row.id), reverse=asked.sort.descending)
    empty = sorted((row for row in placed if not row.place), key=lambda row: row.id, reverse=asked.sort.descending)
    ordered = [*valued, *empty]

    def chunk(after: tuple[str, str] | None, size: int) -> list[Row]:
        begin = 0 if after is None else next((i for i, row in enumerate(ordered) if _follows(asked, row, after)), len(ordered))
        return ordered[begin : begin + size]

    return chunk


def _follows(asked: Query, row: Row, after: tuple[str, str]) -> bool:
    if bool(row.place) != bool(after[0]):
        return not row.place
    at = (row.place, row.id)
    return at < after if asked.sort.descending else at > after


def _fetched(session: Session, definition: Definition, identifiers: list[str]) -> Iterator[Row]:
    for begin in range(0, len(identifiers), 500):
        some = identifiers[begin : begin + 500]
        yield from (Row("", *row) for row in _rows(session, select(*_BODY).where(_of(definition), col(Record.id).in_(some))))
