"""A request as a source sent it: what is verified, parsed and kept. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Received:
    """Method, the addresses that the source may have called, headers in their order with lower-case names, and the raw body.

    `at` is unix seconds. `urls` are several where a port may or may not have been written.
    """

    method: str
    urls: tuple[str, ...]
    headers: Sequence[tuple[str, str]]
    body: bytes = field(repr=False)
    at: float

    def header(self, name: str) -> str:
        """The first value of a header, "" if there is none."""
        wanted = name.lower()
        return next((value for each, value in self.headers if each == wanted), "")

    def values(self, name: str) -> list[str]:
        """Every value of a header."""
        wanted = name.lower()
        return [value for each, value in self.headers if each == wanted]
