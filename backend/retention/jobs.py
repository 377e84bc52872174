"""Removing what was kept for long enough."""

from __future__ import annotations

from backend.core.logging import logger
from backend.retention import pruning

_log = logger(__name__)


def prune() -> None:
    """Remove it, and log how much of what; idempotent."""
    removed = pruning.prune()
    if removed:
        _log.info("retention.pruned", rows=removed)
