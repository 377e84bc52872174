"""What the log routes answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from backend.core.web import ListOut, Out, TailOut


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


class RequestTail(TailOut[RequestOut]):
    """Requests that were added, oldest first."""


class UnknownRequestOut(Out):
    """One request of a caller who is not known. `refusal` is the word for why the door refused it."""

    id: str
    created_at: datetime
    method: str
    path: str
    status_code: int
    refusal: str | None
    ip: str
    user_agent: str
    duration_ms: float


class UnknownRequestList(ListOut[UnknownRequestOut]):
    """One page of requests of unknown callers, newest first."""


class ErrorOut(Out):
    """Something that went wrong."""

    id: str
    created_at: datetime
    severity: str = Field(description="warning, error or critical")
    kind: str = Field(description="What kind it is, for example delivery_exhausted, webhook_disabled, request_failed or job_failed.")
    message: str
    target_kind: str
    target_id: str
    trace_id: str = Field(description="Of the call that led to it, as the event, the deliveries and the attempts have it.")
    detail: dict[str, Any]


class ErrorList(ListOut[ErrorOut]):
    """One page of errors, newest first."""


class ErrorTail(TailOut[ErrorOut]):
    """Errors that were added, oldest first."""
