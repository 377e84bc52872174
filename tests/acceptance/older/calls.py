"""What is said of a call of the older systems' documents: one endpoint, the example body, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """One endpoint. `{name}` in a path is what an earlier call `saves`; `shows` are members of the answer, and their values where given.

    `by` names the credential: a user's token, or a saved key in one of the two headers. `not_yet` says why it answers 404 today.
    """

    document: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    status: int = 200
    shows: dict[str, Any] = field(default_factory=dict)
    saves: dict[str, str] = field(default_factory=dict)
    by: str = "user"
    not_yet: str = ""


ANY = object()
PAGE = {"data": ANY}
