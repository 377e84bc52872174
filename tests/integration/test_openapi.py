"""The OpenAPI document says what is true: security and scope of every call, examples that fit, our own errors, good names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from backend import app as application
from backend.core import web
from backend.core.web import RouteEntry

METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"


@pytest.fixture
def app(redis: object) -> FastAPI:  # noqa: ARG001 - what the settings name
    """The application behind the gateway."""
    return application.create_app()._app  # type: ignore[return-value] - the gateway wraps it


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every call."""
    for path, found in schema["paths"].items():
        for method, operation in found.items():
            yield method, path, operation


def entries() -> dict[tuple[str, str], RouteEntry]:
    known = [*application.operations(), RouteEntry("POST", "/oauth/token", web.PUBLIC)]
    return {(entry.method.lower(), entry.path): entry for entry in known}


def test_every_call_says_how_to_authenticate_and_what_it_needs(app: FastAPI) -> None:
    known = entries()
    described = {(method, path): operation for method, path, operation in operations(app.openapi())}
    assert described.keys() == known.keys()
    offered = app.openapi()["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]["scopes"]
    for place, operation in described.items():
        permission = known[place].permission
        assert permission is not None
        if permission is web.PUBLIC:
            assert operation["security"] == [], place
        else:
            by_key = [{"apiKey": []}] if permission.scope or permission is web.AUTHENTICATED else []
            by_oauth = [{"oauth2": [permission.scope]}] if permission.scope else []
            assert operation["security"] == [{"bearer": []}, *by_key, *by_oauth], place
            assert operation.get("x-users-only", False) == (not by_key)
            assert operation.get("x-scope-resource") == permission.resource
            assert not permission.scope or permission.scope in offered
            assert operation.get("x-scope") == permission.scope
            assert operation["x-least-role"] == permission.role


def test_every_call_has_a_summary_a_description_examples_and_its_refusals(app: FastAPI) -> None:
    schema = app.openapi()
    lacks: list[str] = []
    for method, path, operation in operations(schema):
        lacks += [f"{method.upper()} {path}: {what}" for what in _lacking(method, path, operation)]
    assert not lacks, "\n".join(lacks)
    assert {tag["name"] for tag in schema["tags"] if tag["description"]} == {tag["name"] for tag in schema["tags"]}
    assert "HTTPValidationError" not in schema["components"]["schemas"]


def _lacking(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    if not operation.get("summary") or operation["summary"].endswith("."):
        yield "a summary, a few words without a full stop"
    elif re.search(r"\ban? (\w+ )?\w+(?<!statu)s$", operation["summary"].removesuffix(" (PUT)")):
        yield f"one thing or several in {operation['summary']!r}"
    if not operation.get("description", "").endswith((".", "`.")):
        yield "a description in sentences"
    yield from _lacking_examples(operation)
    answers = operation["responses"]
    if answers["4XX"]["content"].keys() != {"application/problem+json"}:  # it refuses in a form of its own
        return
    wanted = {"429", "4XX", "5XX"} | ({"404"} if "{" in path else set()) | ({"401", "403"} if operation["security"] else set())
    wanted |= {"400", "413", "415", "422"} if "requestBody" in operation else set()
    wanted |= {"409"} if operation["security"] and method != "get" else set()
    if missing := wanted - answers.keys():
        yield f"the refusals {sorted(missing)}"


def _lacking_examples(operation: dict[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        if not parameter.get("description"):
            yield f"a description of the parameter {parameter['name']}"
        if "example" not in parameter and not parameter["schema"].get("examples"):
            yield f"an example of the parameter {parameter['name']}"
    if not all("example" in content for content in operation.get("requestBody", {}).get("content", {}).values()):
        yield "an example of its body"
    for status, answer in operation["responses"].items():
        if status.startswith("2") and JSON in answer.get("content", {}) and "example" not in answer["content"][JSON]:
            yield f"an example of its answer {status}"


def test_every_refusal_has_the_body_that_the_application_writes(app: FastAPI) -> None:
    for status, found in ((each["content"]["application/problem+json"]["example"]["status"], each) for each in _refusals(app)):
        body = found["content"]["application/problem+json"]["example"]
        assert body["statusCode"] == status
        assert body["detail"].endswith((".", "`."))
        assert status == 429 or body["type"].endswith(f"/api/docs/guides/errors#{body['code']}")


def _refusals(app: FastAPI) -> list[dict[str, Any]]:
    found = list(app.openapi()["components"]["responses"].values())
    assert len(found) >= 9
    return found


def test_every_example_is_what_the_call_takes_and_answers(app: FastAPI) -> None:
    """By the models of the routes themselves, which are stricter than their schemas."""
    described = {operation["operationId"]: operation for _, _, operation in operations(app.openapi())}
    checked = 0
    for route in _routes():
        operation = described[application._operation_id(route)]
        body = inspect.signature(route.endpoint, eval_str=True).parameters.get("body")
        if JSON in operation.get("requestBody", {}).get("content", {}) and body is not None:
            TypeAdapter(body.annotation).validate_python(operation["requestBody"]["content"][JSON]["example"])
            checked += 1
        answer = operation["responses"].get(str(route.status_code or 200), {}).get("content", {}).get(JSON)
        if answer is not None and route.response_model is not None:
            TypeAdapter(route.response_model).validate_python(answer["example"])
            checked += 1
    assert checked > 90


def _routes() -> Iterator[APIRoute]:
    for router in application.ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield route


def test_operation_ids_make_names_of_methods(app: FastAPI) -> None:
    names = [operation["operationId"] for _, _, operation in operations(app.openapi())]
    assert len(names) == len(set(names))
    verbs = {name.partition("_")[0] for name in names}
    for name in names:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name), name
        assert len(name) <= 32, name
    assert "put" in verbs
    assert not [name for name in names if name.startswith("put_update")]


def test_what_was_made_or_is_listed_leads_to_the_calls_on_it(app: FastAPI) -> None:
    schema = app.openapi()
    known = {operation["operationId"]: (path, operation) for _, path, operation in operations(schema)}
    links = {
        (operation["operationId"], name): link
        for _, _, operation in operations(schema)
        for answer in operation["responses"].values()
        for name, link in answer.get("links", {}).items()
    }
    for (_, name), link in links.items():
        path, _ = known[name]
        assert set(re.findall(r"{(\w+)}", path)) == link["parameters"].keys()
    assert links["create_webhook", "read_webhook"]["parameters"] == {"webhook_id": "$response.body#/id"}
    assert links["register_webhook", "delete_webhook"]["parameters"] == {"webhook_id": "$response.body#/id"}
    assert links["list_deliveries", "retry_delivery"]["parameters"] == {"delivery_id": "$response.body#/data/0/id"}
    assert links["create_module", "delete_module"]["parameters"] == {"module": "$response.body#/name"}
    created = links["create_record", "read_record"]["parameters"]
    assert created == {"module": "$request.path.module", "record_id": "$response.body#/id"}
    made = {operation["operationId"] for method, _, operation in operations(schema) if method == "post" and "201" in operation["responses"]}
    made -= {"receive_request"}  # what it makes is a record of any module, or an order
    assert made <= {name for name, _ in links}
