"""What somebody sent for an integration, as the integration that it means: every mistake at once. Stores nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlmodel import Session

from backend.core import clock, ids
from backend.core.actor import Actor
from backend.core.errors import FieldError, Invalid
from backend.integrations import catalogue, connection, fields, plans, vault
from backend.integrations.entry import Auth, Entry
from backend.integrations.values import IntegrationInput
from backend.models import Integration

SCOPE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,200}")  # RFC 6749, section 3.3


def new(actor: Actor, input: IntegrationInput) -> tuple[Integration, fields.Entered]:  # noqa: A002 - the contract's word
    """The integration that an input means, not stored. Raises `Invalid` with every mistake."""
    entry = catalogue.known(input.provider)
    sent = (input.given, input.config, input.credentials)
    auth = catalogue.auth_of(entry, input.auth, fields.known_names(_every_field(entry), *sent))
    errors: list[FieldError] = []
    name = _name(input.name or entry.name, errors)
    scopes = _scopes(input.scopes, auth, errors)
    kind = _type(input.type, entry, errors)
    entered = fields.Entered({}, {})
    try:
        entered = fields.sort_out(entry, auth, *sent, needs_client=False)
        if connection.client_for(actor.workspace_id, entry, auth, entered.config) is None:
            entered = fields.sort_out(entry, auth, *sent)
    except Invalid as error:
        errors += error.errors
    if errors:
        raise Invalid(*errors)
    now = clock.now()
    row = Integration(
        id=ids.new("int"),
        workspace_id=actor.workspace_id,
        provider=entry.id,
        auth=auth.id,
        type=kind,
        name=name,
        description=input.description.strip()[:1000],
        config={key: value for key, value in entered.config.items() if value is not None},
        external_ref=input.external_ref,
        requested_scopes=scopes,
        refresh_class=_refresh_class(auth, entered),
        sync_module=spec.module if (spec := plans.pulling(entry, auth.id)) is not None else None,
        next_step=_first_step(auth, entered),
        disabled_at=None if input.is_active else now,
        created_by=actor.id,
        updated_at=now,
    )
    return row, entered


def _every_field(entry: Entry) -> Auth:
    every = {field.name: field for auth in entry.auth for field in auth.fields}
    return entry.auth[0].model_copy(update={"fields": tuple(every.values())})


def change(row: Integration, changes: Mapping[str, Any]) -> dict[str, str]:
    """Change the given parts of an integration; the secrets among them, which are for the vault. Raises `Invalid` with every mistake."""
    entry = catalogue.get(row.provider)
    auth = entry.auth_of(row.auth)
    errors: list[FieldError] = []
    if "name" in changes:
        row.name = _name(str(changes["name"] or ""), errors)
    if "description" in changes:
        row.description = str(changes["description"] or "").strip()[:1000]
    if "external_ref" in changes:
        row.external_ref = changes["external_ref"]
    if "scopes" in changes:
        row.requested_scopes = _scopes(changes["scopes"], auth, errors)
    if changes.get("type"):
        row.type = _type(changes["type"], entry, errors)
    entered = fields.Entered({}, {})
    try:
        sent: list[Mapping[str, Any]] = [changes.get(name) or {} for name in ("given", "config", "credentials")]
        has_client = connection.client_for(row.workspace_id, entry, auth, {**row.config, "client_id": None}) is not None
        entered = fields.sort_out(entry, auth, *sent, needs_client=not has_client, is_whole=False)
    except Invalid as error:
        errors += error.errors
    if errors:
        raise Invalid(*errors)
    merged = {**row.config, **entered.config}
    row.config = {name: value for name, value in merged.items() if value is not None}
    return entered.secrets


def check_hosts(session: Session, row: Integration, before: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    """Raise `Invalid` where a change would have what is stored sent to a host that it was not entered for.

    `before` is the configuration until now, `secrets` what was entered with the change. Whoever may change an integration may not read
    its credentials, nor have them sent to a host of their own.
    """
    known = {fields.host(value) for value in before.values()}
    elsewhere = {name: host for name, value in row.config.items() if (host := fields.host(value)) and host not in known}
    entry = catalogue.get(row.provider)
    parts = fields.host_parts(entry, entry.auth_of(row.auth))
    elsewhere |= {name: str(row.config[name]) for name in parts if row.config.get(name) not in {None, before.get(name)}}
    for name, host in elsewhere.items():
        if vault.load(session, row, vault.TOKENS) and "refresh_token" not in secrets:
            fix = "Disconnect the integration first, then change it and connect again."
            raise Invalid(FieldError(name, f"leads to {host}, which the tokens were not given for.", fix))
        lacking = sorted(vault.load(session, row, vault.FIELDS).keys() - secrets.keys())
        if lacking:
            fix = f"Send {', '.join(lacking)} again in the same change."
            raise Invalid(FieldError(name, f"leads to {host}, which the stored credentials were not entered for.", fix))


def _refresh_class(auth: Auth, entered: fields.Entered) -> str:
    if auth.oauth is None:
        return "never"
    if auth.oauth.grant == "client_credentials":
        return "remint"
    return auth.oauth.refresh.kind if "refresh_token" in entered.secrets else "never"


def _first_step(auth: Auth, entered: fields.Entered) -> str:
    signs_in = auth.signs_in and "refresh_token" not in entered.secrets
    return "Press Connect to sign in." if signs_in else "Press Test to see which account it reaches."


def _name(text: str, errors: list[FieldError]) -> str:
    name = text.strip()
    if not 1 <= len(name) <= 120:
        errors.append(FieldError("name", f"has {len(name)} characters.", "Use 1 to 120."))
    return name


def _scopes(wanted: Sequence[str] | None, auth: Auth, errors: list[FieldError]) -> list[str]:
    if wanted is None:
        return [scope.name for scope in auth.oauth.scopes if not scope.optional] if auth.oauth is not None else []
    found = list(dict.fromkeys(str(scope).strip() for scope in wanted))
    if len(found) > 100 or any(SCOPE.fullmatch(scope) is None for scope in found):
        errors.append(FieldError("scopes", "holds something that is no scope.", "Use at most 100 words without blanks or quotes."))
    return found


def _type(wanted: str | None, entry: Entry, errors: list[FieldError]) -> str:
    if not wanted:
        return entry.categories[0]
    try:
        found, _ = catalogue.category(wanted)
    except Invalid as error:
        errors += error.errors
        return entry.categories[0]
    if found not in entry.categories and entry.id != "custom":
        errors.append(FieldError("type", f"{found} is no type of {entry.name}.", f"Use {', '.join(entry.categories)}, or leave it out."))
    return found
