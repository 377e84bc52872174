"""What the routes of integrations take and answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self, cast

from pydantic import AliasChoices, ConfigDict, Field, model_validator

from backend.core import lenience
from backend.core.pagination import Page
from backend.core.web import Body, ListOut, Out
from backend.integrations import catalogue, connection, timeline
from backend.integrations.entry import Entry
from backend.integrations.failures import Failure
from backend.integrations.provider_schemas import ProviderOut
from backend.integrations.service import Offered
from backend.integrations.timeline import Status
from backend.integrations.values import Disconnected, IntegrationInput, Tested
from backend.models import Integration

_OPEN: dict[str, Any] = {"additionalProperties": True}
_ID = "int_01k5z7q0v6e3tbn8m2c4d9f1hr"


class IntegrationUpdate(Body):
    """What is sent changes. A secret sent back as dots stays as it is."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    name: str = Field(default="", max_length=120, description="The provider's name if left out.")
    type: str | None = Field(default=None, max_length=40, description="A category, by any of its names.", examples=["communication"])
    description: str = Field(default="", max_length=1000)
    config: dict[str, Any] = Field(default_factory=dict[str, Any], description="Settings; the catalogue lists them.", examples=[{}])
    credentials: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="Secrets, write-only. They may stand in `config` too.",
        examples=[{"api_key": "sk_live_4Hq2"}],
    )
    scopes: list[str] | None = Field(default=None, description="Those of the catalogue that are needed, if left out.")
    is_active: bool = Field(
        default=True, validation_alias=AliasChoices("is_active", "isActive", "active", "enabled"), description="False means disabled."
    )
    external_ref: str | None = Field(default=None, max_length=200, description="Your own id of it.")

    @model_validator(mode="before")
    @classmethod
    def _translate(cls, body: Any) -> Any:
        """Older clients send `id`, and credentials beside the rest."""
        if not isinstance(body, dict):
            return body
        found = dict(cast("dict[str, Any]", body))
        if "id" in found and "external_ref" not in found:
            found["external_ref"] = found.pop("id")
        return found

    @model_validator(mode="before")
    @classmethod
    def _drop_unknown(cls, body: Any) -> Any:
        return body  # what is not known here may be a field of the provider's, which the service knows

    @property
    def given(self) -> dict[str, Any]:
        """Members beside ours: fields of the provider's, by any of their names."""
        known = frozenset({"status", "createdAt", "updatedAt"}) if lenience.ignores_unknown_fields() else frozenset[str]()
        return {name: value for name, value in (self.model_extra or {}).items() if name not in known}

    def changes(self) -> dict[str, Any]:
        """What was sent."""
        names = self.model_fields_set & set(type(self).model_fields)
        return {name: getattr(self, name) for name in names} | ({"given": self.given} if self.given else {})


class IntegrationCreate(IntegrationUpdate):
    """A new integration."""

    provider: str = Field(max_length=60, examples=["slack"])
    auth: str | None = Field(default=None, max_length=40, description="Which of the provider's ways to authenticate; guessed if left out.")

    def input(self) -> IntegrationInput:
        """The same for the service."""
        return IntegrationInput(
            provider=self.provider,
            name=self.name,
            type=self.type,
            description=self.description,
            auth=self.auth,
            config=self.config,
            credentials=self.credentials,
            given=self.given,
            scopes=self.scopes,
            is_active=self.is_active,
            external_ref=self.external_ref,
        )


class ConsentBegin(Body):
    """Where the provider sends the browser back."""

    redirect_uri: str | None = Field(default=None, max_length=2000, description="Ours if left out, else one of the workspace's list.")


class ConsentAnswer(Body):
    """What the provider sent the browser back with."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    state: str = Field(max_length=400)
    code: str = Field(default="", max_length=4000)
    error: str = Field(default="", max_length=200)
    error_description: str = Field(default="", max_length=1000)
    iss: str | None = Field(default=None, max_length=400)


class IntegrationSettingsUpdate(Body):
    """What this workspace allows its integrations."""

    redirect_uris: list[str] = Field(
        description="Addresses, beside ours, to which consents begun over the API may return.", examples=[["https://example.com/callback"]]
    )


class IntegrationSettingsOut(Out):
    """What this workspace allows its integrations."""

    redirect_uri: str = Field(description="Ours, to be registered at the provider.", examples=["https://example.com/callback"])
    redirect_uris: list[str]


class AccountOut(Out):
    """Who is connected, as the provider calls them."""

    id: str
    name: str


class ScopesOut(Out):
    """What was asked for, and what was granted: null where the provider does not say."""

    requested: list[str]
    granted: list[str] | None
    missing: list[str]


class IntegrationOut(Out):
    """An integration. Credentials are shown as dots and their last characters."""

    id: str
    provider: str
    provider_name: str
    type: str
    name: str
    description: str
    auth: str
    config: dict[str, Any]
    credentials: dict[str, str] = Field(description="Of each stored secret, dots and its last characters.")
    status: Status
    status_reason: str
    next_step: str
    error_class: str
    is_active: bool
    isActive: bool  # noqa: N815 - the name that older clients read
    account: AccountOut | None
    scopes: ScopesOut
    redirect_uri: str | None = Field(description="To be registered at the provider; null where nobody signs in.")
    sync_module: str | None
    access_expires_at: datetime | None
    next_refresh_at: datetime | None
    connected_at: datetime | None
    refreshed_at: datetime | None
    tested_at: datetime | None
    synced_at: datetime | None
    external_ref: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Integration) -> Self:
        """From its row."""
        return cls.model_validate(_shown(row))


class IntegrationList(ListOut[IntegrationOut]):
    """One page, newest first. `catalogue` has the providers that are not connected, if they were asked for."""

    catalogue: list[ProviderOut] | None = None

    @classmethod
    def beside(cls, page: Page[Integration], offered: list[Offered] | None) -> Self:
        """From a page, and the catalogue."""
        listed = cls.of(page, IntegrationOut.of)
        if offered is not None:
            listed.catalogue = [ProviderOut.of(each) for each in offered if not each.is_connected]
        return listed


class IntegrationTypeOut(Out):
    """The integrations of a type, and its part of the catalogue."""

    type: str
    integrations: list[IntegrationOut]
    providers: list[ProviderOut]


class TestedOut(Out):
    """What a test found."""

    success: bool
    message: str
    account: AccountOut | None
    error_class: str
    next_step: str

    @classmethod
    def of(cls, tested: Tested) -> Self:
        """From what the service says."""
        account = tested.account
        shown = AccountOut(id=account.id, name=account.name) if account is not None and (account.id or account.name) else None
        return cls(success=tested.success, message=tested.message, account=shown, **_failure(tested.failure))


class ConsentOut(Out):
    """A consent that was begun."""

    authorization_url: str = Field(examples=["https://provider.example.com/authorize?client_id=4711"])
    state: str


class ConsentEnded(Out):
    """What a returned consent came to."""

    success: bool
    integration_id: str
    message: str
    account: AccountOut | None
    missing_scopes: list[str]
    error_class: str
    next_step: str


class DisconnectOut(Out):
    """What became of the grant at the provider."""

    revoked: bool | None = Field(description="True: the provider revoked it. False: it refused. Null: it has no way but by hand.")
    message: str
    link: str

    @classmethod
    def of(cls, done: Disconnected) -> Self:
        """From what the service says."""
        return cls(revoked=done.revoked, message=done.message, link=done.link)


def ended(integration_id: str, failure: Failure | None, account: Any, missing: tuple[str, ...]) -> ConsentEnded:
    """The answer to a consent that returned."""
    shown = AccountOut(id=account.id, name=account.name) if account is not None else None
    who = f" as {account.name}" if account is not None and account.name else ""
    return ConsentEnded(
        success=failure is None,
        integration_id=integration_id,
        message=failure.cause if failure is not None else f"Connected{who}.",
        account=shown,
        missing_scopes=list(missing),
        **_failure(failure),
    )


def _failure(failure: Failure | None) -> dict[str, str]:
    return {"error_class": failure.kind if failure else "", "next_step": failure.next_step if failure else ""}


def _shown(row: Integration) -> Mapping[str, Any]:
    entry: Entry = catalogue.get(row.provider)
    auth = entry.auth_of(row.auth)
    granted = row.granted_scopes
    has_account = bool(row.account_id or row.account_name)
    return {
        **{name: getattr(row, name) for name in _PLAIN},
        "provider_name": entry.name,
        "credentials": dict(row.hints),
        "status": timeline.shown(row),
        "is_active": row.disabled_at is None,
        "isActive": row.disabled_at is None,
        "account": {"id": row.account_id, "name": row.account_name} if has_account else None,
        "scopes": {
            "requested": row.requested_scopes,
            "granted": granted,
            "missing": sorted(set(row.requested_scopes) - set(granted)) if granted is not None else [],
        },
        "redirect_uri": connection.redirect_uri(row.id, row.provider, row.config) if auth.signs_in else None,
        "next_refresh_at": row.refresh_at if row.disabled_at is None else None,
    }


_PLAIN = (
    "id",
    "provider",
    "type",
    "name",
    "description",
    "auth",
    "config",
    "status_reason",
    "next_step",
    "error_class",
    "sync_module",
    "access_expires_at",
    "connected_at",
    "refreshed_at",
    "tested_at",
    "synced_at",
    "external_ref",
    "created_by",
    "created_at",
    "updated_at",
)
