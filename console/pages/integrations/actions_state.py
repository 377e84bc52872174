"""Owns the trying of what an integration can do: a message, a calendar event, a mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import reflex as rx

from backend.core import permissions
from backend.core.errors import CrossdockError
from backend.event_types import service as event_types
from backend.integrations import actions
from backend.integrations.values import Sent
from console import bridge, inputs
from console.auth import needs
from console.states import Form
from console.urls import last_part

# What a message is about, and the type whose sample stands in for what happened.
SAMPLES: Final = {"new_lead": "lead.created", "new_ticket": "ticket.created", "failing_webhook": "webhook.failing"}


class ActionState(Form, rx.State):
    """What was tried last, and what came of it."""

    told: str = ""

    @rx.event
    @needs(permissions.INTEGRATIONS_READ)
    def rest(self) -> None:
        """Nothing was tried yet."""
        self._begin()
        self.busy, self.told = False, ""

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_WRITE)
    async def message(self, form: dict[str, Any]) -> None:
        """Send a message."""
        kind = inputs.text(form, "kind") if inputs.text(form, "kind") in SAMPLES else "text"
        sample = await bridge.call(self, event_types.sample, name=SAMPLES[kind]) if kind in SAMPLES else None
        sent = {"kind": kind, "data": sample, **_texts(form, "text", "channel")}
        await _try(self, actions.send_message, sent)

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_WRITE)
    async def event(self, form: dict[str, Any]) -> None:
        """Make a calendar event."""
        times = {name: f"{text}:00Z" if len(text) == 16 else text for name, text in _texts(form, "start", "end").items() if text}
        await _try(self, actions.create_event, {**_texts(form, "summary", "description"), **times})

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_WRITE)
    async def mail(self, form: dict[str, Any]) -> None:
        """Send a mail."""
        to = inputs.text(form, "to").replace(",", " ").split()
        await _try(self, actions.send_email, {"to": to, "subject": inputs.text(form, "subject"), "text": inputs.text(form, "text")})


def _texts(form: Mapping[str, Any], *names: str) -> dict[str, str | None]:
    return {name: inputs.text(form, name) or None for name in names}


async def _try(state: Any, action: Callable[..., Sent], sent: Mapping[str, Any]) -> None:
    """Do it with the page free meanwhile; its errors go beside the fields."""
    async with state:
        state._begin()  # noqa: SLF001 - of the same page
        state.told, wanted = "", last_part(state)
    errors, told = {}, ""
    try:
        told = (await bridge.ask(state, action, integration_id=wanted, **sent)).message
    except CrossdockError as error:
        errors = bridge.field_errors(error)
    finally:
        async with state:
            state.busy, state.errors, state.told = False, errors, told
