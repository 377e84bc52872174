"""How a test waits for what takes time: polling with a bound, never a fixed sleep."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest


def eventually(condition: Callable[[], object], *, seconds: float = 20.0, every: float = 0.02) -> None:
    """Wait until `condition` holds (is true and does not raise); fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
            problem: object = "it stayed false"
        except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
            problem = repr(error)
        if time.monotonic() > deadline:
            pytest.fail(f"It did not come about within {seconds} s: {problem}")
        time.sleep(every)
