"""Fills templates of the catalogue and finds its paths in answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from backend.core import texts
from backend.core.egress_calls import Request
from backend.integrations.entry import Call

_VARIABLE: Final = re.compile(r"\{([a-z][a-z0-9_]*)(?:\|([^{}]*))?\}")
_INJECTING: Final = re.compile(r"[\x00-\x1f\x7f]")
_ONLY_WITH: Final = "$if"  # a member of an object that is left out where that variable is not known, or emptied
EMPTY: Final = "\ue000"  # the value that takes one away


class Unknown(Exception):
    """A template needs a value that is not known."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not known. Fill it in, or connect again.")
        self.name = name


def fill(template: str, values: Mapping[str, Any]) -> str:
    """The text with every `{name}` replaced. Raises `Unknown`."""

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        if found is None or found == "":
            if match[2] is None:
                raise Unknown(match[1])
            return match[2]
        return str(found)

    return _VARIABLE.sub(value, template)


def optional(template: str, values: Mapping[str, Any]) -> str | None:
    """The same; None where a value is not known."""
    try:
        return fill(template, values)
    except Unknown:
        return None


def fill_all(templates: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
    """Every member that can be filled."""
    pairs = ((name, optional(template, values)) for name, template in templates.items())
    return {name: value for name, value in pairs if value is not None}


def fill_document(document: Any, values: Mapping[str, Any]) -> Any:
    """A JSON document whose texts are templates. A text that is one variable becomes that value as it is; what is not known is left out.

    An object with the member `$if` is left out where the variable that it names is not known, or is `EMPTY`.
    """
    if isinstance(document, str):
        whole = _VARIABLE.fullmatch(document)
        if whole is not None and whole[2] is None:
            return values.get(whole[1])
        return optional(document, values)
    if isinstance(document, dict):
        if values.get(needed := cast("dict[str, Any]", document).get(_ONLY_WITH, "")) in (None, "", EMPTY) and needed:
            return None
        told = ((name, each) for name, each in cast("dict[str, Any]", document).items() if name != _ONLY_WITH)
        members = ((name, fill_document(each, values)) for name, each in told)
        return {name: each for name, each in members if each is not None}
    if isinstance(document, list | tuple):
        filled = (fill_document(each, values) for each in cast("Sequence[Any]", document))
        return [each for each in filled if each is not None]
    return document


def emptied(document: Any, instead: Any) -> Any:
    """The document with `instead` for every `EMPTY`."""
    if isinstance(document, dict):
        return {name: emptied(each, instead) for name, each in cast("dict[str, Any]", document).items()}
    if isinstance(document, list):
        return [emptied(each, instead) for each in cast("list[Any]", document)]
    return instead if document == EMPTY else document


def variables(template: str) -> set[str]:
    """Every variable that one template names, those with a default too."""
    return {match[1] for match in _VARIABLE.finditer(template)}


def names(document: Any) -> set[str]:
    """Every variable that the templates of a document name, those with a default left out."""
    if isinstance(document, str):
        return {match[1] for match in _VARIABLE.finditer(document) if match[2] is None}
    if isinstance(document, dict):
        return {name for each in cast("dict[str, Any]", document).values() for name in names(each)}
    if isinstance(document, list | tuple):
        return {name for each in cast("Sequence[Any]", document) for name in names(each)}
    return set()


def request(call: Call, values: Mapping[str, Any], *, url: str | None = None) -> Request:
    """The call as it is sent; `url` instead of its own address. Raises `Unknown` for an address that cannot be filled."""
    headers = {name: _INJECTING.sub("", value) for name, value in fill_all(call.headers, values).items()}
    basic = (fill(call.basic[0], values), fill(call.basic[1], values)) if call.basic is not None else None
    return Request(
        method=call.method,
        url=url or fill(call.url, values),
        query=fill_all(call.query, values),
        headers=headers,
        basic=basic,
        form=fill_all(call.form, values) if call.form is not None else None,
        json=fill_document(call.json_body, values) if call.json_body is not None else None,
    )


def dig(document: Any, path: str) -> Any:
    """What is at `path` (`a.b.0`; the whole document for an empty one); None if nothing is."""
    return next(dig_all(document, path), None)


def dig_first(document: Any, paths: Sequence[str]) -> str:
    """The first of these that leads to a text or number, as text; empty if none does."""
    for path in paths:
        found = dig(document, path)
        if isinstance(found, str | int | float) and not isinstance(found, bool) and found != "":
            return texts.storable(str(found))
    return ""


def dig_all(document: Any, path: str) -> Iterator[Any]:
    """Everything at `path`, in which `*` stands for each member of a list or object."""
    if not path:
        if document is not None:
            yield document
        return
    step, _, rest = path.partition(".")
    if step == "*":
        members: Sequence[Any] = tuple(cast("dict[str, Any]", document).values()) if isinstance(document, dict) else ()
        for member in cast("list[Any]", document) if isinstance(document, list) else members:
            yield from dig_all(member, rest)
    elif isinstance(document, dict):
        yield from dig_all(cast("dict[str, Any]", document).get(step.replace("~", ".")), rest)
    elif isinstance(document, list) and step.isdigit() and int(step) < len(cast("list[Any]", document)):
        yield from dig_all(document[int(step)], rest)
