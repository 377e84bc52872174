"""Where a value is in a payload: dotted and indexed paths, JMESPath where those do not do, and the leaves that there are. Pure."""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from backend.core import texts

MISSING: Final = object()
MAX_PATH: Final = 400
MAX_DEPTH: Final = 12
MAX_LEAVES: Final = 300
MAX_SHOWN: Final = 200
MAX_STEPS: Final = 100_000  # of one expression over one payload
MAX_ALL_STEPS: Final = 500_000  # of everything that is mapped in one payload
_CHARACTERS_OF_A_STEP: Final = 16
_STEP: Final = re.compile(r'(?:\A|\.)(?:([A-Za-z0-9_$@:/+-]+)|"((?:[^"\\]|\\.)*)")|\[(-?[0-9]{1,6})\]', re.ASCII)
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class BadPath(ValueError):
    """A path that cannot be read; the text says why."""


class TooCostly(Exception):
    """What is to be read of a payload takes more steps than a payload is worth."""


class _Allowance(threading.local):
    """How many steps whoever is mapping a payload in this thread may still make; None where nobody counts them."""

    left: int | None = None


_allowance = _Allowance()


@contextlib.contextmanager
def bounded() -> Generator[None]:
    """Everything that is read inside, in this thread, takes so many steps together. Raises `TooCostly`."""
    _allowance.left = MAX_ALL_STEPS
    try:
        yield
    finally:
        _allowance.left = None


def spend(steps: int) -> None:
    """Count steps where they are counted. Raises `TooCostly`."""
    if _allowance.left is not None:
        _allowance.left -= steps
        if _allowance.left < 0:
            raise TooCostly


class _Interpreter(TreeInterpreter):
    """JMESPath with a bound: a few characters can double a payload again and again, and so stop everybody's work."""

    def __init__(self) -> None:
        super().__init__()
        self.left = MAX_STEPS

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """One step, and as many more as what it makes is large."""
        found = super().visit(node, *args, **kwargs)
        self.left -= 1 + _size_of(node["type"], found, self.left)
        if self.left < 0:
            raise TooCostly
        return found


def _size_of(kind: str, made: Any, most: int) -> int:
    """How much a node of an expression has made; what only picks something makes nothing."""
    if kind.startswith("multi_select"):
        return _members(made, most)
    if kind in {"projection", "filter_projection", "value_projection", "flatten", "slice", "function_expression"}:
        if isinstance(made, str):
            return len(made) // _CHARACTERS_OF_A_STEP
        return len(cast("list[Any]", made)) if isinstance(made, list | dict) else 0
    return 0


def _members(value: Any, most: int) -> int:
    """How large a value is, the same part counted wherever it stands; stops above `most`."""
    count, rest = 0, [value]
    while rest and count <= most:
        item = rest.pop()
        count += 1 + (len(item) // _CHARACTERS_OF_A_STEP if isinstance(item, str) else 0)
        if isinstance(item, dict):
            rest.extend(cast("dict[str, Any]", item).values())
        elif isinstance(item, list):
            rest.extend(cast("list[Any]", item))
    return count


@dataclass(frozen=True, slots=True)
class Path:
    """A place: `steps` if it is names and positions alone, else an expression of JMESPath."""

    text: str
    steps: tuple[str | int, ...] | None
    expression: Any = None

    def read(self, value: Any) -> Any:
        """What is there, or `MISSING`. Raises nothing, whatever the value is, but `TooCostly` inside of `bounded`."""
        if self.steps is None:
            return self._search(value)
        found = value
        for step in self.steps:
            if isinstance(step, int) and isinstance(found, list) and -len(items := cast("list[Any]", found)) <= step < len(items):
                found = items[step]
            elif isinstance(step, str) and isinstance(found, dict) and step in (fields := cast("dict[str, Any]", found)):
                found = fields[step]
            else:
                return MISSING
        return found

    def _search(self, value: Any) -> Any:
        interpreter = _Interpreter()
        try:
            found = interpreter.visit(self.expression.parsed, value)
        except TooCostly:
            if _allowance.left is not None:
                raise
            return MISSING
        except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError, AttributeError):
            return MISSING
        spend(MAX_STEPS - interpreter.left)
        return MISSING if found is None else found


@functools.lru_cache(maxsize=4096)
def of(text: str) -> Path:
    """The path that a text means; `""` and `@` are the whole payload. Raises `BadPath`."""
    text = text.strip()
    if len(text) > MAX_PATH:
        raise BadPath(f"has {len(text)} characters; at most {MAX_PATH} are taken")
    if text in {"", "@", "$"}:
        return Path(text, ())
    steps = _steps(text.removeprefix("$.") if text.startswith("$.") else text)
    if steps is not None:
        return Path(text, steps)
    try:
        return Path(text, None, jmespath.compile(text))
    except (JMESPathError, ValueError, RecursionError) as error:
        told = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise BadPath(f"is neither a dotted path nor JMESPath: {told[:160]}") from None


def join(prefix: str, step: str | int) -> str:
    """The path of what is one step below `prefix`."""
    if isinstance(step, int):
        return f"{prefix}[{step}]"
    name = step if _PLAIN.fullmatch(step) else '"' + step.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{prefix}.{name}" if prefix else name


def leaves(value: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every place of a payload with a value that is no object, in its order; of a list its first items. At most 300, 12 levels deep.

    A place whose path would be longer than a path may be is left out.
    """
    count = 0
    rest: list[tuple[str, Any, int]] = [(prefix, value, depth)]
    while rest and count < MAX_LEAVES:
        path, item, level = rest.pop()
        if isinstance(item, dict) and item and level < MAX_DEPTH:
            fields = [(name, each) for name, each in cast("dict[str, Any]", item).items() if len(path) + len(name) < MAX_PATH][:MAX_LEAVES]
            rest.extend((join(path, name), each, level + 1) for name, each in reversed(fields))
        elif isinstance(item, list) and item and level < MAX_DEPTH:
            some = cast("list[Any]", item)[:3]
            rest.extend((join(path, index), each, level + 1) for index, each in reversed(list(enumerate(some))))
        else:
            count += 1
            yield path, item


def shape(value: Any) -> list[str]:
    """The places of a payload, those of all items of a list as one (`items[].id`); what no database takes is left out."""
    found = dict.fromkeys(re.sub(r"\[\d+\]", "[]", path) for path, _ in leaves(value))
    return [path for path in found if path and len(path) <= MAX_SHOWN and texts.is_storable(path)]


def _steps(text: str) -> tuple[str | int, ...] | None:
    found: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or (at == 0 and match[0].startswith(".")):
            return None
        name, quoted, index = match.groups()
        if index is not None:
            found.append(int(index))
        else:
            found.append(name if name is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = match.end()
    return tuple(found)
