"""The query parameters that every list takes."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query

from backend.core import pagination

# The bounds are told here and judged with the page, which says what would be right.
BOUNDS: Final = {"minimum": 1, "maximum": pagination.MAX_LIMIT}
Limit = Annotated[int, Query(description="How many a page has: 1 to 200.", json_schema_extra=BOUNDS)]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before.")]
StatusCode = Annotated[int | None, Query(ge=100, le=599, description="Only those that were answered with this status.")]
