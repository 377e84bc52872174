"""What is read of a request's body: the whole of it, or why nothing of it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from backend.incoming import receiving
from backend.incoming.processing import INCOMPLETE, TOO_LARGE
from backend.incoming.receiving import MAX_BODY, Body

MIB = b"x" * MAX_BODY


def read(length: int | None, *parts: bytes, ends: str = "whole") -> tuple[Body, int]:
    """What is read of these parts, after which the body is whole, or its sender is gone or says nothing more; how many were asked for."""
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked <= len(parts):
            return {"type": "http.request", "body": parts[asked - 1], "more_body": asked < len(parts) or ends != "whole"}
        if ends == "silent":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    headers: Sequence[tuple[bytes, bytes]] = [] if length is None else [(b"content-length", str(length).encode())]
    return asyncio.run(receiving.read(headers, receive)), asked


def test_a_whole_body_is_taken_with_or_without_its_length() -> None:
    for length in (5, None):
        assert read(length, b"ab", b"cde")[0] == Body(b"abcde", 5)
    assert read(None, b"")[0] == Body(b"", 0)
    assert read(MAX_BODY, MIB)[0] == Body(MIB, MAX_BODY)


def test_a_part_of_a_body_is_never_taken_for_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "BODY_SECONDS", 0.05)
    for length, ends in ((10, "gone"), (None, "gone"), (10, "whole"), (10, "silent")):
        assert read(length, b"email=ada", ends=ends)[0] == Body(b"", 9, INCOMPLETE, is_whole=False)


def test_a_body_that_is_too_large_is_read_only_as_far_as_its_sender_needs_to_hear_of_it() -> None:
    assert read(MAX_BODY + 1, MIB, b"x") == (Body(b"", MAX_BODY + 1, TOO_LARGE), 2)
    assert read(None, MIB, b"x") == (Body(b"", MAX_BODY + 1, TOO_LARGE), 2)
    assert read(10**12, MIB) == (Body(b"", 10**12, TOO_LARGE, is_whole=False), 0)
    found, asked = read(None, *[MIB] * 100)
    assert (found.fault, found.is_whole, asked) == (TOO_LARGE, False, 3)
