"""OAuth 2.0 client credentials (RFC 6749, section 4.4): an API key as a client, its id and itself as the secret.

The access token names the key and the secret that it was got with; what it may do is read anew from the key at each use. So it has
the key's limits, addresses and revocation, and ends with the secret when the key is rotated or regenerated.
"""

# Authlib is not annotated.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, InvalidScopeError, UnsupportedGrantTypeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from sqlmodel import Session

from backend.accounts import attempts
from backend.api_keys import auth, rules, scopes
from backend.api_keys.rules import KeyRecord
from backend.core import clock, jwts, texts
from backend.core.errors import RateLimited
from backend.core.oauth_server import Answer, FormServer, plain

LIFETIME: Final = timedelta(minutes=15)
GRANT: Final = "client_credentials"
METHODS: Final = ("client_secret_basic", "client_secret_post")
_WRONG: Final = (
    "The client id is the id of an API key (key_...), the client secret is the whole key (xdk_...). "
    "Send both by HTTP Basic, or both in the body as client_id and client_secret."
)
_BUSY: Final = "temporarily_unavailable"  # RFC 6749 has no word of the token endpoint for it; this is section 4.1.2.1's


@dataclass(frozen=True, slots=True)
class KeyAnswer(Answer):
    """What the token endpoint answers; `caller` is the key, once it has proved to be it."""

    caller: KeyRecord | None = None


def answer(session: Session, *, form: list[tuple[str, str]], authorization: str, ip: str) -> KeyAnswer:
    """The answer to a token request: its fields in order, its Authorization header, the address that it came from.

    Failures are counted with those of signing in (5 in 15 minutes by address and client). Raises nothing that is refused: a failure
    must be committed.
    """
    return _Server(session, ip).answer(form, authorization)


def record_for(session: Session, said: Mapping[str, Any]) -> KeyRecord | None:
    """What is known of the key that an access token was got with, whatever its status; None if it is not a key's.

    A token that was asked for with fewer scopes has those of them that the key still holds.
    """
    if "sec" not in said:
        return None
    record = auth.by_secret(session, secret_id=str(said["sec"]), key_id=str(said["sub"]))
    if record is None or "scope" not in said:
        return record
    asked = str(said["scope"]).split()
    return dataclasses.replace(record, scopes=frozenset(scope for scope in asked if scopes.covers(record.scopes, scope)))


class _Client(ClientMixin):
    """A key as a client. One that does not exist is a client too, whose secret is never right: nobody learns which ids there are."""

    def __init__(self, session: Session, client_id: str, ip: str) -> None:
        self._session, self._id, self._ip = session, client_id, ip
        self.record: KeyRecord | None = None

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether it is a key of this id that may be used now, from here. Raises `RateLimited` after too many failures."""
        account = texts.storable(self._id.lower())[:254]
        attempts.require_few(self._session, account=account, ip=self._ip)
        record = auth.authenticate(self._session, client_secret)
        if record is None or record.key_id != self._id:
            attempts.note(self._session, account=account, ip=self._ip, reason="client")
            return False
        refusal = rules.refusal_of_key(record, now=clock.now()) or rules.refusal_of_address(record, self._ip)
        if refusal is not None:
            raise InvalidClientError(status_code=401, description=plain(refusal.detail))
        self.record = record
        return True

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether clients may prove themselves in this way."""
        return method in METHODS and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        """Keys stand for themselves, never for a person."""
        return grant_type == GRANT


class _Grant(ClientCredentialsGrant):
    def __init__(self, request: OAuth2Request, server: AuthorizationServer) -> None:
        super().__init__(request, server)
        self.TOKEN_ENDPOINT_AUTH_METHODS = list(METHODS)

    def validate_requested_scope(self) -> None:
        """Raise `InvalidScopeError` for scopes that the key does not hold."""
        request: Any = self.request
        held: frozenset[str] = request.client.record.scopes
        asked = str(request.payload.scope or "").split()
        missing = sorted(scope for scope in asked if not scopes.covers(held, scope))
        if missing:
            raise InvalidScopeError(description=plain(f"The API key does not hold {', '.join(missing)[:400]}. It holds {_list(held)}."))


class _Server(FormServer):
    """Authlib's server for one request in one transaction."""

    def __init__(self, session: Session, ip: str) -> None:
        super().__init__()
        self._session, self._ip = session, ip
        self._client: _Client | None = None
        self.register_grant(_Grant)
        generator: Any = _token
        self.register_token_generator("default", generator)

    def answer(self, form: list[tuple[str, str]], authorization: str) -> KeyAnswer:
        """Judge what Authlib does not, then let it judge the rest."""
        try:
            _judge(form, authorization)
            told: Any = self.create_token_response((dict(form), authorization))
            return told
        except OAuth2Error as error:
            return self.handle_error_response(None, error)
        except RateLimited as error:
            headers = (*_NEVER_KEPT, ("Retry-After", str(error.retry_after)))
            return KeyAnswer(error.status, {"error": _BUSY, "error_description": plain(error.detail)}, headers)

    def query_client(self, client_id: str) -> _Client:
        self._client = _Client(self._session, client_id, self._ip)
        return self._client

    def handle_response(self, status: int, body: Any, headers: Any) -> Any:
        told: Answer = super().handle_response(status, body, headers)
        return KeyAnswer(told.status, told.body, told.headers, self._client.record if self._client is not None else None)

    def words(self, error: OAuth2Error) -> str:
        """What happened and what to do; Authlib's own words for a client that did not prove itself are lists of its methods."""
        if isinstance(error, UnsupportedGrantTypeError):
            return f"There is no such grant here. Send grant_type={GRANT}."
        if isinstance(error, InvalidClientError) and "methods" in error.description:
            return _WRONG
        return error.description


_NEVER_KEPT: Final = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


def _judge(form: list[tuple[str, str]], authorization: str) -> None:
    """Raise `InvalidRequestError` for what section 5.2 calls malformed, `InvalidClientError` for HTTP Basic that says nothing."""
    names = [name for name, _ in form]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidRequestError(description=plain(f"Sent more than once: {', '.join(repeated)[:200]}. Send each field once."))
    if not dict(form).get("grant_type"):
        raise InvalidRequestError(description=f"grant_type is missing. Send grant_type={GRANT} as application/x-www-form-urlencoded.")
    scheme, _, told = authorization.partition(" ")
    if scheme.lower() == "basic" and not _is_base64(told):
        raise InvalidClientError(status_code=401, description=_WRONG)
    if authorization and "client_secret" in names:
        raise InvalidRequestError(description="The client is authenticated twice. Use HTTP Basic or the fields of the body, not both.")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.strip()).decode()
    except ValueError:
        return False
    return True


def _token(grant_type: str, client: _Client, scope: str | None = None, **_: object) -> dict[str, Any]:
    del grant_type
    record = client.record
    assert record is not None  # noqa: S101 - the grant goes on only with a client that proved itself
    said: dict[str, Any] = {"sub": record.key_id, "sec": record.secret_id, "wsp": record.workspace_id}
    if scope:
        said["scope"] = " ".join(sorted(set(scope.split())))
    return {
        "token_type": "Bearer",
        "access_token": jwts.issue(said, LIFETIME),
        "expires_in": int(LIFETIME.total_seconds()),
        "scope": said.get("scope") or " ".join(sorted(record.scopes)),
    }


def _list(held: frozenset[str]) -> str:
    return ", ".join(sorted(held))[:400] or "none"
