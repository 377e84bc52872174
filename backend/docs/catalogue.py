"""The list of calls as JSON, for clients that look for what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

CURRENT: Final = "v1"
VERSIONS: Final = (CURRENT,)
DEFAULT_PER_MINUTE: Final = 100
_METHODS: Final = ("get", "post", "put", "patch", "delete")


def routes(schema: Mapping[str, Any], version: str, limits: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Every call of a version: path, method, description, version, whether it needs a credential, and requests per minute.

    `limits` are those that the operator has set, by method and path; the others have what a key has that was given none.
    """
    for path, operations in schema["paths"].items():
        if not path.startswith(f"/api/{version}/"):
            continue
        for method in _METHODS:
            if (operation := operations.get(method)) is not None:
                yield {
                    "path": path,
                    "method": method.upper(),
                    "description": operation["summary"],
                    "version": version,
                    "auth": bool(operation["security"]),
                    "rateLimit": limits.get(f"{method.upper()} {path}", DEFAULT_PER_MINUTE),
                }
