"""Scopes: which exist, how they are written, what each covers, and who may hand them on. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from typing import Final

from backend.core.actor import Actor, ActorKind, Role
from backend.core.errors import FieldError, Invalid

ACTIONS: Final = ("read", "write", "delete", "manage")
RESOURCES: Final = (
    "records",
    "modules",
    "orders",
    "events",
    "webhooks",
    "incoming",
    "integrations",
    "api_keys",
    "logs",
    "metrics",
    "analytics",
    "forms",
    "gl",
    "workflow",
)
# Records that older clients address by name, whether a module of that name is installed or not.
RECORD_NAMES: Final = ("contacts", "leads", "opportunities", "tasks", "tickets", "posts", "invoices", "forms")
SHORT_FORMS: Final = ("read", "write", "delete")

_VERBS: Final = {
    "read": "see",
    "write": "create and change",
    "delete": "delete",
    "manage": "do everything with",
}
_NOUNS: Final = {
    "records": "records of every module",
    "incoming": "incoming webhooks",
    "api_keys": "API keys",
    "logs": "logs",
    "gl": "general ledger entries",
    "workflow": "workflows",
}


def parse(texts: Iterable[str], modules: Collection[str] = ()) -> frozenset[str]:
    """The scopes that `texts` name, as `resource:action`; names of `modules` are resources too.

    `read`, `write` and `delete` alone mean the same on `records`; the older form `read_contacts` is `contacts:read`.
    Raises `Invalid` with one error for each text that is no scope, naming the nearest that is.
    """
    resources = {*RESOURCES, *RECORD_NAMES, *modules}
    found: set[str] = set()
    errors: list[FieldError] = []
    for index, text in enumerate(texts):
        scope = _canonical(text)
        if scope is not None and scope.partition(":")[0] in resources:
            found.add(scope)
        else:
            errors.append(FieldError(f"scopes[{index}]", *_explain(text, resources)))
    if errors:
        raise Invalid(*errors)
    return frozenset(found)


def covers(held: Collection[str], scope: str) -> bool:
    """Whether holding `held` includes `scope`: itself, `manage` of its resource, or the same on all records."""
    resource, _, action = scope.partition(":")
    if scope in held or f"{resource}:manage" in held:
        return True
    return resource not in RESOURCES and (f"records:{action}" in held or "records:manage" in held)


def grantable(actor: Actor, scopes: Iterable[str]) -> frozenset[str]:
    """Those of `scopes` that `actor` may put on a key: a key never more than it holds itself, users from admin on all."""
    if actor.kind is ActorKind.SYSTEM:
        return frozenset(scopes)
    if actor.kind is ActorKind.USER:
        may = actor.role is not None and actor.role.rank >= Role.ADMIN.rank
        return frozenset(scopes) if may else frozenset()
    return frozenset(scope for scope in scopes if covers(actor.scopes, scope))


def label(scope: str) -> str:
    """What a scope allows, in words for a picker: `webhooks:read` is "see webhooks"."""
    resource, _, action = scope.partition(":")
    return f"{_VERBS.get(action, action)} {_NOUNS.get(resource, resource.replace('_', ' '))}"


def _canonical(text: str) -> str | None:
    """`text` as `resource:action` if it has the form of a scope."""
    if text in SHORT_FORMS:
        return f"records:{text}"
    resource, colon, action = text.partition(":")
    if not colon:
        action, _, resource = text.partition("_")
    return f"{resource}:{action}" if resource and action in ACTIONS else None


def _explain(text: str, resources: Collection[str]) -> tuple[str, str]:
    resource, colon, action = text.partition(":")
    if colon and resource in resources:
        return f"{text!r} has no action that exists.", f"Use {resource} with one of {', '.join(ACTIONS)}."
    if colon:
        near = _nearest(resource, resources)
        kept = action if action in ACTIONS else "read"
        return f"{text!r} names a resource that does not exist.", f"Did you mean {near}:{kept}?"
    near = _nearest(text, {*SHORT_FORMS, *(f"{name}:{action}" for name in resources for action in ACTIONS)})
    return f"{text!r} is not a scope.", f"Write it as resource:action. Did you mean {near}?"


def _nearest(text: str, words: Collection[str]) -> str:
    return difflib.get_close_matches(text.lower(), sorted(words), n=1, cutoff=0.0)[0]
