"""The values that the services of webhooks take and give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backend.core import signing


class Status(StrEnum):
    """What a webhook is said to be; failing follows from its last attempts."""

    ACTIVE = "active"
    FAILING = "failing"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class ResolvedAddress:
    """One address that a URL leads to, and the rule by which it may be connected to or not."""

    address: str
    allowed: bool
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookInput:
    """A webhook as somebody asks for it, under the names that the API uses. Times in seconds, the rate per second.

    An empty name becomes the host of the URL; `secret` is for those who bring one from another system.
    """

    url: str
    events: list[str]
    name: str = ""
    filter: dict[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    verify_ssl: bool = True
    timeout: float = 15.0
    retry_policy: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rate_limit: float | None = None
    signature_style: str = signing.SignatureStyle.HEX
    secret: str | None = None
    is_active: bool = True
    auto_disable: bool = True
    disable_after_days: int = 5
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    external_ref: str | None = None
