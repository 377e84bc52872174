"""Owns one route's page: its runs, trying it for real, switching it on and off."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.routing import actions, flows
from backend.routing import service as routes
from backend.routing.values import Listed
from console import bridge
from console.auth import needs
from console.pages.routes.paths import PATH
from console.pages.routes.rows import RUN_STATES, RouteRow, RunRow, route_row, run_row
from console.states import Asking, Within
from console.urls import last_part, query


class RouteState(Asking, rx.State):
    """One route."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    ASKS: ClassVar = ("send", "delete")
    route: RouteRow = RouteRow()
    tab: str = "runs"

    @rx.event
    @needs(permissions.INTEGRATIONS_WRITE)
    async def toggle(self) -> Any:
        """Switch it off, or on again."""
        is_active = self.route.is_active
        await bridge.call(self, routes.update, write=True, route_id=self.route.id, changes={"is_active": not is_active})
        await self._fetch()
        yield rx.toast.info("Switched off. Events no longer go through it." if is_active else "Switched on.")

    @rx.event
    @needs(permissions.INTEGRATIONS_OPERATE)
    async def run_failed(self) -> Any:
        """Carry out again what failed."""
        number = await bridge.call(self, routes.run_failed_again, write=True, route_id=self.route.id)
        yield rx.toast.info(f"{number:,} runs are carried out again." if number else "Nothing has failed.")

    @rx.event(background=True)
    @needs(permissions.INTEGRATIONS_OPERATE)
    async def send(self, form: dict[str, Any]) -> Any:
        """Do it now with the newest event, or the sample."""
        del form
        async with self:
            self.busy, self.ask_error = True, ""
            wanted = self.route.id
        try:
            done = await bridge.ask(self, flows.try_out, route_id=wanted, send=True)
        except CrossdockError as error:
            async with self:
                self.busy, self.ask_error = False, error.detail
            return
        problem = "; ".join(f"{each.path} {each.message}" for each in done.errors)
        failed = f"{done.failure.cause} {done.failure.next_step}".strip() if done.failure is not None else problem
        async with self:
            self.busy, self.ask, self.ask_error = False, "send" if failed else "", failed
        if not failed and done.sent is not None:
            yield rx.toast.info(done.sent.message)

    @rx.event
    @needs(permissions.INTEGRATIONS_DELETE)
    async def delete(self, form: dict[str, Any]) -> Any:
        """Delete it, if its name was typed."""
        if not self._is_named(form, self.route.name):
            return
        with self._answering():
            await bridge.call(self, routes.delete, write=True, route_id=self.route.id)
            yield rx.redirect(PATH)
            yield rx.toast.info("Deleted. What waited is not sent any more.")

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        self.tab = "settings" if query(self, "tab")["tab"] == "settings" else "runs"
        if anew:
            self.route = RouteRow()

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> Listed:
        return routes.get(session, actor=actor, route_id=wanted)

    def _show(self, found: Listed) -> None:
        self.route = route_row(found)


class RunsState(Within, rx.State):
    """The runs of one route."""

    READS: ClassVar = permissions.INTEGRATIONS_READ
    PATH: ClassVar = PATH
    FILTERS: ClassVar = ("status",)
    rows: list[RunRow] = []  # noqa: RUF012 - the framework copies it

    @rx.event
    @needs(permissions.INTEGRATIONS_OPERATE)
    async def run_again(self, run_id: str) -> Any:
        """Carry out one again."""
        await bridge.call(self, routes.run_again, write=True, route_id=last_part(self), run_id=run_id)
        await self._fetch()
        yield rx.toast.info("It is carried out again.")

    @staticmethod
    def _read_of(session: Session, actor: Actor, wanted: str, given: dict[str, str]) -> tuple[Any, ...]:
        status = given["status"] if given["status"] in RUN_STATES else None
        listed = routes.get(session, actor=actor, route_id=wanted)
        return listed, routes.list_runs(session, actor=actor, route_id=wanted, status=status, cursor=given["cursor"] or None)

    def _show(self, found: tuple[Any, ...]) -> None:
        listed, page = found
        action = actions.ACTIONS[listed.route.action]
        self.rows = [run_row(each, action) for each in page.data]
        self._paged(page, {})
