"""Owns what is tried on a webhook's page: a test send, a filter on recent events, a signature."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import reflex as rx
from sqlmodel import Session

from backend.core import filters, jsjson, permissions, signature_check
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, FieldError, Invalid
from backend.deliveries import service as deliveries
from backend.event_types import service as event_types
from backend.events import service as events
from backend.webhooks import matching
from backend.webhooks import service as webhooks
from console import bridge, words
from console.auth import needs
from console.pages.deliveries.rows import AttemptRow, attempt_row
from console.pages.webhooks import forms
from console.urls import last_part

_WAIT_SECONDS = 40.0
_LOOK_SECONDS = 0.15
_RECENT = 100


class TestSendState(rx.State):
    """One event to this webhook now, and the whole exchange."""

    is_open: bool = False
    webhook_id: str = ""
    types: list[str] = []  # noqa: RUF012 - the framework copies it
    chosen: str = ""
    sample: str = ""
    problem: str = ""
    busy: bool = False
    result: AttemptRow = AttemptRow()

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def load(self) -> None:
        """Close it when another webhook is shown."""
        if self.webhook_id != last_part(self):
            self.is_open, self.webhook_id = False, last_part(self)

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def toggle(self) -> None:
        """Open beside the page, with the first type that the webhook takes; or close."""
        self.is_open = not self.is_open
        self.problem, self.busy, self.result = "", False, AttemptRow()
        if not self.is_open:
            return
        webhook_id = last_part(self)

        def work(session: Session, actor: Actor) -> tuple[list[str], list[str]]:
            types = [info.name for info in event_types.all_types(session, actor=actor)]
            return types, webhooks.get(session, actor=actor, webhook_id=webhook_id).event_types

        self.types, taken = await bridge.read(self, work)
        first = next((name for name in self.types if matching.matches(taken, name)), "order.created")
        await self._choose("order.created" if matching.matches(taken, "order.created") else first)

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def choose(self, name: str) -> None:
        """Another type, with its sample."""
        await self._choose(name)

    @rx.event(background=True)
    @needs(permissions.WEBHOOKS_OPERATE)
    async def send(self, form: dict[str, Any]) -> None:
        """Send it and wait for what comes back."""
        async with self:
            self.problem, self.busy, self.result = "", True, AttemptRow()
        problem, result = "", AttemptRow()
        try:
            result = await self._exchange(str(form.get("event") or self.chosen), str(form.get("data") or ""))
        except CrossdockError as error:
            problem = " ".join(bridge.field_errors(error).values())
        except TimeoutError:
            problem = "There is no outcome yet. The worker may be busy or stopped; the delivery goes on and is listed below."
        async with self:
            self.problem, self.result, self.busy = problem, result, False

    async def _exchange(self, event: str, text: str) -> AttemptRow:
        try:
            data = json.loads(text)
        except ValueError as error:
            raise Invalid(FieldError("data", f"is no JSON: {error}.", "Close every quote and bracket.")) from None
        if not isinstance(data, dict):
            raise Invalid(FieldError("data", "is no JSON object.", "Begin with { and end with }."))
        made = await bridge.call(self, deliveries.send_test, write=True, webhook_id=last_part(self), event=event, data=data)
        async with asyncio.timeout(_WAIT_SECONDS):
            while True:
                found = await bridge.call(self, deliveries.test_result, delivery_id=made.id)
                if found is not None:
                    return attempt_row(found)
                await asyncio.sleep(_LOOK_SECONDS)

    async def _choose(self, name: str) -> None:
        sample = await bridge.call(self, event_types.sample, name=name)
        self.chosen, self.sample = name, json.dumps(sample, indent=2, ensure_ascii=False)


class FilterState(rx.State):
    """A filter on the last events: which would pass, and which condition stops the others."""

    rows: list[dict[str, str]] = []  # noqa: RUF012
    summary: str = ""
    problem: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def clear(self) -> None:
        """Begin anew."""
        self.rows, self.summary, self.problem = [], "", ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    async def run(self, form: dict[str, Any]) -> None:
        """Try the filter of the form on the last 100 events that the webhook subscribes to."""
        self.clear()
        webhook_id = last_part(self)

        def work(session: Session, actor: Actor) -> tuple[list[str], Any]:
            webhook = webhooks.get(session, actor=actor, webhook_id=webhook_id)
            return webhook.event_types, events.list_events(session, actor=actor, limit=_RECENT)

        try:
            document = json.loads(str(form.get("filter") or "").strip() or '{"all": []}')
            wanted = filters.parse(document)
            taken, page = await bridge.read(self, work)
        except ValueError as error:
            self.problem = f"That is no JSON: {error}."
            return
        except CrossdockError as error:
            self.problem = " ".join(bridge.field_errors(error).values())
            return
        passed = 0
        for event in page.data:
            if not matching.matches(taken, event.type):
                continue
            verdict = filters.evaluate(wanted, jsjson.parse(event.body))
            passed += verdict.matched
            self.rows.append(
                {
                    "id": event.id,
                    "type": event.type,
                    "at": words.moment(event.created_at),
                    "passes": "yes" if verdict.matched else "",
                    "why": verdict.failed_condition or "",
                }
            )
        self.summary = (
            f"{passed} of {len(self.rows)} recent events pass."
            if self.rows
            else "There is no recent event of the subscribed types to try it on."
        )


class SignatureState(rx.State):
    """A signature that was received, checked step by step. The secret is used and forgotten."""

    steps: list[dict[str, str]] = []  # noqa: RUF012
    verdict: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def check(self, form: dict[str, Any]) -> None:
        """Check what was pasted."""
        problems: list[FieldError] = []
        pairs = forms.header_pairs(str(form.get("headers") or ""), problems)
        found = signature_check.verify(
            secret=str(form.get("secret") or ""), headers=pairs, body=str(form.get("body") or "").encode(), now=time.time()
        )
        self.steps = [
            {"name": str(item.step).replace("_", " "), "ok": "yes" if item.ok else "", "text": item.text} for item in found.findings
        ]
        self.verdict = verdict(found)


def verdict(found: signature_check.Verification) -> str:
    """`good`; `old` where the signature is right and only its timestamp is too far off; else `bad`."""
    wrong = {item.step for item in found.findings if not item.ok}
    return "good" if found.ok else "old" if wrong == {signature_check.Step.FRESHNESS} else "bad"
