"""Bringing the schema up to date: only `up` and `migrate` do it, under a lock; every other process waits for it."""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from backend.core import db
from backend.core.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"
_ADVISORY_LOCK = 0x63726F7373  # "cross"
_POLL_SECONDS = 0.2


def head() -> str:
    """The newest revision that this code knows; revisions are numbered: `0001`, `0002`."""
    return max(path.name[:4] for path in (_SCRIPTS / "versions").glob("[0-9]*.py"))


def current() -> str | None:
    """The revision of the database, None if it is empty."""
    with db.database().writer.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade() -> None:
    """Migrate the database to `head()` under its lock. Raises `Unavailable` if it was migrated by newer code."""
    found = current()
    if found == head():
        return
    if found is not None and found > head():
        raise Unavailable(f"The database is at revision {found}, this version knows {head()}. Install the newer version.")
    from alembic import command  # noqa: PLC0415 - costly to import, seldom needed

    with _lock(), db.database().writer.begin() as connection:
        command.upgrade(_config(connection), "head")


def wait(seconds: float = 60.0) -> None:
    """Wait until the database is at this code's revision or a later one. Raises `Unavailable` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = current()
        if found is not None and found >= head():
            return
        if time.monotonic() > deadline:
            raise Unavailable(f"The database is at revision {found}, this process needs {head()}. Run `crossdock migrate`.")
        time.sleep(_POLL_SECONDS)


def differences() -> list[str]:
    """What the models say otherwise than the migrated database; empty when they are in step."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - costly to import, seldom needed
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from sqlmodel import SQLModel  # noqa: PLC0415

    importlib.import_module("backend.models")  # registers every table
    with db.database().writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, SQLModel.metadata)]


def revise(message: str) -> Path:
    """Write the next migration from the differences between the models and this database; the file that it is in."""
    from alembic import command  # noqa: PLC0415 - costly to import, seldom needed

    number = f"{int(head()) + 1:04d}"
    with db.database().writer.connect() as connection:
        command.revision(_config(connection), message, autogenerate=True, rev_id=number)
    return next((_SCRIPTS / "versions").glob(f"{number}*.py"))


@contextlib.contextmanager
def _lock() -> Generator[None]:
    source = db.database()
    if source.is_sqlite:
        path = Path(source.writer.url.database or "").with_suffix(".migrate")
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
        return
    with source.writer.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415 - costly to import, seldom needed

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config
