"""Jobs that the worker tests enqueue; a worker process imports them by their path."""

from __future__ import annotations

from pathlib import Path

from backend.core import lifecycle


def write(path: str) -> None:
    """Leave a sign."""
    Path(path).write_text("done")


def wait_for_stop(path: str) -> None:
    """Work until asked to stop, and say so."""
    Path(path).write_text("working")
    lifecycle.wait(60)
    Path(path).write_text("stopped")


def fail() -> None:
    """Fail."""
    raise RuntimeError("this job always fails")
