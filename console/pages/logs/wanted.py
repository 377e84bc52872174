"""Owns what the filters in a log's address mean, for its list and for its files alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend.audit.service import AuditFilter
from backend.core import clock
from backend.logs.errors import ErrorFilter
from backend.logs.service import RequestFilter
from console.urls import since

REQUESTS: Final = ("status", "method", "caller", "since", "q")
ERRORS: Final = ("severity", "scope", "since", "q")
AUDIT: Final = ("action", "actor", "since", "q")
UNKNOWN: Final = ("status", "method", "since", "q")
INSTANCE: Final = "instance"


def requests(given: Mapping[str, str]) -> RequestFilter:
    """Requests of the workspace, or of callers that nobody knows."""
    return RequestFilter(
        caller_id=given.get("caller") or None,
        status=given["status"] or None,
        method=given["method"] or None,
        since=since(given["since"], clock.now()),
        q=given["q"] or None,
    )


def errors(given: Mapping[str, str]) -> ErrorFilter:
    """Errors of the workspace, or of the installation."""
    return ErrorFilter(
        severity=given["severity"] or None,
        since=since(given["since"], clock.now()),
        q=given["q"] or None,
        instance=given["scope"] == INSTANCE,
    )


def audit(given: Mapping[str, str]) -> AuditFilter:
    """Entries of the audit."""
    return AuditFilter(
        action=given["action"] or None, actor_id=given["actor"] or None, since=since(given["since"], clock.now()), q=given["q"] or None
    )
