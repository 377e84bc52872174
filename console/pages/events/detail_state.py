"""Owns one event's page: what was published, what became of it for each webhook, and sending it again."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.events import outcomes, search
from backend.events import service as events
from backend.replays import service as replays
from backend.routing import service as routes
from console import bridge
from console.auth import needs
from console.pages.events.rows import EventDetail, OutcomeRow, RouteOutcomeRow, event_detail, outcome_row, route_outcome_row
from console.states import Asking

_MOST_WEBHOOKS: Final = 200


class EventState(Asking, rx.State):
    """One event."""

    READS: ClassVar = permissions.EVENTS_READ
    ASKS: ClassVar = ("replay",)
    event: EventDetail = EventDetail()
    rows: list[OutcomeRow] = []  # noqa: RUF012 - the framework copies it
    runs: list[RouteOutcomeRow] = []  # noqa: RUF012
    further: int = 0
    chosen: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    def ask_replay(self, webhook_id: str) -> None:
        """Ask to which webhook it shall go again: to `webhook_id` unless another is chosen, to all that take it if it is empty."""
        self.ask, self.ask_error, self.chosen = "replay", "", webhook_id

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def replay(self, form: dict[str, Any]) -> Any:
        """Send the same event again."""
        self.busy = True
        yield
        with self._answering():
            made = await bridge.call(
                self,
                replays.replay_event,
                write=True,
                event_id=self.event.id,
                webhook_id=str(form.get("webhook") or "") or None,
                reason=str(form.get("reason") or ""),
            )
            await self._fetch()
            yield rx.toast.info(f"It goes out again to {made.total} webhook{'s' if made.total != 1 else ''}.")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        if anew:
            self.event, self.rows, self.runs = EventDetail(), [], []

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        event = events.get(session, actor=actor, event_id=wanted)
        runs = routes.list_runs(session, actor=actor, event_id=wanted).data
        names = routes.names(session, actor=actor, route_ids={each.run.route_id for each in runs})
        return (
            event,
            search.publisher(session, actor=actor, event=event),
            outcomes.outcomes(session, actor=actor, event_id=wanted),
            [(each, names.get(each.run.route_id, each.run.route_id)) for each in runs],
        )

    def _show(self, found: tuple[Any, ...]) -> None:
        event, publisher, told, runs = found
        self.event = event_detail(event, publisher, told)
        self.rows = [outcome_row(each) for each in told[:_MOST_WEBHOOKS]]
        self.runs = [route_outcome_row(run, name) for run, name in runs]
        self.further = max(len(told) - _MOST_WEBHOOKS, 0)
