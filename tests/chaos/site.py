"""The installation of a run: its own database, Valkey, receiver and publisher, and processes that are killed and started."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import httpx

from backend.api_keys import service as api_keys
from backend.api_keys.inputs import KeyInput
from backend.core import crypto, db, migrate, queue
from backend.settings import settings
from tests.chaos import ledger, workers
from tests.chaos.disks import Disk
from tests.chaos.inbox import Inbox
from tests.chaos.ledger import FAN_OUT, Ledger, Result
from tests.chaos.publisher import Publisher
from tests.chaos.servers import PostgreSQL, Valkey, running_valkey
from tests.factories import accounts
from tests.waiting import eventually

_KEY = "chaos-only-0123456789abcdefghijklmnopqrstuvwxyz"
_SCOPES = ("events:write", "webhooks:write", "metrics:read")
_SECONDS_TO_END = 900.0


class Site:
    """One installation, as processes of ours. Whoever ends although nobody killed it is started again, as a supervisor would."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        events: int,
        seed: str,
        valkey: Valkey | None,
        postgres: PostgreSQL | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.folder, self.events, self.postgres, self.disk = folder, events, postgres, disk
        self._valkey = valkey
        self.random = random.Random(seed)
        self.ledger = Ledger()
        self.inbox = Inbox(0.02)
        self.remark = ""
        self.port = _free_port()
        self.settings = {"CROSSDOCK_EGRESS_ALLOW": "127.0.0.0/8", "DATABASE_URL": url, "ENCRYPTION_KEY": _KEY}
        if valkey is not None:
            self.settings["REDIS_URL"] = valkey.url
        places = {"CROSSDOCK_DATA_DIR": str(folder / "data"), "CROSSDOCK_PORT": str(self.port)}
        self.env = _without_settings() | self.settings | places
        self.publisher: Publisher
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._key = ""
        self._begun = time.monotonic()

    @property
    def address(self) -> str:
        """Where its API answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def valkey(self) -> Valkey:
        """Its Valkey."""
        assert self._valkey is not None
        return self._valkey

    @property
    def database(self) -> str:
        """The name of its database's kind."""
        return "SQLite" if db.database().is_sqlite else "PostgreSQL"

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        """A migrated database with a workspace and its key, and a receiver; afterwards no process is left."""
        with mock.patch.dict(os.environ, self.env, clear=True), self.inbox.listening():
            settings.cache_clear()
            queue.forget_connections()
            crypto.configure([_KEY])
            db.configure(settings().database_url)
            migrate.upgrade()
            owner = accounts.workspace()
            with db.transaction(write=True) as session:
                _, self._key = api_keys.create(session, actor=owner, input=KeyInput("Chaos", _SCOPES, limit_per_minute=None))
            try:
                yield
            finally:
                self.close()
                db.database().dispose()
                queue.forget_connections()
        settings.cache_clear()

    def open(self, *names: str) -> None:
        """Start these processes, make the webhooks over the API, and have the publisher ready."""
        for name in names:
            self.start(name)
        eventually(self.answers, seconds=120)
        self.make_webhooks()

    def make_webhooks(self) -> None:
        """Make the webhooks that every event goes to, and the publisher."""
        for number in range(FAN_OUT):
            body = {"url": self.inbox.url, "events": ["order.created"], "name": f"Receiver {number}"}
            self.call("POST", "/webhooks", json=body).raise_for_status()
        self.publisher = Publisher(self.address, self._key, self.events)
        self._begun = time.monotonic()

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start a process: `api`, `deliver`, `cron`."""
        process = workers.start(name, env=self.env, log=self.folder / f"{name}.log")
        self._processes.append((name, process))
        return process

    def kill(self, name: str) -> None:
        """Kill a process, by chance one of those of this name, and count what it had not written."""
        chosen = self.random.choice([each for each in self._processes if each[0] == name])
        self._processes.remove(chosen)
        process = chosen[1]
        process.send_signal(signal.SIGKILL)
        # It is dead from here on, and its process id is not free yet: nobody takes over what it held before that is counted.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self.ledger.killed[name] += 1
        if name == "deliver":
            time.sleep(0 if db.database().is_sqlite else 0.1)  # for a commit that PostgreSQL has received already
            self.ledger.note_death([process.pid], self.inbox)
        process.wait(10)

    def stop(self, name: str) -> None:
        """Ask the processes of this name to stop, and wait until they have."""
        stopping = [each for each in self._processes if each[0] == name]
        for each in stopping:
            self._processes.remove(each)
            each[1].terminate()
        for _, process in stopping:
            process.wait(15)

    def pids(self) -> list[int]:
        """The process ids of everything that runs."""
        return [process.pid for _, process in self._processes]

    def keep(self) -> None:
        """Start again whoever ended by itself."""
        for each in list(self._processes):
            if each[1].poll() is not None:
                self._processes.remove(each)
                self.remark = f"{each[0]} ended by itself with {each[1].returncode}"
                self.start(each[0])

    def answers(self) -> bool:
        """Whether the API answers."""
        return httpx.get(f"{self.address}/api/v1/monitoring/health/live", timeout=5).status_code == 200

    def call(self, method: str, path: str, **kwargs: object) -> httpx.Response:
        """Call the API with the workspace's key."""
        headers = {"authorization": f"Bearer {self._key}"}
        return httpx.request(method, f"{self.address}/api/v1{path}", headers=headers, timeout=30, **kwargs)  # type: ignore[arg-type] - httpx names each

    def delivering(self, seconds: float = 120.0) -> None:
        """Wait until a request arrives that had not before, or there is nothing more to send."""
        before = self.inbox.total
        eventually(
            lambda: self.inbox.total > before or len(self.inbox.by_delivery) >= len(self.publisher.accepted) * FAN_OUT, seconds=seconds
        )

    def finish(self) -> None:
        """Publish the rest, and wait until everything is delivered."""
        self.publisher.allow(1.0)

        def is_over() -> bool:
            self.keep()
            return self.publisher.is_done and ledger.unfinished() == 0

        eventually(is_over, seconds=_SECONDS_TO_END, every=0.2)
        self.inbox.settle()

    def result(self, scenario: str) -> Result:
        """What came of it."""
        recovered = self.call("GET", "/monitoring/metrics").raise_for_status().json()["workers"]["recovered"]
        whole = ledger.delivered_events(self.inbox)
        return Result(
            scenario=scenario,
            database=self.database,
            killed=self.ledger.killed,
            accepted=len(self.publisher.accepted),
            delivered=len(self.publisher.accepted & whole),
            duplicates=self.inbox.duplicates,
            bound=self.ledger.bound,
            recovered=recovered,
            seconds=time.monotonic() - self._begun,
            remark=self.remark,
            broken=tuple(ledger.broken_laws(self.ledger, self.inbox, self.publisher, recovered, self.log_lines())),
        )

    def log_lines(self) -> Iterator[str]:
        """Every line that a process of it wrote."""
        for path in sorted(self.folder.glob("*.log")):
            yield from path.read_text(errors="replace").splitlines()

    def close(self) -> None:
        """End everything that runs."""
        if hasattr(self, "publisher"):
            self.publisher.stop()
        workers.end([process for _, process in self._processes])
        self._processes.clear()


@contextlib.contextmanager
def site(folder: Path, url: str, *, events: int, seed: str, postgres: PostgreSQL | None = None, disk: Disk | None = None) -> Iterator[Site]:
    """A prepared installation during the block."""
    with running_valkey() as valkey:
        made = Site(folder, url, events=events, seed=seed, valkey=valkey, postgres=postgres, disk=disk)
        with made.prepared():
            yield made


def _without_settings() -> dict[str, str]:
    named = ("ENCRYPTION_KEY", "DATABASE_URL", "REDIS_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_") and name not in named}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
