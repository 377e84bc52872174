"""Owns one replay's page: its progress, what became of each item, and steering it."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError, NotFound
from backend.replays import service as replays
from backend.webhooks import service as webhooks
from console import bridge
from console.auth import needs
from console.pages.deliveries.parts import PATH as DELIVERIES
from console.pages.replays.new_state import PATH
from console.pages.replays.rows import OUTCOMES, ItemRow, ReplayDetail, item_row, replay_detail
from console.states import Detail
from console.urls import last_part, query, with_query


class ReplayState(Detail, rx.State):
    """One replay."""

    READS: ClassVar = permissions.WEBHOOKS_READ
    replay: ReplayDetail = ReplayDetail()
    rows: list[ItemRow] = []  # noqa: RUF012 - the framework copies it
    outcome: str = ""
    tabs: dict[str, str] = {}  # noqa: RUF012
    total: str = ""
    older: str = ""
    newest: str = ""
    is_first: bool = True
    cancelling: bool = False
    busy: bool = False
    problem: str = ""

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def pause(self) -> Any:
        """Make no more of it for now."""
        await self._steer(replays.pause)
        yield rx.toast.info("Paused. What it queued before still goes out.")

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def resume(self) -> Any:
        """Go on where it stopped."""
        await self._steer(replays.resume)
        yield rx.toast.info("Going on at the same rate.")

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def ask_cancel(self) -> None:
        """Ask before it is cancelled."""
        self.cancelling, self.problem = True, ""

    @rx.event
    @needs(permissions.WEBHOOKS_READ)
    def keep(self) -> None:
        """Leave it as it is."""
        self.cancelling = False

    @rx.event
    @needs(permissions.WEBHOOKS_OPERATE)
    async def cancel(self) -> Any:
        """End it: what waits of it is cancelled too."""
        try:
            await self._steer(replays.cancel)
        except CrossdockError as error:
            self.problem = error.detail
            return
        self.cancelling = False
        yield rx.toast.info("Cancelled. What has arrived stays.")

    async def _steer(self, action: Any) -> None:
        self.busy = True
        try:
            await bridge.call(self, action, write=True, replay_id=self.replay.id)
        finally:
            self.busy = False
        await self._fetch()

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.cancelling, self.problem = False, ""
        given = query(self, "outcome", "cursor")
        here = f"{PATH}/{last_part(self)}"
        self.outcome = given["outcome"] if given["outcome"] in OUTCOMES else ""
        self.is_first, self.newest = not given["cursor"], with_query(here, outcome=self.outcome)
        self.tabs = {name or "all": with_query(here, outcome=name) for name in ("", *OUTCOMES)}
        if anew:
            self.replay, self.rows = ReplayDetail(), []

    async def _fetch(self) -> None:
        wanted, given = last_part(self), query(self, "outcome", "cursor")
        outcome = given["outcome"]

        def work(session: Session, actor: Actor) -> tuple[Any, ...]:
            replay = replays.get(session, actor=actor, replay_id=wanted)
            progress = replays.progress(session, actor=actor, replays=[replay])[replay.id]
            page = replays.items(session, actor=actor, replay_id=wanted, outcome=OUTCOMES.get(outcome), cursor=given["cursor"] or None)
            shown = {detail.item.webhook_id for detail in page.data} | {replay.filter.get("webhook_id", "")}
            return replay, progress, page, webhooks.names(session, actor=actor, webhook_ids=shown)

        try:
            replay, progress, page, names = await bridge.read(self, work)
        except NotFound:
            self.missing = True
            return
        finally:
            self.loading = False
        self.replay = replay_detail(replay, progress, names)
        self.rows = [item_row(detail, names, DELIVERIES) for detail in page.data]
        self.total = self.replay.numbers[self.outcome or "all"]
        self.older = with_query(f"{PATH}/{wanted}", outcome=self.outcome, cursor=page.next_cursor) if page.next_cursor else ""
