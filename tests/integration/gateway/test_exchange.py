"""An answer reads what the client is still sending, or says that the connection ends: else the client finds no answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.gateway.conftest import Door

CHUNK = b"x" * 65_536


def asked(door: Door, length: int | None, chunks: int, method: str = "POST", path: str = "/things") -> tuple[int, dict[bytes, bytes], int]:
    """Status, headers, and how many chunks were read of the body of a request without credential."""
    read, sent = 0, list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": CHUNK, "more_body": read < chunks}

    async def send(message: Any) -> None:
        sent.append(message)

    framing = (b"transfer-encoding", b"chunked") if length is None else (b"content-length", str(length).encode())
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": f"/api/v1{path}",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), framing],
        "client": ("203.0.113.7", 40_000),
    }
    door.run(door.gateway(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), read


@pytest.mark.parametrize(("length", "status"), [(3 * len(CHUNK), 401), (None, 401), (1_600_000, 413)])
def test_a_refusal_reads_the_body_first(door: Door, length: int | None, status: int) -> None:
    found, headers, read = asked(door, length, 3)
    assert (found, read) == (status, 3)
    assert b"connection" not in headers


def test_a_refusal_of_a_large_body_ends_the_connection_unread(door: Door) -> None:
    status, headers, read = asked(door, 50_000_000, 1_000)
    assert (status, read) == (413, 0)
    assert headers[b"connection"] == b"close"


def test_a_body_without_end_is_read_only_so_far(door: Door) -> None:
    status, headers, read = asked(door, None, 1_000)
    assert status == 401
    assert read < 100
    assert headers[b"connection"] == b"close"


@pytest.mark.parametrize(("length", "chunks", "is_closed"), [(3 * len(CHUNK), 3, False), (None, 3, False), (None, 1_000, True)])
def test_an_answer_reads_the_body_that_its_call_does_not_take(door: Door, length: int | None, chunks: int, *, is_closed: bool) -> None:
    status, headers, read = asked(door, length, chunks, "GET", "/open")
    assert (status, read == chunks, b"connection" in headers) == (200, not is_closed, is_closed)
