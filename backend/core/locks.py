"""Owns locks across processes and machines: one holder at a time, and the lock ends with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Generator
from pathlib import Path

from sqlalchemy import text

from backend.core import db


@contextlib.contextmanager
def try_lock(name: str) -> Generator[bool]:
    """Hold the lock `name` during the block if it is free; yields whether it was. Never waits.

    PostgreSQL: a session's advisory lock on a connection of its own. SQLite: a file lock beside the database.
    """
    source = db.database()
    if source.is_sqlite:
        path = Path(source.writer.url.database or "").with_suffix(f".lock-{name}")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(handle)
        return
    key = {"key": int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)}
    with source.writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar_one():
            yield False
            return
        try:
            yield True
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
