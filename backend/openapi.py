"""The OpenAPI document: what FastAPI knows, with how to authenticate, which scope each call needs, examples, and our own errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Final, cast

from fastapi import FastAPI

from backend.api_keys import scopes
from backend.core import problems, web
from backend.docs import examples, links, names, refusals, words
from backend.incoming import answers
from backend.settings import settings

_BEARER: Final = "bearer"
_SCHEMES: Final = {
    _BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`xdk_…`), or the access token of a user from `POST /api/v1/auth/token`.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
_OAUTH: Final = "oauth2"
_CLIENT_CREDENTIALS: Final = {
    "type": "oauth2",
    "description": "An access token of an API key: client id is the key's id, client secret the key.",
    "flows": {
        "clientCredentials": {
            "tokenUrl": "/oauth/token",
            "scopes": {
                f"{resource}:{action}": scopes.label(f"{resource}:{action}") for resource in scopes.RESOURCES for action in scopes.ACTIONS
            },
        }
    },
}
_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id", "statusCode", "message"],
    "properties": {
        "type": {"type": "string", "description": "Where this kind of problem is explained."},
        "title": {"type": "string"},
        "status": {"type": "integer", "examples": [422]},
        "detail": {"type": "string", "description": "What happened and what to do."},
        "instance": {"type": "string", "description": "The path that was called."},
        "code": {"type": "string", "examples": ["invalid"]},
        "request_id": {"type": "string", "description": "The call in the log; of what an incoming webhook stored, the stored request."},
        "trace_id": {"type": "string", "description": "The call, where `request_id` is that of a stored request."},
        "statusCode": {"type": "integer"},
        "message": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "Every field that is wrong.",
            "items": {
                "type": "object",
                "required": ["path", "message", "fix"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}, "fix": {"type": "string"}},
            },
        },
        "requiredScopes": {"type": "array", "items": {"type": "string"}, "description": "On 403: scopes of which each would do."},
        "retryAfter": {"type": "integer", "description": "On 429, 503 and 409 while running: seconds to wait."},
    },
}
_HEADERS: Final = {
    "X-Request-Id": {"description": "Names this request in the log.", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {"description": "Requests that the tightest window allows.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "How many of them are left.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "When the window ends.", "schema": {"type": "string", "format": "date-time"}},
}
_SUCCESS: Final = {"200": "OK", "201": "Made.", "202": "Accepted; it is done soon.", "204": "Done; there is no body."}
_PROBLEMS: Final = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_UNUSED: Final = ("HTTPValidationError", "ValidationError")
_JSON: Final = "application/json"


def describe(app: FastAPI) -> None:
    """Let `app` describe itself in this way."""
    plain, making = app.openapi, threading.Lock()

    def document() -> dict[str, Any]:
        with making:
            if app.openapi_schema is None:
                app.openapi_schema = _complete(plain())
            return app.openapi_schema

    app.openapi = document


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    components = cast("dict[str, Any]", schema.setdefault("components", {}))
    components["securitySchemes"] = {**_SCHEMES, _OAUTH: _CLIENT_CREDENTIALS}
    components["headers"] = _HEADERS
    components["responses"] = refusals.responses() | answers.refusals()
    schemas = cast("dict[str, Any]", components.setdefault("schemas", {}))
    schemas["Problem"] = _PROBLEM
    for name in _UNUSED:
        schemas.pop(name, None)
    names.shorten(schemas, schema)
    schema["externalDocs"] = {"url": f"{settings().public_url}/api/docs/guides/authentication", "description": "Guides"}
    used: dict[str, None] = {}
    for path, operations in cast("dict[str, dict[str, Any]]", schema["paths"]).items():
        for method, operation in operations.items():
            _operation(path, method, operation, schemas)
            used.update(dict.fromkeys(operation["tags"]))
    links.add(schema["paths"], schemas)
    schema["tags"] = [{"name": tag, "description": words.TAGS.get(tag, "")} for tag in used]
    return schema


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    permission = cast("dict[str, Any]", operation.pop(web.PERMISSION_KEY, None) or {"name": web.PUBLIC.name})
    is_public = permission["name"] == web.PUBLIC.name
    operation.setdefault("tags", ["other"])
    operation["summary"] = words.summary(operation["operationId"], operation["tags"][0])
    operation["security"] = [] if is_public else _needed(operation, permission)
    for parameter in operation.get("parameters", ()):
        _parameter(parameter, operation["operationId"])
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content.setdefault("example", examples.of_request(content["schema"], schemas))
        if method in {"put", "patch"}:
            _leave_out_defaults(schemas.get(content["schema"].get("$ref", "").rpartition("/")[2], {}))
    responses = cast("dict[str, Any]", operation["responses"])
    if _JSON in responses.get("422", {}).get("content", {}):
        del responses["422"]  # the framework's own form of it
    for status, response in responses.items():
        if "$ref" in response:  # a component says all of it
            responses[status] = {"$ref": response["$ref"]}
        else:
            _answer(status, response, schemas)
    if "4XX" in responses:  # one that refuses in a form of its own says so; at the door it is refused like every other
        responses["4XX"]["content"] |= _PROBLEMS
    else:
        for status in _refused(path, method, operation, is_public=is_public):
            responses.setdefault(status, {"$ref": f"#/components/responses/{refusals.NAMES[status]}"})
        responses["4XX"] = {"description": "Refused: the body says what happened and what to do.", "content": _PROBLEMS}
    responses["5XX"] = {"description": "Failed on our side; nothing was changed.", "content": _PROBLEMS}


def _leave_out_defaults(schema: dict[str, Any]) -> None:
    """Of a change only what is sent changes; a generated client would send every default with it."""
    for member in schema.get("properties", {}).values():
        member.pop("default", None)


def _needed(operation: dict[str, Any], permission: dict[str, Any]) -> list[dict[str, list[str]]]:
    """How to authenticate; and say in `operation` who may call it.

    `x-least-role` is a user's. Of keys, those with `x-scope` may, or with the same action on the resource that the path parameter
    `x-scope-resource` names; every key if neither is given, none under `x-users-only`.
    """
    operation["x-least-role"] = permission["role"]
    scope = permission.get("scope")
    if scope is None and permission["name"] != web.AUTHENTICATED.name:
        operation["x-users-only"] = True
        return [{_BEARER: []}]
    by_key: list[dict[str, list[str]]] = [{name: []} for name in _SCHEMES]
    if scope is None:
        return by_key
    operation["x-scope"] = scope
    if permission.get("resource"):
        operation["x-scope-resource"] = permission["resource"]
    return [*by_key, {_OAUTH: [scope]}]


def _parameter(parameter: dict[str, Any], operation_id: str) -> None:
    """Say what a parameter is, with a value: of one that may be left out as the schema's, so that nobody sends it unasked."""
    name, inner = parameter["name"], parameter["schema"]
    told, value = words.PARAMETERS.get(name, ("", None))
    if name == "status":
        value = words.STATUSES.get(operation_id, value)
    described = parameter.get("description") or inner.get("description") or told
    if described:
        parameter["description"] = described
    shown = inner.get("examples") or ([parameter["example"]] if "example" in parameter else [] if value is None else [value])
    parameter.pop("example", None)
    if not shown:
        return
    if parameter.get("required"):
        parameter["example"] = shown[0]
    else:
        inner["examples"] = shown


def _answer(status: str, response: dict[str, Any], schemas: dict[str, Any]) -> None:
    if response.get("description") in (None, "", "Successful Response"):
        response["description"] = _SUCCESS.get(status, "OK")
    response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS} | response.get("headers", {})
    if (content := response.get("content", {}).get(_JSON)) is not None:
        content.setdefault("example", examples.of_answer(content.get("schema", {}), schemas))


def _refused(path: str, method: str, operation: dict[str, Any], *, is_public: bool) -> Iterator[str]:
    """The refusals that a call knows by themselves; the rest is in `4XX`."""
    has_body = "requestBody" in operation
    if has_body:
        yield from ("400", "413", "415")
    if not is_public or "/auth/" in path:
        yield "401"
    if not is_public:
        yield "403"
    if "{" in path:
        yield "404"
    if not is_public and method != "get":
        yield "409"
    if has_body or any(each["in"] == "query" for each in operation.get("parameters", ())):
        yield "422"
    yield "429"
