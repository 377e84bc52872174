"""What is done to requests that are made up, so that they come far: see `before_call`."""

from __future__ import annotations

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

    A cursor that nobody gave is refused, and with it everything else that a list takes: three of four are left out.
    """
    number = next(_numbers)
    case.headers["X-Forwarded-For"] = f"203.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    if isinstance(case.body, dict) and isinstance(url := case.body.get("url"), str) and _is_address(url):
        case.body["url"] = _RECEIVER
    if number % 4 and case.meta is not None and case.meta.generation.mode.is_positive:
        for name in _PLACES & (case.query or {}).keys():
            del case.query[name]


def _is_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in {"http", "https"}
    except ValueError:
        return False
