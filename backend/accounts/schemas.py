"""What the token routes take and answer."""

from __future__ import annotations

from pydantic import Field

from backend.core.web import Body, Out


class TokenRequest(Body):
    """A sign-in; `workspace` is an id or a name, the first one where it is left out."""

    email: str = Field(max_length=254, examples=["admin@example.com"])
    password: str = Field(max_length=256, examples=["correct horse battery staple"])
    workspace: str | None = Field(default=None, max_length=120)


class RefreshRequest(Body):
    """A refresh; the token is good once."""

    refresh_token: str = Field(max_length=200)


class TokenAnswer(Out):
    """Both tokens. `expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type's name, RFC 6750
    expires_in: int
    workspace_id: str


class Me(Out):
    """Who is calling."""

    id: str
    kind: str
    name: str
    workspace_id: str
    role: str | None
    scopes: list[str]
