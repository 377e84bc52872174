"""Templates of a workspace: listed, and installed in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import Session

from backend.core import permissions, texts
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid, NotFound
from backend.incoming import service as incoming
from backend.incoming.inputs import nearest
from backend.records import definition, modules
from backend.routing import service as routes
from backend.routing.values import Capable
from backend.templates import catalogue
from backend.templates.catalogue import Input, Template

MAX_TEXT: Final = 400
_NUMBERS: Final = frozenset({"least"})


@dataclass(frozen=True, slots=True)
class Offered:
    """A template, and the integrations of which each would do, by the name of the input."""

    template: Template
    integrations: Mapping[str, list[Capable]]


@dataclass(frozen=True, slots=True)
class Made:
    """Something that was made: `path` is its call in the API, `page` its page in the console."""

    kind: str  # module | incoming_webhook | route
    id: str
    name: str
    path: str
    page: str


@dataclass(frozen=True, slots=True)
class Secret:
    """Something that is shown this once."""

    id: str
    name: str
    url: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Installed:
    """What installing a template made, in order, and what is shown once."""

    template: Template
    made: tuple[Made, ...]
    secrets: tuple[Secret, ...] = ()


def list_templates(session: Session, *, actor: Actor) -> list[Offered]:
    """All templates, each with the integrations that would do."""
    permissions.require(actor, permissions.INTEGRATIONS_READ)
    found = routes.capable(session, actor=actor)
    return [
        Offered(one, {each.name: _fitting(found, each) for each in one.inputs if each.kind == "integration"})
        for one in catalogue.TEMPLATES.values()
    ]


def install(session: Session, *, actor: Actor, name: str, inputs: Mapping[str, Any]) -> Installed:
    """Make everything of a template, or nothing. Raises `NotFound`, `Invalid` with every input that is wrong, `Forbidden`."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    template = catalogue.TEMPLATES.get(name)
    if template is None:
        raise NotFound(f"There is no template {name[:60]!r}. GET /api/v1/templates lists them.")
    values = _checked(session, actor, template, inputs)
    made = [*_modules(session, actor, template)]
    secrets: list[Secret] = []
    if template.incoming is not None:
        row, token = incoming.create(session, actor=actor, values=_incoming(session, actor, template, values))
        path = f"/api/v1/incoming-webhooks/{row.id}"
        made.append(Made("incoming_webhook", row.id, row.name, path, f"/settings/incoming/{row.id}"))
        secrets.append(Secret(row.id, row.name, incoming.url(token), token))
    for document in template.routes:
        route = routes.create(session, actor=actor, values=_numbered(catalogue.filled(document, values)), template=template.name).route
        made.append(Made("route", route.id, route.name, f"/api/v1/routes/{route.id}", f"/settings/routes/{route.id}"))
    return Installed(template, tuple(made), tuple(secrets))


def _fitting(found: list[Capable], wanted: Input) -> list[Capable]:
    return [each for each in found if any(action.call == wanted.call for action in each.actions)]


def _checked(session: Session, actor: Actor, template: Template, given: Mapping[str, Any]) -> dict[str, str]:
    """What was entered, and what stands where nothing was. Raises `Invalid`."""
    known = {each.name for each in template.inputs}
    errors = [
        FieldError(f"inputs.{name[:60]}", "is nothing that this template asks for.", nearest(name[:60], sorted(known)))
        for name in given
        if name not in known
    ]
    offered = {each.integration.id: each for each in routes.capable(session, actor=actor)}
    values: dict[str, str] = {}
    for one in template.inputs:
        value = given.get(one.name)
        shown = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
        values[one.name] = shown or one.default
        errors += _mistakes(one, value, values[one.name], offered)
    if errors:
        raise Invalid(*(FieldError(texts.storable(each.path), texts.storable(each.message), each.fix) for each in errors))
    return values


def _mistakes(one: Input, given: Any, value: str, offered: Mapping[str, Capable]) -> list[FieldError]:
    path = f"inputs.{one.name}"
    if given is not None and (isinstance(given, bool | list | dict) or len(value) > MAX_TEXT or not value.isprintable()):
        return [FieldError(path, "is no text that can be used.", f"Send a text of at most {MAX_TEXT} characters on one line.")]
    if not value:
        return [FieldError(path, "is missing.", one.help or f"Send {one.label.lower()}.")] if one.required else []
    if one.name in _NUMBERS and not value.replace(".", "", 1).isdecimal():
        return [FieldError(path, f"{value[:40]!r} is no number.", "Send a number such as 100.")]
    if one.kind != "integration":
        return []
    found = offered.get(value)
    if found is not None and any(action.call == one.call for action in found.actions):
        return []
    fitting = [each.integration.id for each in _fitting(list(offered.values()), one)]
    fix = f"Use one of {', '.join(fitting[:8])}." if fitting else "Connect one first: POST /api/v1/integrations."
    return [FieldError(path, f"{value[:60]!r} is no integration of this workspace that can do it.", fix)]


def _modules(session: Session, actor: Actor, template: Template) -> list[Made]:
    """The modules that had to be made; where there is one of that name it stays as it is."""
    if not template.module:
        return []
    try:
        modules.get(session, actor=actor, name=template.module)
    except NotFound:
        done = modules.install(session, actor=actor, name=template.starter)
        session.flush()
        return [Made("module", name, name, f"/api/v1/modules/{name}", f"/records/{name}") for name in done.made]
    return []


def _incoming(session: Session, actor: Actor, template: Template, values: Mapping[str, str]) -> dict[str, Any]:
    """The values of the incoming webhook; fields that the workspace's own module does not have are not mapped."""
    made: dict[str, Any] = catalogue.filled(template.incoming, values)
    if template.module:
        there = {each.name for each in definition.from_row(modules.get(session, actor=actor, name=template.module)).fields}
        made["field_mapping"] = [rule for rule in made["field_mapping"] if rule["target"] in there]
    return made


def _numbered(values: dict[str, Any]) -> dict[str, Any]:
    """A total to compare with is a number."""
    condition = values.get("filter")
    if condition and condition.get("op") == "gte":
        values["filter"] = {**condition, "value": float(condition["value"])}
    return values
