"""A log as a file: CSV or JSON Lines, streamed newest first, a batch of rows in a transaction of its own."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Generic, TypeVar

import orjson
from fastapi import Query
from fastapi.responses import StreamingResponse
from sqlmodel import Session

from backend.core import clock, ids, pagination, web
from backend.core.pagination import Sought
from backend.core.web import Out

BATCH: Final = 500
Row = TypeVar("Row")


class Form(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSONL = "jsonl"


_MEDIA: Final = {Form.CSV: "text/csv; charset=utf-8", Form.JSONL: "application/x-ndjson"}
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Format = Annotated[Form, Query(alias="format", description="csv, or jsonl: one JSON object in each line.")]
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Everything that the filters mean, newest first, except what is younger than ten seconds.",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    }
}


@dataclass(frozen=True, slots=True)
class Source(Generic[Row]):
    """What to export: the rows of a log, what a row is shown as, and by which function if not as it is."""

    name: str
    sought: Sought[Row]
    shape: type[Out]
    show: Callable[[Row], Out] | None = None


async def answer(source: Source[Any], form: Form) -> StreamingResponse:
    """The file. Its first batch is read before the answer begins, so that a database that is away is told as such."""
    # Ids are made before their transaction commits: younger rows may still appear among those that would be written already.
    before = ids.floor(source.sought.prefix, int(clock.now().timestamp() * 1000) - pagination.SETTLED_MS)
    first = await web.in_transaction(_batch, source=source, before=before, form=form)
    day = clock.now().date().isoformat()
    disposition = f'attachment; filename="{source.name}-{day}.{form}"'
    return StreamingResponse(_write(source, form, first), media_type=_MEDIA[form], headers={"content-disposition": disposition})


async def _write(source: Source[Any], form: Form, batch: tuple[bytes, str | None]) -> AsyncGenerator[bytes]:
    if form is Form.CSV:
        yield _csv([list(source.shape.model_fields)])
    while True:
        text, before = batch
        if text:
            yield text
        if before is None:
            return
        batch = await web.in_transaction(_batch, source=source, before=before, form=form)


def _batch(session: Session, *, source: Source[Any], before: str, form: Form) -> tuple[bytes, str | None]:
    """The next rows as they are written, and the id to go on before; None after the last."""
    found, further = pagination.scan(session, source.sought, limit=BATCH, before=before)
    show = source.show or source.shape.model_validate
    shown = [show(row).model_dump(mode="json") for row in found]
    if form is Form.CSV:
        text = _csv([[_cell(value) for value in row.values()] for row in shown])
    else:
        text = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in shown)
    return text, further


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Lines of RFC 4180."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    return f"'{value}" if value.startswith(_FORMULA) else value
