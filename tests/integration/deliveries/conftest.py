"""What the tests of deliveries stand on: the operational events that they publish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlmodel import Session

from backend.core import outbox
from backend.core.actor import Actor


@pytest.fixture(autouse=True)
def emitted() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The operational events that were published, by type and data."""
    found: list[tuple[str, dict[str, Any]]] = []

    def publish(session: Session, *, actor: Actor, type: str, data: dict[str, Any]) -> None:  # noqa: A002
        del session, actor
        found.append((type, data))

    outbox.bind(publish)
    yield found
    outbox._publisher = None
