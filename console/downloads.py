"""Owns the files that pages offer: logs by the filters of their lists, for whoever is signed in and may read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from backend.accounts import cookies, sessions
from backend.audit import service as audit
from backend.audit.schemas import AuditOut
from backend.core.actor import Actor
from backend.core.errors import CrossdockError
from backend.deliveries import log
from backend.deliveries import service as deliveries
from backend.deliveries.schemas import DeliveryOut
from backend.logs import errors, export, service
from backend.logs.export import Form, Source
from backend.logs.schemas import ErrorOut, RequestOut
from console import auth
from console.pages.deliveries.state import DeliveriesState, meant
from console.pages.logs import wanted

_MOST: Final = 400


def _requests(actor: Actor, given: Mapping[str, str]) -> Source[Any]:
    return Source("requests", service.sought(actor, wanted.requests(given)), RequestOut)


def _errors(actor: Actor, given: Mapping[str, str]) -> Source[Any]:
    return Source("errors", errors.sought(actor, wanted.errors(given)), ErrorOut)


def _audit(actor: Actor, given: Mapping[str, str]) -> Source[Any]:
    return Source("audit", audit.sought(actor, wanted.audit(given)), AuditOut)


def _deliveries(actor: Actor, given: Mapping[str, str]) -> Source[Any]:
    wanted = deliveries.Filter(status=given["status"] or None, **meant(given))
    return Source("deliveries", log.sought(actor, wanted), DeliveryOut, DeliveryOut.of)


# By the name of the file: the filters that it takes, and what it holds.
SOURCES: Final[dict[str, tuple[tuple[str, ...], Callable[[Actor, Mapping[str, str]], Source[Any]]]]] = {
    "requests": (wanted.REQUESTS, _requests),
    "errors": (wanted.ERRORS, _errors),
    "audit": (wanted.AUDIT, _audit),
    "deliveries": (DeliveriesState.FILTERS, _deliveries),
}


async def answer(scope: MutableMapping[str, Any]) -> Response:
    """The file that a request for `/downloads/<log>.<csv or jsonl>` is answered with; sign-in for strangers."""
    name, _, form = str(scope["path"]).rpartition("/")[2].partition(".")
    if name not in SOURCES or form not in list(Form) or scope["method"] != "GET":
        return PlainTextResponse("Not found", 404)
    cookie = b"; ".join(value for header, value in scope["headers"] if header == b"cookie").decode("latin-1")
    info = await auth.lookup(cookies.read(cookie))
    if info is None:
        return RedirectResponse("/login", 303)
    filters, source = SOURCES[name]
    given = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    try:
        found = source(sessions.actor_for(info), {each: given.get(each, "")[:_MOST] for each in filters})
        return await export.answer(found, Form(form))
    except CrossdockError as error:
        return PlainTextResponse(error.detail, error.status)
