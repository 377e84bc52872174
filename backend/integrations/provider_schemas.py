"""How the routes show the catalogue."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from backend.core.web import Body, ListOut, Out
from backend.integrations.entry import Auth
from backend.integrations.service import Offered


class EntryFieldOut(Out):
    """One thing to be entered."""

    name: str
    label: str
    help: str
    secret: bool
    required: bool
    pattern: str | None
    example: str
    options: list[str]
    default: str | None


class EntryScopeOut(Out):
    """A right that is asked for, and what it is for."""

    name: str
    reason: str
    optional: bool


class EntryAuthOut(Out):
    """One way to authenticate."""

    id: str
    kind: str = Field(description="oauth2, client_credentials, api_key, basic or webhook_url")
    label: str
    fields: list[EntryFieldOut]
    scopes: list[EntryScopeOut]
    pkce: bool
    refresh: str = Field(description="rotating, stable, remint or never")
    revokes: bool = Field(description="Whether disconnecting ends the grant at the provider.")

    @classmethod
    def of(cls, auth: Auth) -> Self:
        """From the catalogue."""
        spec = auth.oauth
        return cls(
            id=auth.id,
            kind=auth.kind,
            label=auth.label,
            fields=[EntryFieldOut.model_validate({**field.model_dump(), "options": list(field.options)}) for field in auth.fields],
            scopes=[EntryScopeOut.model_validate(scope) for scope in (spec.scopes if spec is not None else ())],
            pkce=spec.pkce if spec is not None else False,
            refresh=spec.refresh.kind if spec is not None else "never",
            revokes=spec is not None and spec.revocation.call is not None,
        )


class ProviderOut(Out):
    """A provider of the catalogue."""

    id: str
    provider: str
    name: str
    description: str
    type: str = Field(description="Its first category.")
    categories: list[str]
    docs: str
    setup: list[str]
    auth: list[EntryAuthOut]
    fields: list[EntryFieldOut] = Field(description="Those of the first way to authenticate.")
    field_names: list[str]
    sync_resource: str | None
    actions: list[str]
    certainty: dict[str, str] = Field(description="How sure each part is: checked, documented, reported or unknown.")
    notes: list[str]
    is_connected: bool = Field(description="Whether the workspace has an integration with it.")

    @classmethod
    def of(cls, offered: Offered) -> Self:
        """From the catalogue, and what the workspace has."""
        entry = offered.entry
        ways = [EntryAuthOut.of(each) for each in entry.auth]
        return cls(
            id=entry.id,
            provider=entry.id,
            name=entry.name,
            description=entry.description,
            type=entry.categories[0],
            categories=list(entry.categories),
            docs=entry.docs,
            setup=list(entry.setup),
            auth=ways,
            fields=ways[0].fields,
            field_names=[field.name for field in ways[0].fields],
            sync_resource=entry.sync.resource if entry.sync is not None else None,
            actions=sorted(entry.actions),
            certainty=dict(entry.certainty),
            notes=list(entry.notes),
            is_connected=offered.is_connected,
        )


class ProviderList(ListOut[ProviderOut]):
    """A page of the catalogue, by name."""


class DiscoverBody(Body):
    """The provider to look up."""

    url: str = Field(max_length=2000, examples=["https://accounts.example.com"], description="Its issuer, or the address of its metadata.")


class DiscoveredOut(Out):
    """What a provider says of itself."""

    issuer: str
    authorization_address: str
    token_address: str
    revocation_address: str
    test_address: str
    scopes: list[str]
    pkce: bool
