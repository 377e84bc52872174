"""The values that the services of integrations take and give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.integrations.calls import Account
from backend.integrations.failures import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationInput:
    """A new integration. `given` are further members that were sent, under which older clients put credentials too."""

    provider: str
    name: str = ""
    type: str | None = None
    description: str = ""
    auth: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    credentials: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    given: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    scopes: Sequence[str] | None = None
    is_active: bool = True
    external_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test found: the account, or why not and what to do."""

    success: bool
    message: str
    account: Account | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A consent that was begun: where to send the browser, and the state that comes back."""

    authorization_url: str
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """What a returned consent came to; `integration_id` is empty where the state is nobody's."""

    integration_id: str
    failure: Failure | None = None
    account: Account | None = None
    missing_scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What became of the grant at the provider: True revoked, False refused, None no way but by hand."""

    revoked: bool | None
    message: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What an action did: the id that the provider gave it, and its answer's words."""

    id: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
