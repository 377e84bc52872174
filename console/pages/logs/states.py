"""Owns what the states of logs have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import reflex as rx

from backend.core.pagination import Page as Found
from console import auth
from console.auth import needs
from console.states import Listing
from console.urls import with_query

PATH: Final = "/settings/logs"
DOWNLOADS: Final = "/downloads"


class Log(Listing, mixin=True):
    """A log: what is new appears by itself until that is paused, and what the filters mean can be had as a file named `FILE`."""

    FILE: ClassVar[str] = ""
    is_live: bool = True
    csv: str = ""
    jsonl: str = ""

    @rx.event
    @needs(auth.PAGE)
    async def toggle_live(self) -> None:
        """Hold the list still, or show again what comes."""
        self.is_live = not self.is_live
        if self.is_live:
            await self._fetch()

    def _is_followed(self) -> bool:
        return self.is_live

    def _paged(self, page: Found[Any], counts: Mapping[str, Any]) -> None:
        super()._paged(page, counts)
        given = self._given()
        given.pop("cursor")
        if self.FILE:
            self.csv, self.jsonl = (with_query(f"{DOWNLOADS}/{self.FILE}.{form}", **given) for form in ("csv", "jsonl"))
