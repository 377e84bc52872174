"""Real worker processes of a test, which are gone when it ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = {"CROSSDOCK_EGRESS_ALLOW": "127.0.0.0/8", "CROSSDOCK_LOG_FORMAT": "json", "PYTHONUNBUFFERED": "1"}


def start(name: str, *, env: Mapping[str, str] | None = None, log: Path | None = None) -> subprocess.Popen[bytes]:
    """A process of an installation (`deliver`, `cron`), with this environment or that of the test; its lines are added to `log`."""
    with (log or Path(os.devnull)).open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "backend", name],
            cwd=ROOT,
            env={**(os.environ if env is None else env), **SETTINGS},
            stdout=output,
            stderr=None if log is None else output,
        )


@contextlib.contextmanager
def running(*names: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """These processes during the block; whoever is started later is appended to the list."""
    processes = [start(name) for name in names]
    try:
        yield processes
    finally:
        end(processes)


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Kill these processes and wait for their ends."""
    for process in processes:
        process.kill()
    for process in processes:
        process.wait(10)
