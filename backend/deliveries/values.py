"""Values that pass between the parts of a shift: what was claimed, where it goes, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from backend.core.signing import SignatureStyle
from backend.webhooks.policy import RetryPolicy


class Status(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    SENDING = "sending"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What came of one attempt; `interrupted` is no failure: the worker was stopped in the middle of it."""

    DELIVERED = "delivered"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class ErrorClass(StrEnum):
    """Why an attempt failed."""

    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    READ_TIMEOUT = "read_timeout"
    TLS = "tls"
    RESET = "reset"
    PROTOCOL = "protocol"
    REDIRECT = "redirect"
    STATUS = "status"
    BLOCKED = "blocked"
    TOO_LARGE = "too_large"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Target:
    """The settings of a webhook as a shift sends by them; secrets and header values are decrypted, so it is never logged."""

    webhook_id: str
    workspace_id: str
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    style: SignatureStyle
    verify_ssl: bool
    timeout: float  # seconds, bounds one whole attempt
    policy: RetryPolicy
    updated_at: datetime
    valid_until: datetime | None = None  # when the overlap of two secrets ends
    problem: str | None = None  # why nothing can be sent by these settings


@dataclass(slots=True)
class Claim:
    """A delivery that a run holds, with what its next attempt sends."""

    id: str
    run_id: str
    workspace_id: str
    event_id: str
    webhook_id: str
    event_type: str
    kind: str
    attempt_count: int
    failure_count: int
    trigger: str
    body: bytes = field(repr=False)
    target: Target = field(repr=False)
    trace_id: str = ""  # of the call that led to the event

    @property
    def is_test(self) -> bool:
        """Whether it is a test send, which counts for nothing."""
        return self.kind == "test"


@dataclass(slots=True)
class Exchange:
    """One HTTP request and what came back. Times in milliseconds; `body` is at most 64 KiB, decompressed."""

    started_at: datetime
    total_ms: float
    request_headers: dict[str, str]
    status_code: int | None = None
    error_class: ErrorClass | None = None
    error: str | None = None
    address: str | None = None
    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    first_byte_ms: float | None = None
    response_headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    truncated: bool = False
    retry_after: str | None = None
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """A claim and the exchange that its attempt was."""

    claim: Claim
    exchange: Exchange
