"""Real worker processes of a test, which are gone when it ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def start(name: str) -> subprocess.Popen[bytes]:
    """A process of an installation (`deliver`, `cron`), with the environment of this test."""
    env = os.environ | {"CROSSDOCK_EGRESS_ALLOW": "127.0.0.0/8", "CROSSDOCK_LOG_FORMAT": "json"}
    return subprocess.Popen([sys.executable, "-m", "backend", name], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def running(*names: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """These processes during the block; whoever is started later is appended to the list."""
    processes = [start(name) for name in names]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(10)
