"""Owns how this process is asked to stop: one flag, set by SIGTERM or SIGINT, and whoever wants to hear of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
from collections.abc import Callable, Generator

_PR_SET_PDEATHSIG = 1
# A pipe that is written once and never read: waiting on it is safe in any thread and in a signal handler, which may
# interrupt a `threading.Event` while that holds its own lock.
_reader, _writer = os.pipe()
_stopped = False
_listeners: list[Callable[[], object]] = []


def stop_requested() -> bool:
    """Whether this process was asked to stop."""
    return _stopped


def wait(seconds: float) -> bool:
    """Sleep up to `seconds`, less when asked to stop; whether it was."""
    poll = select.poll()
    poll.register(_reader, select.POLLIN)
    return bool(poll.poll(max(seconds, 0) * 1000))


def request_stop() -> None:
    """Ask this process to stop; safe in a signal handler."""
    global _stopped
    if not _stopped:
        _stopped = True
        os.write(_writer, b"x")
    for listener in tuple(_listeners):
        listener()


@contextlib.contextmanager
def on_stop(listener: Callable[[], object]) -> Generator[None]:
    """Call `listener` when a stop is requested while the block runs, at once if it already was.

    It runs inside the signal handler, so it only sets a flag; for asyncio: `lambda: loop.call_soon_threadsafe(event.set)`.
    """
    _listeners.append(listener)
    try:
        if _stopped:
            listener()
        yield
    finally:
        _listeners.remove(listener)


def handle_signals() -> None:
    """Let SIGTERM and SIGINT request the stop; main thread only."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: request_stop())


def end_with_parent(parent: int) -> None:
    """Have the kernel send this process SIGTERM when its parent (that process id) ends, however that comes. Linux only.

    It outlasts an `exec`, so it can be arranged between fork and exec for programs that are not ours.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was told
        os._exit(1)
