"""The table of calls: which route a method and path lead to, and the permission that it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from backend.core.permissions import Permission
from backend.core.web import RouteEntry

MAX_REMEMBERED: Final = 4096
MAX_REMEMBERED_LENGTH: Final = 200
_REST: Final = "**"
_ANY: Final = "*"


class UnmarkedRoute(RuntimeError):
    """A route says nothing about who may call it, so the application must not start."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: `route` is its method and path template, as the log names it."""

    route: str
    method: str
    path: str
    permission: Permission
    resource_at: int | None = None  # the segment whose value the permission is on


@dataclass(frozen=True, slots=True)
class NoCall:
    """There is no such operation; `allowed` are the methods that the path has (none: the path does not exist)."""

    allowed: tuple[str, ...]


@dataclass(slots=True)
class _Node:
    """A segment of paths: what may follow, and the calls that end here."""

    children: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    calls: dict[str, Call] = field(default_factory=dict[str, Call])


_UNKNOWN: Final = NoCall(())


class RouteTable:
    """Finds the call for a method and a path; a path that is literal hides those that would be by a parameter."""

    def __init__(self, entries: Iterable[RouteEntry]) -> None:
        self._root = _Node()
        self._found: dict[tuple[str, str], Call | NoCall] = {}
        self.calls: tuple[Call, ...] = tuple(self._add(entry) for entry in entries)

    def find(self, method: str, path: str) -> Call | NoCall:
        """The call, or the methods that would be calls. What was asked lately is remembered: most requests come again."""
        asked = (method, path)
        found = self._found.get(asked)
        if found is None:
            found = self._walk(method, path)
            if len(path) <= MAX_REMEMBERED_LENGTH and len(method) <= MAX_REMEMBERED_LENGTH:
                if len(self._found) >= MAX_REMEMBERED:
                    self._found.clear()
                self._found[asked] = found
        return found

    def _walk(self, method: str, path: str) -> Call | NoCall:
        segments = path.split("/")[1:]
        node = next(_ends(self._root, segments, 0), None)
        if node is None:
            return _UNKNOWN
        call = node.calls.get(method)
        if call is None:
            return NoCall(tuple(sorted(node.calls)))
        return call if call.resource_at is None else _on(call, segments[call.resource_at])

    def _add(self, entry: RouteEntry) -> Call:
        if entry.permission is None:
            raise UnmarkedRoute(
                f"{entry.method} {entry.path} has no permission. Mark the route with **web.needs(…), or web.PUBLIC if everybody may call it."
            )
        segments = entry.path.split("/")[1:]
        resource = f"{{{entry.permission.resource}}}"
        place = segments.index(resource) if resource in segments else None
        call = Call(f"{entry.method} {entry.path}", entry.method, entry.path, entry.permission, place)
        node = self._root
        for segment in segments:
            node = node.children.setdefault(_kind(segment), _Node())
        node.calls.setdefault(call.method, call)
        return call


def _on(call: Call, resource: str) -> Call:
    return Call(call.route, call.method, call.path, call.permission.of(resource))


def _kind(segment: str) -> str:
    if not segment.startswith("{"):
        return segment
    return _REST if segment.endswith(":path}") else _ANY


def _ends(node: _Node, segments: list[str], index: int) -> Iterator[_Node]:
    """The nodes with calls that the rest of the segments lead to, literal segments before parameters."""
    if index == len(segments):
        if node.calls:
            yield node
        return
    children = node.children
    segment = segments[index]
    if (child := children.get(segment)) is not None:
        yield from _ends(child, segments, index + 1)
    if segment and (child := children.get(_ANY)) is not None:
        yield from _ends(child, segments, index + 1)
    if (child := children.get(_REST)) is not None and child.calls:
        yield child
