"""Owns what an event may carry: the arguments that its handler takes, of their types, in text that can be stored and sent."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from reflex_base.event import Event
from reflex_base.registry import RegistrationContext

from backend.core import texts


def fits(event: Event) -> bool:
    """Whether the payload of an event has what its handler takes, nothing else, and only sound text."""
    registered = RegistrationContext.get().event_handlers.get(event.name)
    if registered is None or not isinstance(event.payload, Mapping):
        return False
    takes, required = _parameters(registered.handler.fn)
    given = event.payload
    return (
        required <= given.keys() <= takes.keys()
        and all(isinstance(value, takes[name]) for name, value in given.items())
        and texts.is_storable(given)  # a tab whose state holds half a character could be sent nothing any more
    )


@cache
def _parameters(handler: Any) -> tuple[dict[str, type | tuple[Any, ...]], set[str]]:
    """The types of a handler's parameters by name, and the names of those without a default."""
    hints = get_type_hints(handler)
    parameters = list(inspect.signature(handler).parameters.values())[1:]
    return {each.name: _type(hints.get(each.name, object)) for each in parameters}, {
        each.name for each in parameters if each.default is inspect.Parameter.empty
    }


def _type(hint: Any) -> type | tuple[Any, ...]:
    found = get_origin(hint) or hint
    if found in (Union, UnionType):
        return tuple(_type(each) for each in get_args(hint))
    return found if isinstance(found, type) else object
