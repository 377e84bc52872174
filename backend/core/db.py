"""The database: engines, and the one transaction that each request, job or console call runs in.

SQLite: WAL, synchronous=FULL; writers pass a turnstile of two file locks and `BEGIN IMMEDIATE`, readers are `query_only`.
PostgreSQL: READ COMMITTED; readers are read-only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from backend.core.errors import BadRequest, Conflict, Unavailable
from backend.core.logging import logger

_log = logger(__name__)
_BEFORE_COMMIT = "before_commit"
_AFTER_COMMIT = "after_commit"
_BUSY_SECONDS = 10.0
_TURN_SECONDS = 15.0
_TURN_POLL_SECONDS = (0.0002, 0.001)  # short beside a commit, which waits for the disk
_HELD = "Another process has held the database for too long; it may be stopped or stuck. Nothing was changed. Try again in a moment."
# A server that is cut off is noticed within a minute, on new connections within seconds; what the URL says goes first.
_POSTGRES = {"connect_timeout": 5, "keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_NUL = "The request holds the character U+0000, which cannot be stored. Take it out."
_TOO_LARGE = "A number or a time in the request is out of every range that can be stored. Send a smaller one."
_HALF = "The request holds half of a surrogate pair, which is no character and cannot be stored. Take it out."
# What PostgreSQL says of values that it cannot keep, in text and in JSON.
_MISTAKES = (
    ("nul (0x00)", _NUL),
    ("\\u0000 cannot be converted", _NUL),
    ("surrogate must", _HALF),
    ("out of range", _TOO_LARGE),
)


class Turnstile:
    """A fair lock over processes and threads: the holder takes `now`, the next in line `next`, so nobody passes twice.

    Both are asked for again and again instead of waited for: the system's wait has no end, and a process that is stopped in
    the middle of a transaction keeps its locks.
    """

    def __init__(self, path: Path) -> None:
        self._paths = (path.with_suffix(".next"), path.with_suffix(".now"))
        self._thread = threading.Lock()
        self._pid = 0
        self._files: tuple[int, int] = (-1, -1)

    @contextlib.contextmanager
    def hold(self) -> Generator[None]:
        """Wait in line, then hold the lock. Raises `Unavailable` after 15 s."""
        deadline = time.monotonic() + _TURN_SECONDS
        if not self._thread.acquire(timeout=_TURN_SECONDS):
            raise Unavailable(_HELD)
        try:
            first, second = self._open()
            _lock(first, deadline)
            try:
                _lock(second, deadline)
            finally:
                fcntl.flock(first, fcntl.LOCK_UN)
            try:
                yield
            finally:
                fcntl.flock(second, fcntl.LOCK_UN)
        finally:
            self._thread.release()

    def _open(self) -> tuple[int, int]:
        if self._pid != os.getpid():  # a lock belongs to the open file, which a fork would share
            first, second = (os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for path in self._paths)
            self._files, self._pid = (first, second), os.getpid()
        return self._files


def _lock(file: int, deadline: float) -> None:
    """Lock a file; raises `Unavailable` if that takes until `deadline`, on the monotonic clock."""
    pause, longest = _TURN_POLL_SECONDS
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Unavailable(_HELD) from None
        time.sleep(pause)
        pause = min(pause * 1.5, longest)


@dataclass(frozen=True, slots=True)
class Database:
    """One database: an engine for writers, one for readers (the same on PostgreSQL) and SQLite's turnstile."""

    url: str
    writer: Engine
    reader: Engine
    turnstile: Turnstile | None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite, which has one writer."""
        return self.turnstile is not None

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.writer.dispose()
        self.reader.dispose()


_database: Database | None = None


def open_database(url: str) -> Database:
    """The database at a SQLAlchemy URL (`sqlite:////path`, `postgresql+psycopg://…`); connects on first use."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        return Database(url, _sqlite(url, read=False), _sqlite(url, read=True), Turnstile(path))
    engine = create_engine(
        url,
        connect_args={name: value for name, value in _POSTGRES.items() if name not in parsed.query},
        pool_size=5,
        max_overflow=5,
        pool_timeout=_BUSY_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def bound(connection: Any, _record: object) -> None:
        # A process that is frozen or cut off in the middle of a transaction must not keep its locks.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{_BUSY_SECONDS:.0f}s'")
        connection.commit()

    reader = engine.execution_options(postgresql_readonly=True)
    return Database(url, engine, reader, None)


def configure(url: str) -> Database:
    """Make `url` the database of this process, closing the one before."""
    global _database
    if _database is not None:
        _database.dispose()
    _database = open_database(url)
    return _database


def database() -> Database:
    """The database of this process: the configured one, else that of the settings."""
    if _database is None:
        from backend.settings import settings  # noqa: PLC0415 - tests and tools configure without settings

        return configure(settings().database_url)
    return _database


@contextlib.contextmanager
def transaction(*, write: bool = False) -> Generator[Session]:
    """One transaction: commits at the end, rolls back on any exception, then runs what `after_commit` registered.

    Services never commit. Raises `Unavailable` when the database is full, locked or out of reach.
    """
    source = database()
    try:  # around the stack, because rolling back can fail too
        with contextlib.ExitStack() as stack:
            if write and source.turnstile is not None:
                stack.enter_context(source.turnstile.hold())
            session = stack.enter_context(Session(source.writer if write else source.reader, expire_on_commit=False, autoflush=True))
            yield session
            for finish in session.info.pop(_BEFORE_COMMIT, {}).values():
                finish()
            session.commit()
            hooks = session.info.pop(_AFTER_COMMIT, {})
    except (OperationalError, DBAPIError, PoolTimeout) as error:
        raise _translate(error) from error
    except UnicodeEncodeError as error:
        raise BadRequest(_HALF) from error
    except OverflowError as error:
        raise BadRequest(_TOO_LARGE) from error
    for hook in hooks.values():
        hook()


@contextlib.contextmanager
def rehearsal(session: Session) -> Generator[None]:
    """Whatever is done inside is taken back at its end, and no hook that it registered is called."""
    hooks = {name: dict(session.info.get(name, {})) for name in (_BEFORE_COMMIT, _AFTER_COMMIT)}
    savepoint = session.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()
        session.expire_all()
        session.info.update(hooks)


def before_commit(session: Session, hook: Callable[[], None], *, key: object) -> None:
    """Call `hook` as the last work of this transaction; registered again under the same `key`, it is called once."""
    session.info.setdefault(_BEFORE_COMMIT, {})[key] = hook


def after_commit(session: Session, hook: Callable[[], None], *, key: object = None) -> None:
    """Call `hook` once this session's transaction has committed; never if it rolls back. It must not raise.

    Registered again under the same `key` (by default the hook itself), it is called once.
    """
    session.info.setdefault(_AFTER_COMMIT, {})[hook if key is None else key] = hook


def is_sqlite(session: Session) -> bool:
    """Whether this session talks to SQLite."""
    return session.get_bind().dialect.name == "sqlite"


def _translate(error: Exception) -> Exception:
    if isinstance(error, PoolTimeout):
        return Unavailable("Every database connection is busy. Try again in a moment.")
    assert isinstance(error, DBAPIError)  # noqa: S101 - narrows for the type checker
    text = str(error.orig).lower()
    if "disk is full" in text or "no space left" in text or "disk i/o error" in text:
        return Unavailable("The disk of the database is full. Free space; nothing was changed.", retry_after=30)
    if isinstance(error, DataError):
        return next((BadRequest(told) for part, told in _MISTAKES if part in text), error)
    if isinstance(error, IntegrityError) and "duplicate key" in text:  # on SQLite writers come one after another and look first
        return Conflict("Another request made the same thing at the same moment. Look at it, then try again.")
    if isinstance(error, OperationalError) or error.connection_invalidated:
        _log.warning("database.away", reason=str(error.orig).strip().partition("\n")[0])
        return Unavailable("The database cannot be reached for now. Nothing was changed; try again.")
    return error


def _sqlite(url: str, *, read: bool) -> Engine:
    engine = create_engine(
        url,
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
        pool_size=4,
        max_overflow=4,
        pool_timeout=_BUSY_SECONDS,
        hide_parameters=True,  # an error's text goes to the log, the values that were to be stored do not
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where `begin` below says
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32000", "mmap_size=268435456"):
            cursor.execute(f"PRAGMA {pragma}")
        if read:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")

    return engine
