"""A site that is run by `crossdock up`: its supervisor starts again who was killed, and is killed itself."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.acceptance.installation import Installation
from tests.chaos.servers import PostgreSQL
from tests.chaos.site import Site
from tests.waiting import eventually

CHILDREN = ("deliver", "web", "cron", "valkey")


class Whole(Site):
    """One `crossdock up` after the other, on one data folder, with its own Valkey."""

    def __init__(self, folder: Path, url: str, *, events: int, seed: str, postgres: PostgreSQL | None = None) -> None:
        super().__init__(folder, url, events=events, seed=seed, valkey=None, postgres=postgres)
        self._up: Installation
        self._lines: list[object] = []
        self._family: list[psutil.Process] = []

    def open(self, *names: str) -> None:
        """Start everything; there is nothing to choose."""
        del names
        self._start_up()
        self.make_webhooks()

    def strike(self) -> None:
        """Kill a child, the supervisor, PostgreSQL, or what Valkey holds, by chance."""
        choices = [*CHILDREN, "deliver", "flush", "up", *(["postgres"] if self.postgres else [])]
        chosen = self.random.choice(choices)
        if chosen == "flush":
            eventually(self._flush)
        elif chosen == "up":
            self._kill_up()
        elif chosen == "postgres" and self.postgres:
            self.postgres.restart("immediate")
        else:
            self._kill_child(chosen)
        self.ledger.killed[chosen] += 1

    def keep(self) -> None:
        """Nothing: the supervisor does it."""

    def close(self) -> None:
        """Stop it as an operator does; no process of it is left."""
        if not hasattr(self, "_up"):
            return
        if hasattr(self, "publisher"):
            self.publisher.stop()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._family += self._up.descendants()
        self._up.stop()
        try:
            self._no_orphans()
        finally:
            for process in self._family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    def log_lines(self) -> Iterator[str]:
        """Every line that any of them wrote."""
        for line in [*self._lines, *self._up.lines]:
            yield json.dumps(line)

    def _start_up(self) -> None:
        self._up = Installation(self.folder / "data", self.port, **self.settings)
        self._up.wait_until_ready()

    def _kill_child(self, name: str) -> None:
        eventually(lambda: self._up.child(name), seconds=40)
        child = self._up.child(name)
        child.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            child.wait(10)
        if name == "deliver":
            self.ledger.note_death([child.pid], self.inbox)

    def _kill_up(self) -> None:
        """Kill the supervisor; the kernel asks its children to stop, and they do."""
        family = self._up.descendants()
        workers = [process.pid for process in family if process.cmdline()[-1:] == ["deliver"]]
        self._up.process.send_signal(signal.SIGKILL)
        self._up.process.wait(10)
        self._family += family
        self._no_orphans()
        self._up.reader.join(10)
        self._lines += self._up.lines
        self.ledger.note_death(workers, self.inbox)
        self._start_up()

    def _no_orphans(self) -> None:
        eventually(lambda: not [process for process in self._family if process.is_running()], seconds=20)

    def _flush(self) -> bool:
        with self._up.redis() as client:
            return bool(client.flushall())
