"""Owns the asking for a replay: what it would send is counted first, then come rate and reason."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final

import reflex as rx
from sqlmodel import Session

from backend.core import clock, permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.replays import service as replays
from backend.replays.policy import DEFAULT_RATE, GREATEST_RATE, LEAST_RATE
from backend.replays.values import ReplayFilter
from backend.webhooks import service as webhooks
from console import bridge, words
from console.auth import needs
from console.pages.deliveries.state import DeliveriesState
from console.pages.replays.rows import SampleRow, how_long, in_words, sample_row
from console.urls import last_part, query, since

PATH: Final = "/settings/replays"
_SHOWN: Final = 4


class NewReplayState(rx.State):
    """The dialog: `scope` is what it was opened for (selected, matching, webhook or delivery), empty while it is closed."""

    SCOPES: ClassVar[tuple[str, ...]] = ("selected", "matching", "webhook", "delivery")
    scope: str = ""
    what: str = ""
    status: str = ""
    time: str = ""
    counting: bool = False
    count: str = ""
    noun: str = ""
    can_start: bool = False
    goes_to: list[list[str]] = []  # noqa: RUF012 - webhook and how many, for those that get most
    others: str = ""
    sample: list[SampleRow] = []  # noqa: RUF012 - the framework copies it
    rate: str = ""
    lasts: str = ""
    errors: dict[str, str] = {}  # noqa: RUF012
    busy: bool = False
    _wanted: ReplayFilter | None = None
    _number: int = 0

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def ask(self, scope: str) -> Any:
        """Open it: for the selected deliveries, for all that match the list's filter, or for the webhook or delivery of the page."""
        if scope not in self.SCOPES:
            return
        self.scope, self.status, self.time = scope, "dead", "24h"
        self.rate, self.what, self.busy = f"{DEFAULT_RATE:g}", "", False
        self._uncounted()
        yield
        await self._count()

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def narrow(self, name: str, value: str) -> Any:
        """Another status or another time, for the deliveries of a webhook."""
        if name not in ("status", "time"):
            return
        setattr(self, name, value)
        self._uncounted()
        yield
        await self._count()

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    def set_rate(self, value: str) -> None:
        """Say how long it takes at this rate."""
        self.rate = value
        if _number(value) is not None:
            self.errors = {name: told for name, told in self.errors.items() if name != "rate"}
        self.lasts = how_long(self._number, _number(value) or 0)

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def close(self) -> None:
        """Leave things as they are."""
        self.scope = ""

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def start(self, form: dict[str, Any]) -> Any:
        """Make the replay of what was counted, and go to its page."""
        if self._wanted is None or self.busy:
            return
        rate = _number(str(form.get("rate", ""))) if form.get("rate") else DEFAULT_RATE
        self.busy, self.errors = (
            True,
            {} if rate is not None else {"rate": f"That is no number. Use {LEAST_RATE:g} to {GREATEST_RATE:,.0f}."},
        )
        yield
        try:
            if rate is None:
                return
            made = await bridge.call(
                self, replays.create, write=True, filter=self._wanted, rate=rate, reason=str(form.get("reason", "")).strip()
            )
        except CrossdockError as error:
            self.errors = bridge.field_errors(error)
            return
        finally:
            self.busy = False
        self.scope = ""
        (await self.get_state(DeliveriesState)).selected = []
        yield rx.redirect(f"{PATH}/{made.id}")

    def _uncounted(self) -> None:
        self.counting, self.can_start, self.errors = True, False, {}
        self.count, self.noun, self.lasts, self.sample, self._wanted, self._number = "", "", "", [], None, 0
        self.goes_to, self.others = [], ""

    async def _count(self) -> None:
        wanted = await self._filter()

        def work(session: Session, actor: Actor) -> tuple[Any, ...]:
            preview = replays.preview(session, actor=actor, filter=wanted)
            shown = {*preview.webhooks, *(delivery.webhook_id for delivery in preview.sample), wanted.webhook_id or ""}
            return preview, webhooks.names(session, actor=actor, webhook_ids=shown)

        try:
            preview, names = await bridge.read(self, work)
        except CrossdockError as error:
            self.errors = {"": " ".join(bridge.field_errors(error).values())}
            return
        finally:
            self.counting = False
        self._wanted, self._number = wanted, preview.count
        self.what = in_words("filter", wanted.document(), names)
        self.count, self.noun = words.number(preview.count), "delivery" if preview.count == 1 else "deliveries"
        self.can_start = preview.count > 0
        self.goes_to = [[names.get(each, each), words.number(number)] for each, number in preview.webhooks.items()][:_SHOWN]
        left = len(preview.webhooks) - len(self.goes_to)
        self.others = f"and {left} more webhook{'' if left == 1 else 's'}" if left else ""
        self.sample = [sample_row(delivery, names) for delivery in preview.sample[:_SHOWN]]
        self.lasts = how_long(preview.count, _number(self.rate) or DEFAULT_RATE)

    async def _filter(self) -> ReplayFilter:
        if self.scope == "selected":
            return ReplayFilter(ids=tuple((await self.get_state(DeliveriesState)).selected))
        if self.scope == "delivery":
            return ReplayFilter(ids=(last_part(self),))
        if self.scope == "webhook":
            return ReplayFilter(webhook_id=last_part(self), status=self.status or None, since=since(self.time, clock.now()))
        given = query(self, *DeliveriesState.FILTERS)
        return ReplayFilter(
            webhook_id=given["webhook"] or None,
            event=given["event"] or None,
            status=given["status"] or None,
            status_code=int(given["code"]) if given["code"].isdigit() else None,
            error_class=given["error"] or None,
            since=since(given["since"], clock.now()),
            q=given["q"] or None,
        )


def _number(text: str) -> float | None:
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        return None
    return found if math.isfinite(found) else None
