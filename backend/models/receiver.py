"""Tables of the built-in receiver: inboxes and what arrived in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from backend.models.base import JsonDoc, LongText, TenantRow


class ReceiverInbox(TenantRow, table=True):
    """A URL that shows what arrives; `mode` is ok, fail, gone, hang, redirect or reset. The token is part of the URL, no secret."""

    __table_args__ = (Index("ix_receiver_inbox_list", "workspace_id", "id"),)
    name: str = Field(default="Receiver", max_length=120)
    token: str = Field(unique=True, max_length=64)
    mode: str = Field(default="ok", max_length=12)
    updated_at: datetime


class ReceiverRequest(TenantRow, table=True):
    """One request that arrived in an inbox, as it arrived; bounded, the oldest go first."""

    __table_args__ = (Index("ix_receiver_request_inbox", "inbox_id", "id"),)
    inbox_id: str = Field(max_length=64)
    method: str = Field(max_length=10)
    headers: list[Any] = Field(default_factory=list, sa_type=JsonDoc)  # [[name, value], …]
    body: str = Field(default="", sa_type=LongText)
    body_truncated: bool = False
    remote: str = Field(default="", max_length=64)
    answered: str = Field(default="", max_length=40)
    verdict: str = Field(default="", max_length=200)
