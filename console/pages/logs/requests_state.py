"""Owns the logs of requests: those of the workspace, one of them, and those of callers that nobody knows."""

from __future__ import annotations

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session

from backend.api_keys import service as api_keys
from backend.core import permissions
from backend.core.actor import Actor
from backend.logs import service as logs
from console import auth
from console.auth import needs
from console.pages.logs import wanted
from console.pages.logs.parts import TABS, UNKNOWN
from console.pages.logs.rows import RequestDetail, RequestRow, request_detail, request_row
from console.pages.logs.states import PATH, Log
from console.states import Detail
from console.urls import query

_CHOICES = 200


class RequestsState(Log, rx.State):
    """Requests of the workspace."""

    READS: ClassVar = permissions.LOGS_READ
    PATH: ClassVar = PATH
    FILE: ClassVar = "requests"
    FILTERS: ClassVar = wanted.REQUESTS
    rows: list[RequestRow] = []  # noqa: RUF012 - the framework copies it
    keys: list[dict[str, str]] = []  # noqa: RUF012
    method: str = ""
    caller: str = ""
    caller_name: str = ""
    since: str = ""

    @rx.event
    @needs(auth.PAGE)
    def turn(self) -> Any:
        """Lead to another log that the address asks for, as `?tab=errors`."""
        path = TABS.get(query(self, "tab")["tab"], PATH)
        return rx.redirect(path, replace=True) if path != PATH else None

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> tuple[Any, ...]:
        page = logs.list_requests(session, actor=actor, wanted=wanted.requests(given), cursor=given["cursor"] or None)
        callers = {request.caller_id for request in page.data} | {given["caller"]}
        names = api_keys.names(session, actor=actor, key_ids=callers)
        return page, names, api_keys.list_keys(session, actor=actor, limit=_CHOICES).data

    def _show(self, found: tuple[Any, ...]) -> None:
        page, names, keys = found
        self.rows = [request_row(request, names) for request in page.data]
        self.keys = [{"id": key.id, "name": key.name} for key in keys]
        self.caller_name = names.get(self.caller, self.caller)
        self._paged(page, {})


class RequestState(Detail, rx.State):
    """One request."""

    READS: ClassVar = permissions.LOGS_READ
    request: RequestDetail = RequestDetail()

    def _open(self, *, anew: bool) -> None:
        super()._open(anew=anew)
        if anew:
            self.request = RequestDetail()

    @staticmethod
    def _read(session: Session, actor: Actor, wanted: str) -> tuple[Any, ...]:
        request = logs.get_request(session, actor=actor, request_id=wanted)
        return request, api_keys.names(session, actor=actor, key_ids={request.caller_id})

    def _show(self, found: tuple[Any, ...]) -> None:
        request, names = found
        self.request = request_detail(request, names)


class UnknownState(Log, rx.State):
    """Requests whose key is not known, or that had none; they belong to no workspace."""

    READS: ClassVar = permissions.SIGNED_IN  # the service refuses whoever is no super administrator, and the page says so
    PATH: ClassVar = UNKNOWN
    FILTERS: ClassVar = wanted.UNKNOWN
    rows: list[RequestRow] = []  # noqa: RUF012 - the framework copies it
    method: str = ""
    since: str = ""

    @staticmethod
    def _read(session: Session, actor: Actor, given: dict[str, str]) -> Any:
        return logs.list_unknown(session, actor=actor, wanted=wanted.requests(given), cursor=given["cursor"] or None)

    def _show(self, found: Any) -> None:
        self.rows = [request_row(request) for request in found.data]
        self._paged(found, {})
