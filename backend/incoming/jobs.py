"""Processing what is stored and due."""

from __future__ import annotations

from backend.core.logging import logger
from backend.incoming import replaying

_log = logger(__name__)


def work() -> None:
    """Process what was marked for a replay and what a killed process left; idempotent."""
    done = replaying.work()
    if done:
        _log.info("incoming.processed", requests=done)
