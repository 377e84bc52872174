"""Owns `crossdock doctor`: one finding for each thing that an installation needs, each a sentence that says what to do."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from backend import process
from backend.core import crypto, db, migrate, queue
from backend.core.errors import CrossdockError
from backend.encryption import service as encryption
from backend.settings import Settings, SettingsError, settings, unknown_variables

_LEAST_FREE_MB = 1024
_BUILT_CONSOLE = Path(__file__).resolve().parent.parent / ".web" / "build" / "client" / "index.html"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is as it should be, and a sentence about it."""

    subject: str
    is_good: bool
    sentence: str


def examine(env: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything an installation needs; what depends on a thing that is wrong is left out."""
    try:
        current = settings()
    except SettingsError as error:
        yield Finding("settings", False, str(error))
        return
    kind = "production" if current.is_production else "development"
    yield Finding("settings", True, f"Read without complaint; this is a {kind} installation at {current.public_url}.")
    for name, meant in unknown_variables(env).items():
        hint = f" Did you mean {meant}?" if meant else ""
        yield Finding("settings", False, f"{name} is set but means nothing to Crossdock.{hint}")
    database = _database(current)
    yield database
    checks: tuple[Callable[[Settings], Finding], ...] = (*((_keys,) if database.is_good else ()), _redis, _port, _disk, _console)
    yield from (check(current) for check in checks)


def _database(current: Settings) -> Finding:
    kind = "PostgreSQL" if current.configured_database else "SQLite in the data folder"
    try:
        found, head = migrate.current(), migrate.head()
    except CrossdockError as error:
        return Finding("database", False, error.detail)
    except SQLAlchemyError as error:
        return Finding("database", False, process.unreachable(error))
    finally:
        db.database().dispose()
    if found is None:
        return Finding("database", False, f"{kind} answers and is empty: run `crossdock migrate` or `crossdock up`.")
    if found < head:
        return Finding("database", False, f"{kind} is at revision {found}, this version needs {head}: run `crossdock migrate`.")
    if found > head:
        return Finding(
            "database",
            False,
            f"{kind} is at revision {found}, newer than this version ({head}): install the newer one.",
        )
    return Finding("database", True, f"{kind} answers and is at revision {found}.")


def _keys(current: Settings) -> Finding:
    try:
        crypto.configure([key.get_secret_value() for key in current.encryption_keys])
        with db.transaction() as session:
            found = encryption.survey(session)
    except CrossdockError as error:
        return Finding("encryption", False, error.detail)
    finally:
        db.database().dispose()
    if found.missing:
        told = " and ".join(
            f"{number:,} sealed {'value needs' if number == 1 else 'values need'} the key {key}"
            for key, number in sorted(found.missing.items())
        )
        return Finding("encryption", False, f"{told}, which ENCRYPTION_KEY does not hold: add that key behind the current one.")
    return Finding("encryption", True, "Every sealed value has its key in ENCRYPTION_KEY.")


def _redis(current: Settings) -> Finding:
    try:
        queue.redis().ping()  # pyright: ignore[reportUnknownMemberType] - redis annotates its answers in part
    except (RedisError, OSError) as error:
        if current.embeds_valkey:
            return Finding("redis", True, "The embedded Valkey is not running; `crossdock up` starts it.")
        return Finding("redis", False, f"REDIS_URL does not answer ({type(error).__name__}): check it and that the server runs.")
    return Finding("redis", True, f"{'The embedded Valkey' if current.embeds_valkey else 'Redis'} answers.")


def _port(current: Settings) -> Finding:
    family = socket.AF_INET6 if ":" in current.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((current.host, current.port))
        except OSError as error:
            reason = (error.strerror or "refused").lower()
            return Finding(
                "port",
                False,
                f"{current.host} port {current.port} cannot be listened on ({reason}): if Crossdock runs already, all is well; "
                "else choose another, for example CROSSDOCK_PORT=8001.",
            )
    return Finding("port", True, f"{current.host} port {current.port} is free.")


def _disk(current: Settings) -> Finding:
    free = shutil.disk_usage(current.data_dir).free // 2**20
    if free < _LEAST_FREE_MB:
        return Finding(
            "disk",
            False,
            f"Only {free} MB are free for {current.data_dir}: make room, or move it by CROSSDOCK_DATA_DIR.",
        )
    return Finding("disk", True, f"{free} MB are free for {current.data_dir}.")


def _console(_current: Settings) -> Finding:
    if not _BUILT_CONSOLE.is_file():
        return Finding("console", False, "The console is not built: run `make run`, or `python -m console.build`.")
    return Finding("console", True, "The console is built.")
