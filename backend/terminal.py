"""Owns what `crossdock up` writes: a reader that has stopped reading must not stop the supervisor."""

from __future__ import annotations

import os
import select
import time
from collections import deque
from collections.abc import Callable

_MOST_BYTES = 1024 * 1024  # that wait for the reader
_TERMINAL_BYTES = 256  # what a terminal takes at once if it takes any; of a pipe the system says it


class Output:
    """Lines for a file descriptor, kept while nobody takes them, up to 1 MiB; then the newest are dropped.

    `tell` makes the line that says how many were, once there is somebody who takes it.
    """

    def __init__(self, handle: int, tell: Callable[[int], str]) -> None:
        self._handle = handle
        self._tell = tell
        self._chunk = _TERMINAL_BYTES if os.isatty(handle) else select.PIPE_BUF
        self._poll = select.poll()
        self._poll.register(handle, select.POLLOUT)
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._is_gone = False

    @property
    def is_waiting(self) -> bool:
        """Whether something is still to be written."""
        return bool(self._lines)

    def write(self, text: str) -> None:
        """Write it, or as much of it as is taken now."""
        line = text.encode()
        if self._bytes + len(line) > _MOST_BYTES:
            self._dropped += 1
        else:
            self._keep(line)
        self.flush()

    def flush(self, seconds: float = 0.0) -> None:
        """Write what waits, for `seconds` at most."""
        deadline = time.monotonic() + seconds
        while self._lines and not self._is_gone:
            found = self._poll.poll(max(deadline - time.monotonic(), 0) * 1000)
            if not found:
                return
            try:
                written = os.write(self._handle, self._lines[0][: self._chunk])
            except OSError:  # nobody reads any more; the work goes on
                self._is_gone = True
                break
            self._take(written)
        if self._is_gone:
            self._lines.clear()
            self._bytes = 0

    def _keep(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line)

    def _take(self, written: int) -> None:
        self._bytes -= written
        rest = self._lines[0][written:]
        if rest:
            self._lines[0] = rest
            return
        self._lines.popleft()
        if self._dropped and not self._lines:
            self._keep(self._tell(self._dropped).encode())
            self._dropped = 0
