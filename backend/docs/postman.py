"""The API as a Postman collection, version 2.1, made from its OpenAPI document. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


def collection(schema: Mapping[str, Any], *, base_url: str) -> dict[str, Any]:
    """A folder for each tag, a request for each call with its example. The key is a variable that is empty at first."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for path, operations in schema["paths"].items():
        for method in _METHODS:
            if (operation := operations.get(method)) is not None:
                folders.setdefault(operation["tags"][0], []).append(_item(path, method, operation))
    told = {tag["name"]: tag.get("description", "") for tag in schema.get("tags", ())}
    return {
        "info": {
            "name": f"{schema['info']['title']} API",
            "description": f"{schema['info']['description']}\nSet the variable `apiKey` to a key of yours.",
            "version": schema["info"]["version"],
            "schema": SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{apiKey}}", "type": "string"}]},
        "variable": [
            {"key": "baseUrl", "value": base_url.rstrip("/"), "type": "string"},
            {"key": "apiKey", "value": "", "type": "string"},
        ],
        "item": [{"name": name, "description": told.get(name, ""), "item": items} for name, items in folders.items()],
    }


def _item(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", [])
    request: dict[str, Any] = {
        "method": method.upper(),
        "description": operation["description"],
        "header": [_named(each) for each in parameters if each["in"] == "header"],
        "url": _url(path, parameters),
    }
    if not operation["security"]:
        request["auth"] = {"type": "noauth"}
    contents = operation.get("requestBody", {}).get("content", {})
    if (content := contents.get(_JSON)) is not None:
        raw = orjson.dumps(content.get("example", {}), option=orjson.OPT_INDENT_2).decode()
        request["header"] = [{"key": "Content-Type", "value": _JSON}, *request["header"]]
        request["body"] = {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}
    elif (form := contents.get(_FORM)) is not None:
        request["body"] = {"mode": "urlencoded", "urlencoded": list(_fields(form))}
    return {"name": operation["summary"], "request": request, "response": []}


def _fields(form: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The fields of a form; those that the example leaves out are there, switched off."""
    sent = form["example"]
    for key, field in form["schema"]["properties"].items():
        yield {"key": key, "value": sent.get(key, ""), "description": field.get("description", ""), "disabled": key not in sent}


def _url(path: str, parameters: list[Mapping[str, Any]]) -> dict[str, Any]:
    parts = re.sub(r"{(\w+)}", r":\1", path).strip("/").split("/")
    return {
        "raw": "{{baseUrl}}/" + "/".join(parts),
        "host": ["{{baseUrl}}"],
        "path": parts,
        "query": [_named(each) for each in parameters if each["in"] == "query"],
        "variable": [_value(each) for each in parameters if each["in"] == "path"],
    }


def _value(parameter: Mapping[str, Any]) -> dict[str, Any]:
    example = parameter.get("example", next(iter(parameter["schema"].get("examples", ())), ""))
    text = example if isinstance(example, str) else orjson.dumps(example).decode()
    return {"key": parameter["name"], "value": text, "description": parameter.get("description", "")}


def _named(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that may be left out is there, but off."""
    return {**_value(parameter), "disabled": not parameter.get("required", False)}
