"""Owns the calls of the API that pages show to be copied, with this installation's address in them."""

from __future__ import annotations

from typing import Final

import reflex as rx

from console.components.basic import Live
from console.session import SessionState

_PUBLISH: Final = """# First: export CROSSDOCK_KEY=xdk_…
curl BASE/api/v1/events \\
  -H "Authorization: Bearer $CROSSDOCK_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"type": "order.created", "data": {"id": "4711", "total": 42.5}}'"""
_WHOSE: Final = """# First: export CROSSDOCK_KEY=xdk_…
curl BASE/api/v1/me -H "Authorization: Bearer $CROSSDOCK_KEY\""""


def whose() -> Live:
    """Ask whose key it is: a call that every key may make."""
    return here(_WHOSE)


def publish() -> Live:
    """Publish one event."""
    return here(_PUBLISH)


def here(call: Live) -> Live:
    """A call, a text or of a state, in which `BASE` stands for this installation's address."""
    shown: Live = rx.Var.create(call)
    return shown.replace("BASE", SessionState.base_url)
