"""A whole installation as an operator starts it: `crossdock up` in a process of its own, read by its JSON lines."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
from redis import Redis

from backend.settings import embedded_socket
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parent.parent.parent
_NAMED = ("ENCRYPTION_KEY", "DATABASE_URL", "REDIS_URL")
CHILDREN = ("valkey", "web", "deliver", "jobs", "cron")


class Installation:
    """One `crossdock up` on a data folder and a port, a free one where none is named."""

    def __init__(self, data_dir: Path, port: int = 0, **env: str) -> None:
        self.data_dir, self.port = data_dir, port or _free_port()
        self.lines: list[dict[str, Any]] = []
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_") and name not in _NAMED} | {
            "CROSSDOCK_DATA_DIR": str(data_dir),
            "CROSSDOCK_PORT": str(self.port),
            "CROSSDOCK_LOG_FORMAT": "json",
            **env,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "backend.cli", "up"],
            cwd=ROOT,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        """Its database, where it is its own."""
        return f"sqlite:///{self.data_dir / 'crossdock.sqlite3'}"

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of an event so far."""
        return [line for line in self.lines if line.get("event") == name]

    def wait_until_ready(self) -> Installation:
        """Wait until it says that it serves."""
        eventually(lambda: self.events("ready") or self._fail_if_ended(), seconds=60)
        return self

    def is_healthy(self) -> bool:
        """Whether the health check answers 200."""
        return httpx.get(f"{self.address}/api/v1/monitoring/health/live", timeout=5).status_code == 200

    def child(self, name: str) -> psutil.Process:
        """The process of a child: `valkey`, `web`, `deliver`, `jobs` or `cron`."""
        for process in psutil.Process(self.process.pid).children():
            words = process.cmdline()
            if words[-1:] == [name] or (name == "valkey" and "valkey-server" in "".join(words[:1])):
                return process
        raise LookupError(name)

    def redis(self) -> Redis:
        """A client of its embedded Valkey."""
        return Redis.from_url(f"unix://{embedded_socket(self.data_dir)}")

    def descendants(self) -> list[psutil.Process]:
        """Every process that it has started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal and wait for its end; its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(20)
        self.reader.join(10)
        return status

    def _fail_if_ended(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"it ended with {self.process.returncode}: {self.lines}")
        return False

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    self.lines.append({"event": "text", "text": line.rstrip("\n")})


@contextlib.contextmanager
def installation(data_dir: Path, port: int = 0, **env: str) -> Iterator[Installation]:
    """A running installation that serves; whatever happens, nothing of it is left afterwards."""
    started = Installation(data_dir, port, **env)
    family: list[psutil.Process] = []
    try:
        started.wait_until_ready()
        family = started.descendants()
        yield started
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            family += started.descendants()
        if started.process.poll() is None:
            started.process.kill()
        started.process.wait(10)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        started.reader.join(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
