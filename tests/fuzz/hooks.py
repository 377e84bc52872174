"""What is done to requests that are made up, so that they come far: see `before_call`."""

from __future__ import annotations

import copy
import itertools
import os
from typing import Any
from urllib.parse import urlsplit

import schemathesis

_RECEIVER = os.environ["CROSSDOCK_FUZZ_RECEIVER"]
_PLACES = {"cursor", "after"}
_numbers = itertools.count(1)


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """Each comes from an address of its own, since strangers have a limit by address; webhooks go to a receiver of this machine.

    A cursor that nobody gave is refused, and with it everything else that a list takes: three of four are left out. Texts that are
    names of things must be of what there is, so every second good body is the documentation's, under a name of its own.
    """
    number = next(_numbers)
    case.headers["X-Forwarded-For"] = f"203.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    if isinstance(case.body, dict) and isinstance(url := case.body.get("url"), str) and _is_address(url):
        case.body["url"] = _RECEIVER
    if number % 4 and case.meta is not None and case.meta.generation.mode.is_positive:
        for name in _PLACES & (case.query or {}).keys():
            del case.query[name]
        if number % 2 and isinstance(case.body, dict):
            case.body = _documented(case, number) or case.body


def _documented(case: schemathesis.Case, number: int) -> dict[str, Any] | None:
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = content.get("example")
    if not isinstance(example, dict):
        return None
    named = {"name": f"{example['name']}{number}"} if "name" in example and case.method.upper() == "POST" else {}
    own = {"url": _RECEIVER} if "url" in example else {}
    return {**copy.deepcopy(example), **named, **own}


def _is_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in {"http", "https"}
    except ValueError:
        return False
