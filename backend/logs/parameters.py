"""The query parameters that every log takes, beside those of every list."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from backend.core import pagination
from backend.core.web import Moment

Since = Annotated[Moment | None, Query(description="Only what happened then or later.")]
Until = Annotated[Moment | None, Query(description="Only what happened before.")]
Cursor = Annotated[
    str | None,
    Query(
        description=f"`next_cursor` of the page before. A search looks through {pagination.SCAN_ROWS:,} rows at a time, so a page may be "
        "short or empty and still have a further one: go on while `has_more`."
    ),
]
After = Annotated[
    str,
    Query(
        description="`now`, or `next_cursor` of the answer before. While nothing more is there the last ten seconds come again, since "
        "rows may still appear among them: know them by their ids."
    ),
]
