"""What the log routes answer."""

from __future__ import annotations

from datetime import datetime

from backend.core.web import ListOut, Out


class RequestOut(Out):
    """One request to the API. `query` is redacted; `refusal` is the word for why the door refused it."""

    id: str
    created_at: datetime
    method: str
    path: str
    query: str
    route: str
    status_code: int
    duration_ms: float
    caller_kind: str
    caller_id: str
    secret_id: str | None
    ip: str
    user_agent: str
    refusal: str | None
    error: str | None
    limit_name: str | None
    limit_remaining: int | None


class RequestList(ListOut[RequestOut]):
    """One page of requests, newest first."""
