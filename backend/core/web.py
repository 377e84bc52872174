"""How a route gets its session, its actor and its permission: one thread, one transaction, committed before the answer.

A route declares what it needs and stays a parse, one service call and a return::

    router = web.Router(prefix="/webhooks", tags=["webhooks"])


    @router.post("", status_code=201, **web.needs(permissions.WEBHOOKS_WRITE))
    def create(body: WebhookCreate, session: web.WriteSession, actor: web.CurrentActor) -> WebhookCreated: ...

The whole of a `def` endpoint runs in one thread inside `db.transaction()`; FastAPI's own dependencies with `yield` would
commit in another thread and, unless scoped, after the answer. `async def` endpoints are left alone.
"""

from __future__ import annotations

import asyncio
import difflib
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar, cast, get_args
from urllib.parse import parse_qsl, urlencode

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel
from sqlmodel import Session

from backend.core import db, judging, kinds, lenience, texts
from backend.core.actor import Actor, Role
from backend.core.errors import FieldError, Invalid, Unauthenticated
from backend.core.pagination import Page
from backend.core.permissions import Permission

DATABASE_THREADS = 2
WAITING_THREADS = 16
# Marks of routes beside the permissions: open to everybody, and to everybody with a credential.
PUBLIC = Permission("public", None, Role.VIEWER)
AUTHENTICATED = Permission("authenticated", None, Role.VIEWER)
PERMISSION_KEY = "x-permission"
# By one of these a call is a list, or the file of one.
_OF_LISTS = frozenset({"limit", "format"})

Result = TypeVar("Result")
Endpoint = Callable[..., Any]


class _Marker:
    def __init__(self, *, write: bool) -> None:
        self.write = write


ReadSession = Annotated[Session, _Marker(write=False)]
WriteSession = Annotated[Session, _Marker(write=True)]


# Async though it waits for nothing: else FastAPI runs it in a thread of its pool, which costs more than all the rest of the request here.
async def _actor(request: Request) -> Actor:
    actor = request.scope.get("state", {}).get("actor")
    if actor is None:
        raise Unauthenticated("Sign in, or send an API key as `Authorization: Bearer xdk_…`.")
    return actor


CurrentActor = Annotated[Actor, Depends(_actor)]


def _written(value: Any) -> Any:
    """Refuse a bare number, which pydantic would take for seconds or milliseconds since 1970."""
    if isinstance(value, str) and kinds.is_number(value):
        raise ValueError("is no time; write it as 2026-01-31T09:30:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    """A time without an offset is meant in UTC, wherever the server stands."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


# A time in a query, as RFC 3339 writes it.
Moment = Annotated[datetime, BeforeValidator(_written), AfterValidator(_in_utc)]


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from, as the gateway found it."""

    ip: str
    user_agent: str
    request_id: str


async def _caller(request: Request) -> Caller:
    state = request.scope.get("state", {})
    peer = request.client.host if request.client else ""
    return Caller(state.get("ip", peer), request.headers.get("user-agent", "")[:400], state.get("request_id", ""))


CurrentCaller = Annotated[Caller, Depends(_caller)]


def note_caller(request: Request, actor: Actor, secret_id: str | None = None) -> None:
    """Tell the request log who came, where the door could not know: whoever gets a token by what is in the body."""
    request.scope.setdefault("state", {})["caller"] = (actor, secret_id)


def needs(permission: Permission) -> dict[str, Any]:
    """The keyword that marks a route with its permission; the gateway enforces it and refuses to start without it."""
    return {"openapi_extra": {PERMISSION_KEY: permission}}


def permission_of(route: APIRoute) -> Permission | None:
    """The permission that a route was marked with."""
    return (route.openapi_extra or {}).get(PERMISSION_KEY)


class _Gate:
    """The threads of this process that may touch the database, and the one of them that may wait for the writer."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._limiter = CapacityLimiter(DATABASE_THREADS)
        self._writer = asyncio.Lock()
        self._waiting = CapacityLimiter(WAITING_THREADS)

    def of_this_loop(self) -> tuple[CapacityLimiter, asyncio.Lock]:
        self._attend()
        return self._limiter, self._writer

    def for_waiting(self) -> CapacityLimiter:
        """The threads that may wait for somebody else's server."""
        self._attend()
        return self._waiting

    def _attend(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._limiter, self._writer = loop, CapacityLimiter(DATABASE_THREADS), asyncio.Lock()
            self._waiting = CapacityLimiter(WAITING_THREADS)


_gate = _Gate()


async def in_transaction(work: Callable[..., Result], *, write: bool = False, **kwargs: Any) -> Result:
    """Run `work(session, **kwargs)` in one of the database threads, in one transaction; its result once it is committed."""
    limiter, writer = _gate.of_this_loop()

    def run() -> Result:
        with db.transaction(write=write) as session:
            return work(session, **kwargs)

    if not write:
        return await anyio.to_thread.run_sync(run, limiter=limiter)
    async with writer:  # so that waiting for SQLite's one writer holds one thread at most
        return await anyio.to_thread.run_sync(run, limiter=limiter)


async def outside(work: Callable[..., Result], **kwargs: Any) -> Result:
    """Run `work`, which asks somebody else's server and makes its own transactions, in one of the threads that may wait for that."""
    limiter = _gate.for_waiting()
    return await anyio.to_thread.run_sync(functools.partial(work, **kwargs), limiter=limiter)


def _transactional(endpoint: Endpoint) -> Endpoint:
    if inspect.iscoroutinefunction(endpoint):
        return endpoint
    signature = inspect.signature(endpoint, eval_str=True)
    found = [(name, marker) for name, parameter in signature.parameters.items() if (marker := _marker(parameter.annotation))]
    if not found:
        return endpoint
    name, write = found[0][0], found[0][1].write

    @functools.wraps(endpoint)
    async def call(**kwargs: Any) -> Any:
        def run(session: Session) -> Any:
            answer = endpoint(**kwargs, **{name: session})
            judging.end()
            return answer

        return await in_transaction(run, write=write)

    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != name]
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] - read by FastAPI
    return call


def _marker(annotation: Any) -> _Marker | None:
    return next((item for item in getattr(annotation, "__metadata__", ()) if isinstance(item, _Marker)), None)


class TransactionalRoute(APIRoute):
    """A route whose `def` endpoint runs in one transaction."""

    def __init__(self, path: str, endpoint: Endpoint, **kwargs: Any) -> None:
        called = _transactional(endpoint)
        self._tells_everything = called is not endpoint or judging.is_cooperating(endpoint)
        super().__init__(path, called, **kwargs)

    def _parameters_of_list(self) -> frozenset[str] | None:
        """The query parameters of a list or its file; None for every other call."""
        waiting, names = [self.dependant], set[str]()
        while waiting:
            dependant = waiting.pop()
            names.update(parameter.alias for parameter in dependant.query_params)
            waiting += dependant.dependencies
        return frozenset(names) if self.methods == {"GET"} and names & _OF_LISTS else None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's, which tells of a bad body what the service finds in it, too."""
        handler, model, parameters = super().get_route_handler(), _model_of(self), self._parameters_of_list()

        async def serve(request: Request) -> Response:
            if parameters is not None and request.scope["query_string"] and not lenience.ignores_unknown_fields():
                request.scope["query_string"] = _read_query(request.scope["query_string"], parameters)
            try:
                return await handler(request)
            except RequestValidationError as error:
                raise await judging.complete(handler, request, error, model) from None

        return serve if self._tells_everything or parameters is not None else handler


def _read_query(query: bytes, known: frozenset[str]) -> bytes:
    """A list's query with names in snake_case. Raises `Invalid` for unknown ones: unnoticed, a misspelt filter would answer everything."""
    by_name = {to_camel(name): name for name in known} | {name: name for name in known}
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    unknown = sorted({name for name, _ in given if name not in by_name})
    if unknown:
        near = {name: difflib.get_close_matches(name, known, n=1) for name in unknown}
        fixes = {name: f"Did you mean {found[0]}?" if found else "Leave it out." for name, found in near.items()}
        raise Invalid(*(FieldError(name[:80], "is no parameter of this list.", fixes[name]) for name in unknown))
    if all(by_name[name] == name for name, _ in given):
        return query
    return urlencode([(by_name[name], value) for name, value in given]).encode()


def _model_of(route: APIRoute) -> type[BaseModel] | None:
    """The model of a route's body, also where there may be none."""
    annotation = route.body_field.field_info.annotation if route.body_field is not None else None
    options = (annotation, *get_args(annotation))
    return next((each for each in options if isinstance(each, type) and issubclass(each, BaseModel)), None)


class Router(APIRouter):
    """A router of transactional routes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(route_class=TransactionalRoute, **kwargs)

    def change(self, path: str, **kwargs: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare a change of a resource: PATCH and PUT are the same, what is sent changes."""

        def declare(endpoint: Endpoint) -> Endpoint:
            self.patch(path, **kwargs)(endpoint)
            self.put(path, name=f"put_{endpoint.__name__}", **kwargs)(endpoint)
            return endpoint

        return declare


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """One operation: its method, its path template (`/api/v1/webhooks/{webhook_id}`) and the permission it was marked with."""

    method: str
    path: str
    permission: Permission | None


def table(routers: Iterable[APIRouter], prefix: str) -> list[RouteEntry]:
    """Every operation of `routers` as mounted under `prefix`, in the order in which they match."""
    return [
        RouteEntry(method, prefix + route.path_format, permission_of(route))
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    ]


class Out(BaseModel):
    """What a route answers: read from attributes."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)


Row = TypeVar("Row")
Held = TypeVar("Held")


class ListOut(Out, Generic[Row]):
    """One page of a list, newest first: the envelope that every list answers in."""

    data: list[Row]
    next_cursor: str | None = Field(description="Pass it as `cursor` for the next page; null on the last.")
    has_more: bool = Field(description="Whether there is a further page.", examples=[False])

    @classmethod
    def of(cls, page: Page[Held], shown: Callable[[Held], Row]) -> Self:
        """A page of what a service found, each row as `shown` makes it."""
        return cls(data=[shown(each) for each in page.data], next_cursor=page.next_cursor, has_more=page.has_more)

    @classmethod
    def whole(cls, rows: Iterable[Held], shown: Callable[[Held], Row]) -> Self:
        """All of a list that is short by its nature, each row as `shown` makes it."""
        return cls(data=[shown(each) for each in rows], next_cursor=None, has_more=False)


class TailOut(Out, Generic[Row]):
    """What was added to a list after a cursor, oldest first: the envelope of every list that can be followed."""

    data: list[Row]
    next_cursor: str = Field(description="Pass it as `after` for what is added from here on.")
    has_more: bool = Field(description="Whether more has been added already.", examples=[False])


class Body(kinds.Exact):
    """What a route takes: snake_case, camelCase too; an unknown field is refused by name, by an older system's path dropped.

    So is a text that cannot be stored, a value of another kind than the schema says, and a time that does not exist in UTC. Objects
    of any content are their services' to judge.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
    )

    # Of the validators of a class that come before the fields, those of its subclasses run first: what they translate is known here.
    @model_validator(mode="before")
    @classmethod
    def _drop_unknown(cls, body: Any) -> Any:
        if not isinstance(body, dict) or not lenience.ignores_unknown_fields():
            return cast("Any", body)
        sent = cast("dict[str, Any]", body)
        named = [next((name for name in names if name in sent), None) for names in _names_of(cls)]
        return {name: sent[name] for name in named if name is not None}

    @field_validator("*")
    @classmethod
    def _fits(cls, value: Any) -> Any:
        _check(value)
        return value


@functools.cache
def _names_of(model: type[BaseModel]) -> tuple[tuple[str, ...], ...]:
    """Of each field of `model` the names by which it may be sent, the one first that is read where several are."""
    found: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        aliases = alias.choices if isinstance(alias, AliasChoices) else [alias] if alias else []
        found.append((*aliases, name))  # pyright: ignore[reportArgumentType] - paths are not used
    return tuple(found)


def _check(value: object) -> None:
    """Raise `ValueError` for what no database takes."""
    if isinstance(value, str | list) and not texts.is_storable(cast("Any", value)):
        raise ValueError("holds U+0000 or half of a surrogate pair, which cannot be stored; take it out")
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            value.astimezone(UTC)
        except OverflowError:
            raise ValueError("lies outside the years 1 to 9999 in UTC") from None
