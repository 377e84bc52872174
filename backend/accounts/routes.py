"""The token routes of the API, and who is calling."""

from __future__ import annotations

from fastapi import Request

from backend.accounts import doors, sessions, tokens
from backend.accounts.schemas import Me, RefreshRequest, TokenAnswer, TokenRequest
from backend.accounts.sessions import SessionInfo
from backend.core import web
from backend.core.actor import ActorKind

router = web.Router(tags=["auth"])


@router.post("/auth/token", **web.needs(web.PUBLIC))
async def create_token(body: TokenRequest, request: Request, caller: web.CurrentCaller) -> TokenAnswer:
    """Sign in: an access token of 15 minutes for one workspace, and a refresh token that works once."""
    refresh_token, info = await doors.sign_in(email=body.email, password=body.password, workspace=body.workspace, caller=caller, kind="api")
    return _answer(request, info, refresh_token)


@router.post("/auth/refresh", **web.needs(web.PUBLIC))
async def refresh_token(body: RefreshRequest, request: Request) -> TokenAnswer:
    """Get a new pair of tokens. The refresh token that you send stops working; sending it again ends the session."""
    rotated = await web.in_transaction(tokens.refresh, write=True, refresh_token=body.refresh_token)
    if rotated is None:
        raise tokens.refused()
    token, info = rotated
    return _answer(request, info, token)


@router.get("/me", **web.needs(web.AUTHENTICATED))
def read_me(actor: web.CurrentActor) -> Me:
    """Who the credential of this request belongs to, and what it may do."""
    is_user = actor.kind is ActorKind.USER
    return Me(
        id=actor.id,
        kind=actor.kind,
        name=actor.name,
        workspace_id=actor.workspace_id,
        role=actor.role if is_user else None,
        scopes=sorted(actor.scopes),
    )


def _answer(request: Request, info: SessionInfo, refresh: str) -> TokenAnswer:
    web.note_caller(request, sessions.actor_for(info))
    pair = tokens.pair(info, refresh)
    return TokenAnswer(
        access_token=pair.access_token,
        refresh_token=pair.refresh_token,
        expires_in=pair.expires_in,
        workspace_id=info.workspace_id,
    )
