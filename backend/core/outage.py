"""Whether something that is asked often is away, as this process last saw it: then it is skipped for a while that grows."""

from __future__ import annotations

import threading
import time
from typing import Final

from backend.core.logging import logger

SKIP_SECONDS: Final = (1.0, 15.0)  # the first while, and the longest
_log = logger(__name__)


class Outage:
    """One call per while looks whether it is back; the log tells when an outage begins and when it ends, once each."""

    def __init__(self, away: str, back: str) -> None:
        self._lock = threading.Lock()
        self._away, self._back = away, back
        self._turn = 1
        self._skip_until: float | None = None
        self._skip_seconds = 0.0

    def turn(self) -> int:
        """The caller's turn to ask, to be told to `begin` if that fails; 0 while it is to be skipped."""
        if self._skip_until is None:
            return self._turn
        with self._lock:
            if self._is_skipped():
                return 0
            self._skip_until = time.monotonic() + self._skip_seconds  # everybody else skips it for another while
            return self._turn

    def begin(self, turn: int, error: Exception) -> None:
        """It did not answer. Of those who asked at the same time the first counts: the while grows once."""
        first, longest = SKIP_SECONDS
        with self._lock:
            if turn != self._turn:
                return
            self._turn += 1
            is_new = self._skip_until is None
            self._skip_seconds = min(max(self._skip_seconds * 2, first), longest)
            self._skip_until = time.monotonic() + self._skip_seconds
        if is_new:
            _log.warning(self._away, error=type(error).__name__)

    def end(self) -> bool:
        """It answered; whether that ends an outage."""
        if self._skip_until is None:
            return False
        with self._lock:
            was_away = self._skip_seconds > 0
            self.forget()
        if was_away:
            _log.info(self._back)
        return was_away

    def forget(self) -> None:
        """Think nothing of what was seen."""
        self._skip_until, self._skip_seconds = None, 0.0

    def _is_skipped(self) -> bool:
        return self._skip_until is not None and time.monotonic() < self._skip_until
