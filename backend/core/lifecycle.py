"""Owns how this process is asked to stop: one flag, set by SIGTERM or SIGINT, and whoever wants to hear of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

_PR_SET_PDEATHSIG = 1
_stop = threading.Event()
_listeners: list[Callable[[], None]] = []


def stop_requested() -> bool:
    """Whether this process was asked to stop."""
    return _stop.is_set()


def wait(seconds: float) -> bool:
    """Sleep up to `seconds`, less when asked to stop; whether it was."""
    return _stop.wait(seconds)


def request_stop() -> None:
    """Ask this process to stop; safe in a signal handler."""
    _stop.set()
    for listener in tuple(_listeners):
        listener()


@contextlib.contextmanager
def on_stop(listener: Callable[[], None]) -> Iterator[None]:
    """Call `listener` when a stop is requested while the block runs, at once if it already was.

    It runs inside the signal handler, so it only sets a flag; for asyncio: `lambda: loop.call_soon_threadsafe(event.set)`.
    """
    _listeners.append(listener)
    try:
        if _stop.is_set():
            listener()
        yield
    finally:
        _listeners.remove(listener)


def handle_signals() -> None:
    """Let SIGTERM and SIGINT request the stop; main thread only."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: request_stop())


def end_with_parent() -> None:
    """Have the kernel end this process when its parent ends, however that comes; Linux only, nothing elsewhere."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was told
        request_stop()
