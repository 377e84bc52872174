"""Which calls follow on an answer: what was made, or is first in a list, can be read, changed and deleted by its id. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_JSON: Final = "application/json"
_REGISTER: Final = "/register"  # an older name of the call that creates
# Of these a DELETE ends the use, and keeps what there is to be read: no call that follows it finds nothing.
_KEEPING: Final = frozenset({"delete_key", "archive_event_type"})
# What is addressed by its name; everything else by its id.
_NAMED: Final = frozenset({"module", "name", "template"})


def add(paths: Mapping[str, Mapping[str, Any]], components: Mapping[str, Schema]) -> None:
    """Give every answer of `paths` that shows something addressable its links (OpenAPI 3.1, section 4.8.20)."""
    for path, operations in paths.items():
        base = path.removesuffix(_REGISTER)
        for method, operation in operations.items():
            if method not in {"get", "post"}:
                continue
            for status, answer in operation["responses"].items():
                if status.startswith("2") and _JSON in answer.get("content", {}):
                    links = dict(_links(paths, base, answer["content"][_JSON]["schema"], components))
                    if links:
                        answer["links"] = links


def _links(
    paths: Mapping[str, Mapping[str, Any]], base: str, schema: Schema, components: Mapping[str, Schema]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls one segment below `base`, by the names of their operations."""
    given = [each[1:-1] for each in base.split("/") if each.startswith("{")]
    for path, operations in paths.items():
        first, _, rest = path.removeprefix(f"{base}/").partition("/")
        if not path.startswith(f"{base}/{{") or "{" in rest:
            continue
        parameter = first[1:-1]
        place = _place(schema, "name" if parameter in _NAMED else "id", components)
        if place is None:
            continue
        parameters = {name: f"$request.path.{name}" for name in given} | {parameter: f"$response.body#{place}"}
        for operation in operations.values():
            if operation["operationId"] in _KEEPING:
                continue
            yield operation["operationId"], {"operationId": operation["operationId"], "parameters": parameters}


def _place(schema: Schema, member: str, components: Mapping[str, Schema]) -> str | None:
    """The JSON pointer to `member` of what an answer shows: of the thing itself, or of the first in a list."""
    found = _resolved(schema, components).get("properties", {})
    if member in found:
        return f"/{member}"
    items = _resolved(found.get("data", {}), components).get("items", {})
    return f"/data/0/{member}" if member in _resolved(items, components).get("properties", {}) else None


def _resolved(schema: Schema, components: Mapping[str, Schema]) -> Schema:
    """A schema or the component that it is; of several that may be answered, the first."""
    for option in (schema, *schema.get("anyOf", ())):
        if "$ref" in option:
            return components[str(option["$ref"]).rpartition("/")[2]]
    return schema
