"""What the browser is told of a request in the log."""

from __future__ import annotations

import pytest

from backend.core import clock
from backend.models import RequestLog
from console.pages.logs import rows


@pytest.mark.parametrize(
    ("status", "refusal", "shown"),
    [
        (401, "expired", "expired"),
        (403, "scope", "scope"),
        (404, None, "not found"),
        (405, "method_not_allowed", "method not allowed"),
        (409, None, "conflict"),
        (413, "too_large", "too large"),
        (415, "unsupported_media", "unsupported media"),
        (422, None, "invalid"),
        (429, "rate_limit", "rate limit"),
        (503, None, "unavailable"),
    ],
)
def test_every_refusal_tells_by_what_and_what_to_do(status: int, refusal: str | None, shown: str) -> None:
    request = RequestLog(
        id="req_x", workspace_id="wsp_x", created_at=clock.now(), method="POST", path="/api/v1/things", status_code=status,
        duration_ms=3, caller_kind="key", caller_id="key_x", refusal=refusal, error="name: is missing. Send it.",
    )  # fmt: skip
    detail = rows.request_detail(request, {})
    assert (detail.refusal, rows.request_row(request).refusal) == (shown, shown)
    assert detail.sentence == f"Refused with {status} after 3.0 ms. name: is missing. Send it."


def test_what_failed_or_was_answered_was_not_refused() -> None:
    for status in (200, 500):
        request = RequestLog(
            id="req_x", workspace_id="wsp_x", created_at=clock.now(), method="GET", path="/", status_code=status,
            duration_ms=3, caller_kind="key", caller_id="key_x",
        )  # fmt: skip
        detail = rows.request_detail(request, {})
        assert (detail.refusal, detail.sentence) == ("", f"Answered {status} after 3.0 ms.")
