"""Owns the list of replays."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.core import permissions
from backend.core.actor import Actor
from backend.replays import service as replays
from backend.webhooks import service as webhooks
from console.pages.replays.new_state import PATH
from console.pages.replays.rows import ReplayRow, replay_row
from console.states import Listing


class ReplaysState(Listing, rx.State):
    """The list."""

    PATH: ClassVar = PATH
    READS: ClassVar = permissions.WEBHOOKS_READ
    FILTERS: ClassVar = ("status",)
    STATUSES: ClassVar = ("running", "paused", "done", "cancelled")
    rows: list[ReplayRow] = []  # noqa: RUF012 - the framework copies it

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        page = replays.list_replays(session, actor=actor, status=given["status"] or None, cursor=given["cursor"] or None)
        wanted = {replay.filter["webhook_id"] for replay in page.data if "webhook_id" in replay.filter}
        names = webhooks.names(session, actor=actor, webhook_ids=wanted)
        return page, replays.progress(session, actor=actor, replays=page.data), names, replays.counts(session, actor=actor)

    def _show(self, found: tuple[Any, ...]) -> None:
        page, progress, names, counts = found
        self.rows = [replay_row(replay, progress[replay.id], names) for replay in page.data]
        self._paged(page, counts)
