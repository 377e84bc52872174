"""The OpenAPI document: what FastAPI knows, with how to authenticate, which scope each call needs, and our own errors."""

from __future__ import annotations

from typing import Any, Final, cast

from fastapi import FastAPI

from backend.api_keys import scopes
from backend.core import problems, web

_SCHEMES: Final = {
    "bearer": {
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
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "examples": [422]},
        "detail": {"type": "string", "description": "What happened and what to do."},
        "instance": {"type": "string", "description": "The path that was called."},
        "code": {"type": "string", "examples": ["invalid"]},
        "request_id": {"type": "string"},
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
_UNUSED: Final = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> None:
    """Let `app` describe itself in this way."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(plain())
        return app.openapi_schema

    app.openapi = document


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    components = cast("dict[str, Any]", schema.setdefault("components", {}))
    components["securitySchemes"] = {**_SCHEMES, _OAUTH: _CLIENT_CREDENTIALS}
    schemas = cast("dict[str, Any]", components.setdefault("schemas", {}))
    schemas["Problem"] = _PROBLEM
    for name in _UNUSED:
        schemas.pop(name, None)
    for path in cast("dict[str, dict[str, Any]]", schema["paths"]).values():
        for operation in path.values():
            _operation(operation)
    return schema


def _operation(operation: dict[str, Any]) -> None:
    permission = operation.pop(web.PERMISSION_KEY, None)
    if permission is None or permission["name"] == web.PUBLIC.name:
        operation["security"] = []
    else:
        operation["security"] = [{name: []} for name in _SCHEMES]
        if permission.get("scope"):
            operation["x-scope"] = permission["scope"]
            operation["security"] += [{_OAUTH: [permission["scope"]]}]
        operation["x-least-role"] = permission["role"]
    responses = cast("dict[str, Any]", operation["responses"])
    responses.pop("422", None)
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if "4XX" not in responses:  # one that answers in a form of its own says so
        responses["4XX"] = {"description": "Refused: the body says what happened and what to do.", "content": content}
    responses["5XX"] = {"description": "Failed on our side; nothing was changed.", "content": content}
