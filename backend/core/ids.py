"""Identifiers: a prefix and the lower-case Crockford base32 of a UUIDv7 (RFC 9562, section 5.7)."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_LENGTH = 26
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POOL_BYTES = 1024  # of randomness at once: asking the system for each id costs more than all the rest of making it
_lock = threading.Lock()
_last = 0
_pool = b""


def new(prefix: str) -> str:
    """A new id such as `evt_01k5z7…`: sorts by creation time, strictly increasing within a process."""
    global _last, _pool
    with _lock:
        if not _pool:
            _pool = os.urandom(_POOL_BYTES)
        random = int.from_bytes(_pool[:8], "big") & ((1 << 62) - 1)
        _pool = _pool[8:]
        # 48 bits of milliseconds and 12 bits below them (RFC 9562, section 6.2, method 3).
        tick = max(time.time_ns() * 4096 // 1_000_000, _last + 1)
        _last = tick
    return f"{prefix}_{_encode(_uuid7(tick, random))}"


def _forget_pool() -> None:
    global _pool
    _pool = b""


os.register_at_fork(after_in_child=_forget_pool)  # else parent and child would give out the same


def floor(prefix: str, unix_ms: int) -> str:
    """The smallest id of `prefix` made at or after `unix_ms`: turns a time into a bound on ids."""
    return f"{prefix}_{_encode(_uuid7(max(unix_ms, 0) << 12, 0))}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the shape of an id with this prefix."""
    head, _, tail = text.partition("_")
    return head == prefix and len(tail) == _LENGTH and all(c in _ALPHABET for c in tail)


def created_ms(identifier: str) -> int:
    """The unix milliseconds that an id carries."""
    value = 0
    for char in identifier.rpartition("_")[2]:
        value = value << 5 | _ALPHABET.index(char)
    return value >> 80


def created_at(identifier: str) -> datetime:
    """The moment that an id carries, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=created_ms(identifier))


def _uuid7(tick: int, random: int) -> int:
    return (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | random


def _encode(value: int) -> str:
    return "".join([_PAIRS[value >> shift & 0x3FF] for shift in range(120, -1, -10)])
