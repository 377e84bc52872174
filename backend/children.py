"""Owns child processes: starting one so that it never outlives us, reading its lines, restarting with back-off, ending it."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from backend.core import lifecycle

_STEADY_SECONDS = 30.0  # who lived this long begins again without a pause
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 30.0


@dataclass
class Child:
    """One child process: `run_once` ends by itself, any other is started again whenever it ends."""

    name: str
    argv: list[str]
    run_once: bool = False
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    due: float = 0.0
    is_silent: bool = False  # it has closed its output
    _started: float = 0.0
    _rest: bytes = field(default=b"", repr=False)

    @property
    def output(self) -> IO[bytes]:
        """What the running process writes."""
        if self.process is None or self.process.stdout is None:
            raise RuntimeError(f"{self.name} does not run")
        return self.process.stdout

    def start(self, env: Mapping[str, str], folder: Path, keep: tuple[int, ...]) -> None:
        """Start it in a process group of its own, with the open files `keep`; the kernel ends it when we end."""
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=folder,
            pass_fds=keep,
            process_group=0,
            # Safe here: this process has one thread.
            preexec_fn=functools.partial(lifecycle.end_with_parent, os.getpid()),  # noqa: PLW1509
        )
        os.set_blocking(self.output.fileno(), False)
        self._started = time.monotonic()
        self._rest, self.is_silent = b"", False

    def read_lines(self) -> Iterator[str]:
        """The whole lines written since the last call."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.output.fileno(), 65_536):
                *lines, self._rest = (self._rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") for line in lines)
            self.is_silent = True
            if self._rest:
                yield self._rest.decode(errors="replace")
                self._rest = b""

    def reap(self) -> int | None:
        """The exit status if it has ended since the last call, else None; decides when it may start again."""
        if self.process is None:
            return None
        status = self.process.poll()
        if status is None:
            return None
        self.signal(signal.SIGKILL)  # what it may have left in its group
        self.output.close()
        self.process = None
        lived = time.monotonic() - self._started
        self.deaths = 1 if lived > _STEADY_SECONDS else self.deaths + 1
        pause = min(_FIRST_PAUSE_SECONDS * 2 ** (self.deaths - 1), _LONGEST_PAUSE_SECONDS)
        self.due = float("inf") if self.run_once else time.monotonic() + pause
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
