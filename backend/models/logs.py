"""Tables of logs: requests, requests with an unknown key, errors, audit entries and the heads of their chains."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from backend.models.base import IdText, JsonDoc, Row, Table, TenantRow


class RequestLog(TenantRow, table=True):
    """One request to the public API by a known caller, denied ones too. `id` is the request's id. Partitionable by id."""

    __table_args__ = (Index("ix_request_log_list", "workspace_id", "id"), Index("ix_request_log_caller", "workspace_id", "caller_id", "id"))
    method: str = Field(max_length=10)
    path: str = Field(max_length=400)
    query: str = Field(default="", max_length=1000)  # redacted
    route: str = Field(default="", max_length=200)
    status_code: int
    duration_ms: float
    caller_kind: str = Field(max_length=12)
    caller_id: str = Field(sa_type=IdText)
    secret_id: str | None = Field(default=None, sa_type=IdText)
    ip: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=400)
    refusal: str | None = Field(default=None, max_length=40)
    error: str | None = Field(default=None, max_length=400)
    limit_name: str | None = Field(default=None, max_length=20)
    limit_remaining: int | None = None


class UnknownRequest(Row, table=True):
    """One request whose key is not known, or that had none. An instance table, for super administrators only."""

    method: str = Field(max_length=10)
    path: str = Field(max_length=400)
    status_code: int
    refusal: str | None = Field(default=None, max_length=40)
    ip: str = Field(default="", max_length=64)
    user_agent: str = Field(default="", max_length=400)
    duration_ms: float


class ErrorEntry(TenantRow, table=True):
    """Something that went wrong on our side or at a receiver. What concerns no workspace is kept under the id `instance`."""

    __table_args__ = (
        Index("ix_error_entry_list", "workspace_id", "id"),
        Index("ix_error_entry_severity", "workspace_id", "severity", "id"),
    )
    severity: str = Field(max_length=12)  # warning | error | critical
    kind: str = Field(max_length=40)
    message: str = Field(max_length=1000)
    target_kind: str = Field(default="", max_length=40)
    target_id: str = Field(default="", max_length=200)
    trace_id: str = Field(default="", max_length=64)  # of the call that led to it
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JsonDoc)


class AuditEntry(TenantRow, table=True):
    """Who did what to what. Inserted unsealed; the sealer adds sequence, previous and MAC, so that the chain can be verified.

    The database itself refuses to delete an entry, or to change it beyond that.
    """

    __table_args__ = (
        Index("ix_audit_list", "workspace_id", "id"),
        Index("ix_audit_target", "workspace_id", "target_id", "id"),
        UniqueConstraint("workspace_id", "sequence"),
        Index(
            "ix_audit_unsealed",
            "workspace_id",
            "id",
            sqlite_where=text("sequence IS NULL"),
            postgresql_where=text("sequence IS NULL"),
        ),
    )
    action: str = Field(max_length=80)
    target_kind: str = Field(max_length=40)
    target_id: str = Field(max_length=64)
    target_name: str = Field(default="", max_length=200)
    actor_kind: str = Field(max_length=12)
    actor_id: str = Field(sa_type=IdText)
    actor_name: str = Field(default="", max_length=200)
    ip: str = Field(default="", max_length=64)
    request_id: str = Field(default="", max_length=64)
    before: dict[str, Any] | None = Field(default=None, sa_type=JsonDoc)
    after: dict[str, Any] | None = Field(default=None, sa_type=JsonDoc)
    reason: str | None = Field(default=None, max_length=400)
    sequence: int | None = None
    previous_mac: str | None = Field(default=None, max_length=64)
    mac: str | None = Field(default=None, max_length=64)
    mac_key_id: str | None = Field(default=None, max_length=32)
    sealed_at: datetime | None = None


class AuditHead(Table, table=True):
    """The last sealed entry of a workspace's audit, under a MAC of its own: without it, a chain that was cut short would look whole."""

    workspace_id: str = Field(sa_type=IdText, primary_key=True)
    sequence: int
    entry_mac: str = Field(max_length=64)
    mac: str = Field(max_length=64)
    mac_key_id: str = Field(max_length=32)
    sealed_at: datetime
