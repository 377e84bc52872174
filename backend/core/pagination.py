"""Keyset pages: newest first by id, with a cursor that only this installation can make."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.orm import Mapped
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import crypto
from backend.core.errors import FieldError, Invalid

Row = TypeVar("Row")
Out = TypeVar("Out")
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
COUNT_CAP = 10_000
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


def fetch(
    session: Session, query: SelectOfScalar[Row], key: Mapped[str], *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
) -> Page[Row]:
    """One page of `query`, newest first by the id column `key`; `limit` from 1 to 200. Raises `Invalid` on a bad cursor or limit."""
    if not 1 <= limit <= MAX_LIMIT:
        raise Invalid(FieldError("limit", f"{limit} is out of range.", f"Use 1 to {MAX_LIMIT}."))
    if cursor:
        query = query.where(key < decode(cursor))
    rows: Sequence[Row] = session.exec(query.order_by(key.desc()).limit(limit + 1)).all()
    data = list(rows[:limit])
    return Page(data, encode(_id(data[-1])) if len(rows) > limit else None)


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
