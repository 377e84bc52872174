"""Whether the request that is being served may carry fields that nobody knows: those by the older systems' paths may."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from contextvars import ContextVar
from typing import Final

_unknown_fields: Final = ContextVar("unknown_fields", default=False)


@contextlib.contextmanager
def ignoring_unknown_fields() -> Generator[None]:
    """Have bodies that are read inside this context drop the fields that they do not know."""
    token = _unknown_fields.set(True)
    try:
        yield
    finally:
        _unknown_fields.reset(token)


def ignores_unknown_fields() -> bool:
    """Whether unknown fields are dropped instead of refused."""
    return _unknown_fields.get()
