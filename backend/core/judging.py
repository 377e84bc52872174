"""Everything that is wrong with a body at once: what the framework finds in its form, and what the service finds in the rest.

A body whose form is wrong never reaches its service, which would have more to say. So the request is run once more with what is
wrong taken out, or replaced by the documentation's example, in a transaction that ends without a commit; only what it refuses counts.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, TypeVar, cast, get_args

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from backend.core import validation
from backend.core.errors import FieldError, Invalid

Handler = Callable[[Request], Awaitable[Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_is_judged: Final = ContextVar("is_judged", default=False)
_ROUNDS: Final = 2
_cooperating: Final = set[Callable[..., Any]]()


class Judged(Exception):
    """A request that was only judged ends here, before its transaction commits."""


class _Bound:
    examples: Mapping[str, Any] = {}


def bind(examples: Mapping[str, Any]) -> None:
    """Say what a good body is, by the names of the models; the application does when it is made."""
    _Bound.examples = examples


def cooperating(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint without a transaction of its own that ends by itself where a request is only judged."""
    _cooperating.add(endpoint)
    return endpoint


def is_cooperating(endpoint: Callable[..., Any]) -> bool:
    """Whether an endpoint is marked so."""
    return endpoint in _cooperating


def is_judged() -> bool:
    """Whether the request that is being served is only judged."""
    return _is_judged.get()


def end() -> None:
    """Raise `Judged` if the request that is being served is only judged."""
    if _is_judged.get():
        raise Judged


async def complete(handler: Handler, request: Request, error: RequestValidationError, model: type[BaseModel] | None) -> Exception:
    """What to tell of a request whose form is wrong in the ways of `error`: that, and what its service finds besides."""
    found = validation.from_framework(error.errors(), known=_names(model) if model else ())
    if not isinstance(found, Invalid) or model is None or not isinstance(error.body, dict):
        return found
    told = {each.path for each in found.errors}
    further = await _judge(handler, request, error, _Bound.examples.get(model.__name__, {}))
    return Invalid(*found.errors, *(each for each in further if each.path not in told))


async def _judge(handler: Handler, request: Request, error: RequestValidationError, example: Mapping[str, Any]) -> Sequence[FieldError]:
    """The errors that the service finds in what is left of a body, but for fields that are not the caller's any more."""
    body, replaced, errors = cast("dict[str, Any]", copy.deepcopy(error.body)), set[str](), error.errors()
    token = _is_judged.set(True)
    try:
        for number in range(_ROUNDS):
            if not _mend(body, errors, example, replaced, thoroughly=number > 0):
                return ()
            try:
                await handler(_with(request, body))
            except RequestValidationError as again:
                errors = again.errors()
            except Invalid as refusal:
                return [each for each in refusal.errors if each.path.partition(".")[0].partition("[")[0] not in replaced]
            except Exception:  # noqa: BLE001 - whatever else comes of half a body is not the caller's
                return ()
    finally:
        _is_judged.reset(token)
    return ()


def _mend(body: dict[str, Any], errors: Iterable[Any], example: Mapping[str, Any], replaced: set[str], *, thoroughly: bool) -> bool:
    """Take out of `body` what is wrong, or put the example's in its place; whether that could be done."""
    for error in errors:
        source, *place = error["loc"]
        if source != "body" or not place:
            return False
        if not thoroughly and (error["type"] == "extra_forbidden" or len(place) > 1) and _take_out(body, place):
            continue
        name = str(place[0])
        replaced.add(name)
        for each in (name, to_camel(name)):
            body.pop(each, None)
        if name in example:
            body[name] = example[name]
    return True


def _take_out(body: Any, place: Sequence[Any]) -> bool:
    """Remove a member from where it is; whether it was there."""
    for step in place[:-1]:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(body, dict) and cast("dict[Any, Any]", body).pop(place[-1], body) is not body


def _with(request: Request, body: dict[str, Any]) -> Request:
    """The same request with another body."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": orjson.dumps(body), "more_body": False}

    return Request(request.scope, receive)


@functools.cache
def _names(model: type[BaseModel]) -> tuple[str, ...]:
    """The names of the fields of a model and of those inside it."""
    found: dict[str, None] = {}
    seen: set[Any] = set()

    def walk(annotation: Any) -> None:
        if annotation in seen:
            return
        seen.add(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, field in annotation.model_fields.items():
                found[name] = None
                walk(field.annotation)
        for inner in get_args(annotation):
            walk(inner)

    walk(model)
    return tuple(found)
