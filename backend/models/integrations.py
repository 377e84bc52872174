"""Tables of integrations: connections, their sealed credentials, consents under way, timelines, syncs and what these brought."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from backend.models.base import Count, IdText, JsonDoc, KeptJson, LongText, TenantRow


class Integration(TenantRow, table=True):
    """A workspace's connection to a provider.

    `status` is pending, active, needs_reconnect or error; while `disabled_at` is set it is shown as disabled. `token_version` counts
    the tokens that were stored: whoever refreshes writes only over the version that it read. `refresh_owner` names who is asking the
    provider at this moment, until `refresh_lease_until`; one that is left behind tells that the answer was lost.
    """

    __table_args__ = (
        Index("ix_integration_list", "workspace_id", "id"),
        Index(
            "ix_integration_refresh",
            "refresh_at",
            sqlite_where=text("refresh_at IS NOT NULL"),
            postgresql_where=text("refresh_at IS NOT NULL"),
        ),
    )
    provider: str = Field(max_length=40)
    auth: str = Field(max_length=40)  # which of the provider's ways to authenticate
    type: str = Field(max_length=24)  # category
    name: str = Field(max_length=120)
    description: str = Field(default="", max_length=1000)
    config: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    captured: dict[str, Any] = Field(default_factory=dict, sa_type=JsonDoc)  # what the provider told while connecting
    hints: dict[str, str] = Field(default_factory=dict, sa_type=JsonDoc)  # of each stored credential, its last characters
    external_ref: str | None = Field(default=None, max_length=200)
    status: str = Field(default="pending", max_length=16)
    status_reason: str = Field(default="", max_length=400)
    next_step: str = Field(default="", max_length=400)
    error_class: str = Field(default="", max_length=24)
    requested_scopes: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    granted_scopes: list[str] | None = Field(default=None, sa_type=JsonDoc)
    account_id: str = Field(default="", max_length=200)
    account_name: str = Field(default="", max_length=200)
    token_version: int = 0
    refresh_class: str = Field(default="never", max_length=12)  # rotating | stable | remint | never
    access_expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    refresh_at: datetime | None = None
    refresh_owner: str | None = Field(default=None, max_length=64)
    refresh_lease_until: datetime | None = None
    refresh_started_at: datetime | None = None
    refresh_failures: int = 0
    blocked_until: datetime | None = None  # the provider asked to wait
    connected_at: datetime | None = None
    refreshed_at: datetime | None = None
    tested_at: datetime | None = None
    synced_at: datetime | None = None
    sync_module: str | None = Field(default=None, max_length=80)
    sync_cursor: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)
    push_cursor: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)
    sync_direction: str = Field(default="pull", max_length=4)  # pull | push | both
    sync_settings: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)  # mapping and rules, where they are not the catalogue's
    disabled_at: datetime | None = None
    created_by: str = Field(sa_type=IdText)
    updated_at: datetime
    deleted_at: datetime | None = None


class IntegrationCredential(TenantRow, table=True):
    """Sealed secrets of an integration: what was entered (`fields`), or what the provider gave (`tokens`).

    The context that is authenticated names workspace, integration, kind and row, so a value copied to another row does not open.
    """

    __table_args__ = (UniqueConstraint("integration_id", "kind"),)
    integration_id: str = Field(sa_type=IdText)
    kind: str = Field(max_length=8)
    sealed: str = Field(sa_type=LongText)
    updated_at: datetime


class IntegrationState(TenantRow, table=True):
    """A consent under way: single use, ten minutes, bound to user, workspace, integration, and browser where it was begun in one."""

    __table_args__ = (Index("ix_integration_state_expiry", "expires_at"),)
    state_mac: str = Field(unique=True, max_length=64)
    mac_key_id: str = Field(max_length=32)
    integration_id: str = Field(sa_type=IdText)
    provider: str = Field(max_length=40)
    user_id: str = Field(sa_type=IdText)
    user_name: str = Field(default="", max_length=200)
    session_id: str | None = Field(default=None, sa_type=IdText)  # of the browser; None: begun over the API
    redirect_uri: str = Field(max_length=2000)
    scopes: list[str] = Field(default_factory=list, sa_type=JsonDoc)
    verifier_sealed: str | None = Field(default=None, sa_type=LongText)
    issuer: str | None = Field(default=None, max_length=400)
    expires_at: datetime
    used_at: datetime | None = None


class IntegrationEvent(TenantRow, table=True):
    """One moment of an integration's timeline; `detail` holds words and numbers, never a credential."""

    __table_args__ = (
        Index("ix_integration_event_list", "workspace_id", "integration_id", "id"),
        Index("ix_integration_event_log", "workspace_id", "id"),
    )
    integration_id: str = Field(sa_type=IdText)
    kind: str = Field(max_length=24)
    ok: bool = True
    summary: str = Field(max_length=400)
    next_step: str = Field(default="", max_length=400)
    error_class: str = Field(default="", max_length=24)
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=KeptJson)
    actor_id: str = Field(default="", sa_type=IdText)
    actor_name: str = Field(default="", max_length=200)


class IntegrationSync(TenantRow, table=True):
    """A run between a provider's resource and a module. `status` is queued, running, waiting, done, failed or cancelled.

    It goes through the phases of its `direction`: pull, removed (what the provider lists as gone), push. `page` says where it stands
    in one: whoever takes it over after a kill begins that page again, which changes nothing twice. What was written to the provider
    is counted by the fields that begin with `sent`.
    """

    __table_args__ = (
        Index("ix_integration_sync_list", "workspace_id", "integration_id", "id"),
        Index(
            "ix_integration_sync_open",
            "lease_until",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )
    integration_id: str = Field(sa_type=IdText)
    resource: str = Field(max_length=80)
    module: str = Field(max_length=80)
    is_full: bool = False
    direction: str = Field(default="pull", max_length=4)
    phase: str = Field(default="pull", max_length=8)  # pull | removed | push
    status: str = Field(default="queued", max_length=12)
    cursor: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)  # of the sync before, from which it goes on
    page: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)
    pages: int = 0
    total: int | None = None  # where the provider tells
    seen: int = Field(default=0, sa_type=Count)
    created: int = Field(default=0, sa_type=Count)
    updated: int = Field(default=0, sa_type=Count)
    unchanged: int = Field(default=0, sa_type=Count)
    failed: int = Field(default=0, sa_type=Count)
    removed: int = Field(default=0, sa_type=Count)
    sent_total: int | None = None
    sent_seen: int = Field(default=0, sa_type=Count)
    sent_created: int = Field(default=0, sa_type=Count)
    sent_updated: int = Field(default=0, sa_type=Count)
    sent_unchanged: int = Field(default=0, sa_type=Count)
    sent_failed: int = Field(default=0, sa_type=Count)
    error: str = Field(default="", max_length=400)
    next_step: str = Field(default="", max_length=400)
    error_class: str = Field(default="", max_length=24)
    tries: int = 0
    owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = None  # nobody else takes it before; of a waiting one: when it goes on
    started_at: datetime | None = None
    finished_at: datetime | None = None
    created_by: str = Field(sa_type=IdText)
    created_by_name: str = Field(default="", max_length=200)


class IntegrationSyncError(TenantRow, table=True):
    """One item that a sync could not store, or one record that it could not write to the provider, and why."""

    __table_args__ = (Index("ix_integration_sync_error_list", "workspace_id", "sync_id", "id"),)
    integration_id: str = Field(sa_type=IdText)
    sync_id: str = Field(sa_type=IdText)
    external_id: str = Field(default="", max_length=200)
    record_id: str = Field(default="", sa_type=IdText)
    message: str = Field(max_length=400)


class IntegrationLink(TenantRow, table=True):
    """Which record and which item of a provider are the same, and the fingerprint of what was brought last.

    `bases` holds a short fingerprint of each value as it was known last, `there` and `here`: what differs from it has changed since.
    `intent` is what was about to be made at the provider, written before it is sent; until its answer is stored, `external_id` is
    only a placeholder. `gone_at`: the provider has removed the item.
    """

    __table_args__ = (
        UniqueConstraint("integration_id", "resource", "external_id"),
        Index("ix_integration_link_record", "integration_id", "resource", "record_id"),
    )
    integration_id: str = Field(sa_type=IdText)
    resource: str = Field(max_length=80)
    external_id: str = Field(max_length=200)
    record_id: str = Field(sa_type=IdText)
    fingerprint: str = Field(max_length=64)
    bases: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)
    intent: dict[str, Any] | None = Field(default=None, sa_type=KeptJson)
    gone_at: datetime | None = None


class IntegrationSettings(TenantRow, table=True):
    """What a workspace allows its integrations: redirect URIs beside our own."""

    __table_args__ = (UniqueConstraint("workspace_id"),)
    redirect_uris: list[str] = Field(default_factory=list, sa_type=JsonDoc)


class KeyRotation(TenantRow, table=True):
    """A re-encryption of everything that is sealed under an older key. `workspace_id` is that of whoever began it.

    `status` is running, verifying, done, failed or cancelled. It goes through the sealed columns in a fixed order, by id; each
    batch and the place behind it share one transaction.
    """

    __table_args__ = (Index("ix_key_rotation_status", "status", "id"),)
    to_key_id: str = Field(max_length=32)
    status: str = Field(default="running", max_length=12)
    place: int = 0  # which column
    cursor: str = Field(default="", sa_type=IdText)
    total: int = Field(default=0, sa_type=Count)
    done: int = Field(default=0, sa_type=Count)
    checked: int = Field(default=0, sa_type=Count)
    failed: int = Field(default=0, sa_type=Count)
    error: str = Field(default="", max_length=400)
    created_by: str = Field(sa_type=IdText)
    created_by_name: str = Field(default="", max_length=200)
    finished_at: datetime | None = None
