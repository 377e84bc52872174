"""Keyset pages: newest first by id, with a cursor that only this installation can make."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import Mapped
from sqlmodel import Session, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import clock, crypto, ids
from backend.core.errors import FieldError, Invalid

Row = TypeVar("Row")
Out = TypeVar("Out")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
COUNT_CAP = 10_000
SCAN_ROWS = 20_000
NOW = "now"
# Ids are made before their transaction commits: for this long a row may still appear before others that are seen already.
SETTLED_MS = 10_000
_MAC_BYTES = 9


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list; `next_cursor` is None on the last."""

    data: list[Row]
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        """Whether a further page exists."""
        return self.next_cursor is not None

    def map(self, change: Callable[[Row], Out]) -> Page[Out]:
        """The same page with every row changed."""
        return Page([change(row) for row in self.data], self.next_cursor)


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows; `capped` if there are more than that."""

    value: int
    capped: bool


@dataclass(frozen=True, slots=True)
class Tail(Generic[Row]):
    """What was added to a list, oldest first; `next_cursor` is where to go on, at once while `has_more`, else in a moment."""

    data: list[Row]
    next_cursor: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class Sought(Generic[Row]):
    """Rows of a log: those of `query`, which an index finds, that meet `conditions`, for which there is none.

    `key` is their id column, whose ids have `prefix`.
    """

    query: SelectOfScalar[Row]
    conditions: Sequence[ColumnElement[bool]]
    key: Any  # a `Mapped[str]`; annotated as one it would be read as a descriptor of this class
    prefix: str


def fetch(
    session: Session, query: SelectOfScalar[Row], key: Mapped[str], *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Row]:
    """One page of `query`, newest first by the id column `key`; `limit` from 1 to 200. Raises `Invalid` on a bad cursor or limit."""
    _check(limit)
    if cursor:
        query = query.where(key < decode(cursor))
    rows: Sequence[Row] = session.exec(query.order_by(key.desc()).limit(limit + 1)).all()
    data = list(rows[:limit])
    return Page(data, encode(_id(data[-1])) if len(rows) > limit else None)


def cut(rows: Iterable[Row], key: Callable[[Row], str], *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Row]:
    """One page of rows that are all at hand, in the order of `key`, which no two share. Raises `Invalid` on a bad cursor or limit."""
    _check(limit)
    after = decode(cursor) if cursor else ""
    left = sorted((row for row in rows if key(row) > after), key=key)
    return Page(left[:limit], encode(key(left[limit - 1])) if len(left) > limit else None)


def count(session: Session, query: SelectOfScalar[Any], key: Mapped[str]) -> Count:
    """How many rows a query means, by their id column; stops at 10,000."""
    rows = query.with_only_columns(key).limit(COUNT_CAP + 1).subquery()
    number = session.exec(select(func.count()).select_from(rows)).one()
    return Count(min(number, COUNT_CAP), number > COUNT_CAP)


def sift(session: Session, sought: Sought[Row], *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Row]:
    """One page of what is sought, newest first. Raises `Invalid` on a bad cursor or limit.

    Looks through 20,000 rows at most, so it costs the same at any size; a page may be short, even empty, and have a further one.
    """
    _check(limit)
    data, before = scan(session, sought, limit=limit, before=decode(cursor) if cursor else None)
    return Page(data, None if before is None else encode(before))


def scan(session: Session, sought: Sought[Row], *, limit: int, before: str | None) -> tuple[list[Row], str | None]:
    """The next rows of what is sought, newest first, and the id to go on before; None after the last. Looks through 20,000 rows at most."""
    key, query = sought.key, sought.query
    if before is not None:
        query = query.where(key < before)
    bound = _bound(session, sought, query.order_by(key.desc()))
    if bound is not None:
        query = query.where(key >= bound)
    rows: Sequence[Row] = session.exec(query.where(*sought.conditions).order_by(key.desc()).limit(limit + 1)).all()
    data = list(rows[:limit])
    return data, _id(data[-1]) if len(rows) > limit else bound


def follow(session: Session, sought: Sought[Row], *, limit: int = DEFAULT_LIMIT, cursor: str = NOW) -> Tail[Row]:
    """What was added to what is sought since `cursor` (`now`, or that of the answer before), oldest first. Raises `Invalid`.

    Whoever has seen everything is given the last ten seconds again, since rows may still appear among them: know them by their ids.
    """
    _check(limit)
    key, settled = sought.key, ids.floor(sought.prefix, int(clock.now().timestamp() * 1000) - SETTLED_MS)
    # Where to read on, and where the last ten seconds began when this round of reading did.
    after, _, again = (settled, "", "") if cursor == NOW else decode(cursor).partition(" ")
    again = again or settled
    query = sought.query.where(key > after)
    bound = _bound(session, sought, query.order_by(key))
    if bound is not None:
        query = query.where(key <= bound)
    rows: Sequence[Row] = session.exec(query.where(*sought.conditions).order_by(key).limit(limit + 1)).all()
    data = list(rows[:limit])
    last = _id(data[-1]) if len(rows) > limit else bound
    return Tail(data, encode(again if last is None else f"{last} {again}"), has_more=last is not None)


def _bound(session: Session, sought: Sought[Row], ordered: SelectOfScalar[Row]) -> str | None:
    """The id of the last of the next 20,000 rows; None if there are fewer, or if nothing but an index is needed."""
    if not sought.conditions:
        return None
    last = ordered.with_only_columns(sought.key).offset(SCAN_ROWS - 1).limit(1)
    return session.connection().execute(last).scalar()


def _check(limit: int) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(FieldError("limit", f"{limit} is out of range.", f"Use 1 to {MAX_LIMIT}."))


def between(key: Mapped[str], prefix: str, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """The conditions on an id column that rows were made from `since` on and before `until`."""
    return [
        *([key >= ids.floor(prefix, int(since.timestamp() * 1000))] if since else []),
        *([key < ids.floor(prefix, int(until.timestamp() * 1000))] if until else []),
    ]


def _id(row: object) -> str:
    """The id of a row; a query of bare ids is its own."""
    return row if isinstance(row, str) else str(getattr(row, "id"))  # noqa: B009 - rows have it, a type variable does not say so


def encode(last: str) -> str:
    """The cursor that continues after the id `last`."""
    return base64.urlsafe_b64encode(_mac(last) + last.encode()).decode().rstrip("=")


def decode(cursor: str) -> str:
    """The id that a cursor continues after. Raises `Invalid` if we did not make it."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        mac, last = raw[:_MAC_BYTES], raw[_MAC_BYTES:].decode()
    except ValueError:
        mac, last = b"", ""
    if not hmac.compare_digest(mac, _mac(last)):
        raise Invalid(FieldError("cursor", "is not a cursor of this list.", "Pass next_cursor of the page before, or leave it out."))
    return last


def _mac(last: str) -> bytes:
    return hmac.new(crypto.keyring().derive("cursor"), last.encode(), hashlib.sha256).digest()[:_MAC_BYTES]
