"""The token endpoint of OAuth 2.0, at the root: what comes in is a form, what goes out is RFC 6749's."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from fastapi import Request, Response
from pydantic import Field

from backend.api_keys import oauth
from backend.core import web
from backend.core.web import Out

router = web.Router(tags=["auth"])
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 50


class AccessTokenOut(Out):
    """An access token (RFC 6749, section 5.1). `expires_in` is in seconds."""

    access_token: str
    token_type: str = Field(examples=["Bearer"])
    expires_in: int = Field(examples=[900])
    scope: str = Field(description="Scopes, separated by spaces.", examples=["orders:read orders:write"])


class OAuthError(Out):
    """Why there is no token (RFC 6749, section 5.2)."""

    error: str = Field(examples=["invalid_client"])
    error_description: str = Field(description="What happened and what to do.")


_TEXT: Final = {"type": "string"}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            _FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": [oauth.GRANT]},
                        "client_id": {
                            **_TEXT,
                            "description": "The id of the API key, unless HTTP Basic says it.",
                            "examples": ["key_01k5z7"],
                        },
                        "client_secret": {
                            **_TEXT,
                            "description": "The whole API key, unless HTTP Basic says it.",
                            "examples": ["xdk_your_key"],
                        },
                        "scope": {**_TEXT, "description": "Fewer scopes than the key has, separated by spaces; all of them if left out."},
                    },
                }
            }
        },
    }
}


@router.post(
    "/oauth/token",
    response_model=AccessTokenOut,
    responses={"4XX": {"model": OAuthError, "description": "Refused: the body says what happened and what to do."}},
    openapi_extra={**web.needs(web.PUBLIC)["openapi_extra"], **_BODY},
)
async def create_access_token(request: Request, caller: web.CurrentCaller) -> Response:
    """Trade an API key for an access token of 15 minutes (OAuth 2.0 client credentials).

    The client id is the key's id, the client secret the whole key, by HTTP Basic or in the body. The token has the key's scopes, or
    those that you ask for, its limits and addresses, and ends at once when the key is revoked, disabled or regenerated.
    Errors are those of RFC 6749, section 5.2: `{"error", "error_description"}`.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body() if media == _FORM else b""
    try:
        form = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:  # no UTF-8, or more fields than anybody needs
        form = []
    told = await web.in_transaction(
        oauth.answer, write=True, form=form, authorization=request.headers.get("authorization", ""), ip=caller.ip
    )
    if told.caller is not None:
        actor = told.caller.actor(ip=caller.ip, user_agent=caller.user_agent, request_id=caller.request_id)
        web.note_caller(request, actor, told.caller.secret_id)
    return Response(orjson.dumps(told.body), told.status, dict(told.headers), "application/json")
