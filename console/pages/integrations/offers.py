"""What the browser is told of the catalogue: tiles, and the forms that are generated from an entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from backend.integrations import connection, fields, plans
from backend.integrations.entry import CATEGORIES, Auth, Entry, FormField
from backend.integrations.service import Offered
from backend.models import Integration
from console.pages.integrations.rows import ScopeRow, mark

_ADDRESSES: Final = {
    "authorization_url": "Authorization endpoint",
    "token_url": "Token endpoint",
    "revocation_url": "Revocation endpoint",
    "test_url": "Address of the test",
    "sync_url": "Address of the sync",
}
_CLIENT: Final = frozenset({"client_id", "client_secret"})
_DOES: Final = {
    "message": "send messages",
    "event": "make calendar events",
    "list": "list mail",
    "read": "read a mail",
    "send": "send mail",
}
_SURE: Final = {
    "checked": "checked against the provider's own documentation",
    "documented": "as the provider documents it",
    "reported": "as others report it",
    "unknown": "not known for certain",
}


@dataclass
class TileRow:
    """A provider in the gallery. `is_ready`: one press connects it, nothing need be entered."""

    id: str
    name: str
    mark: str
    about: str
    is_there: bool
    is_ready: bool


@dataclass
class TileGroup:
    """The providers of a category."""

    name: str
    tiles: list[TileRow] = field(default_factory=list)


@dataclass
class FieldRow:
    """One control of a generated form; `kind` is text, secret or choice, `hint` the dots of what is stored."""

    name: str
    label: str
    about: str
    kind: str
    example: str = ""
    value: str = ""
    hint: str = ""
    is_required: bool = False
    options: list[str] = field(default_factory=list)


@dataclass
class OfferDetail:
    """A provider on its own page, with the way to authenticate that was chosen."""

    id: str = ""
    name: str = ""
    mark: str = ""
    about: str = ""
    docs: str = ""
    way: str = ""
    setup: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sure: list[list[str]] = field(default_factory=list)
    signs_in: bool = False
    can_test: bool = False
    is_custom: bool = False
    redirect_uri: str = ""
    brings: str = ""
    brings_nothing: str = ""
    does: str = ""


def category_name(category: str) -> str:
    """A category as a heading."""
    return "CRM" if category == "crm" else category.capitalize()


def groups(offered: list[Offered], wanted: str, connected: set[str]) -> list[TileGroup]:
    """The providers under the first of their categories, or under the one that is wanted; of which some are `connected`."""
    found: dict[str, TileGroup] = {}
    for each in offered:
        category = wanted or each.entry.categories[0]
        found.setdefault(category, TileGroup(category_name(category))).tiles.append(_tile(each, is_there=each.entry.id in connected))
    return [found[name] for name in sorted(found, key=CATEGORIES.index)]


def is_ready(entry: Entry, *, has_client: bool) -> bool:
    """Whether the first way to authenticate asks for nothing but a sign-in."""
    auth = entry.auth[0]
    return signs_in(auth) and has_client and not any(each.required and each.name not in _CLIENT for each in auth.fields)


def signs_in(auth: Auth) -> bool:
    """Whether a person consents at the provider, with nothing that would do instead."""
    return auth.signs_in and not any(each.name == "refresh_token" for each in auth.fields)


def offer_detail(offered: Offered, auth: Auth) -> OfferDetail:
    """A provider on its own page."""
    entry = offered.entry
    consents, spec = signs_in(auth), plans.pulling(entry, auth.id)
    return OfferDetail(
        id=entry.id,
        name=entry.name,
        mark=mark(entry.name),
        about=entry.description,
        docs=entry.docs,
        way=auth.id,
        setup=list(entry.setup),
        notes=list(entry.notes),
        sure=[[part.replace("_", " "), _SURE[certainty]] for part, certainty in entry.certainty.items()],
        signs_in=consents,
        can_test=not consents,
        is_custom=entry.id == "custom",
        redirect_uri=connection.redirect_uri("", entry.id, {}) if consents and entry.id != "custom" else "",
        brings=spec.label.lower() if spec is not None else "",
        brings_nothing=plans.why_nothing(entry) if spec is None else "",
        does=", ".join(_DOES[each] for each in _DOES if each in entry.actions and (auth.kind != "webhook_url" or each == "message")),
    )


def field_rows(auth: Auth, *, has_client: bool = False, row: Integration | None = None) -> list[FieldRow]:
    """The controls of a way to authenticate, filled in from an integration if there is one; secrets only as dots."""
    return [_field(each, has_client=has_client, row=row) for each in auth.fields]


def address_rows(entry: Entry, auth: Auth, row: Integration | None = None) -> list[FieldRow]:
    """The addresses that may be others than the catalogue's: for regions, sandboxes, providers that move."""
    named = {name for each in auth.fields for name in (each.name, *each.older)}
    known = _known_addresses(entry, auth)
    stored: Mapping[str, Any] = row.config if row is not None else {}
    return [
        FieldRow(name, _ADDRESSES.get(name, name.removesuffix("_url").capitalize()), "", "text", known[name], str(stored.get(name) or ""))
        for name in fields.addresses(entry)
        if name in known and name not in named
    ]


def scope_choices(auth: Auth, row: Integration | None = None) -> list[ScopeRow]:
    """The scopes of the catalogue, each with its reason, checked where it is asked for."""
    if auth.oauth is None:
        return []
    wanted = row.requested_scopes if row is not None else [scope.name for scope in auth.oauth.scopes if not scope.optional]
    return [ScopeRow(scope.name, scope.reason, "", is_asked=scope.name in wanted) for scope in auth.oauth.scopes]


def further_scopes(auth: Auth, row: Integration) -> str:
    """The scopes that are asked for and not in the catalogue."""
    known = {scope.name for scope in auth.oauth.scopes} if auth.oauth is not None else set[str]()
    return " ".join(name for name in row.requested_scopes if name not in known)


def _tile(offered: Offered, *, is_there: bool) -> TileRow:
    entry = offered.entry
    return TileRow(entry.id, entry.name, mark(entry.name), entry.description, is_there, is_ready(entry, has_client=offered.has_own_client))


def _field(each: FormField, *, has_client: bool, row: Integration | None) -> FieldRow:
    is_spared = has_client and each.name in _CLIENT
    about = f"{each.help} Empty: this installation's own is used.".strip() if is_spared else each.help
    hint = row.hints.get(each.name, "") if row is not None else ""
    stored = row.config.get(each.name) if row is not None else None
    return FieldRow(
        name=each.name,
        label=each.label,
        about=f"{about} Empty: what is stored stays.".strip() if hint else about,
        kind="choice" if each.options else "secret" if each.secret else "text",
        example=each.example,
        value="" if each.secret else str(stored or (each.default if row is None else "") or ""),
        hint=hint,
        is_required=each.required and not is_spared,
        options=list(each.options),
    )


def _known_addresses(entry: Entry, auth: Auth) -> dict[str, str]:
    found = {f"{name}_url": call.url for name, call in entry.actions.items()}
    if auth.oauth is not None:
        found["token_url"] = auth.oauth.token_url
        if auth.oauth.authorization_url:
            found["authorization_url"] = auth.oauth.authorization_url
        if auth.oauth.revocation.call is not None:
            found["revocation_url"] = auth.oauth.revocation.call.url
    if auth.test.call is not None:
        found["test_url"] = auth.test.call.url
    if entry.sync is not None:
        found["sync_url"] = entry.sync.call.url
    return found
