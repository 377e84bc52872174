"""The sandbox's OAuth 2.0 server on Authlib: codes with PKCE, refresh tokens that rotate, revocation, introspection."""

# Authlib is not annotated.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# Its classes take any client and token; ours know their own.
# pyright: reportIncompatibleVariableOverride=false, reportIncompatibleMethodOverride=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from sqlalchemy import update
from sqlmodel import Session, col, select

from backend.core import clock, crypto, ids, tokens
from backend.core.oauth_server import Answer, FormRequest, FormServer
from backend.models import SandboxAccount, SandboxGrant, SandboxToken
from backend.sandbox import clients

SCOPES: Final = ("profile", "contacts.read", "contacts.write", "calendar", "messages")
CODE_LIFETIME: Final = timedelta(minutes=1)
REFRESH_LIFETIME: Final = timedelta(days=30)
METHODS: Final = ("client_secret_basic", "client_secret_post")
_LABEL: Final = "sandbox-token"


class _Client(ClientMixin):
    """A workspace's client."""

    def __init__(self, client_id: str, redirect_uris: Sequence[str]) -> None:
        self.client_id, self._uris = client_id, tuple(redirect_uris)

    def get_client_id(self) -> str:
        """Its id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        """None is assumed: each request names it."""
        return ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it is registered, to the letter (RFC 9700, section 2.1)."""
        return redirect_uri in self._uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether it is this client's."""
        return clients.is_secret(self.client_id, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether clients may prove themselves in this way."""
        del endpoint
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        """Which grants there are."""
        return grant_type in {"authorization_code", "refresh_token"}

    def check_response_type(self, response_type: str) -> bool:
        """Codes alone."""
        return response_type == "code"

    def get_allowed_scope(self, scope: str) -> str:
        """Of what is asked for, what there is; everything if nothing is."""
        wanted = (scope or " ".join(SCOPES)).split()
        return " ".join(each for each in wanted if each in SCOPES)


class Code:
    """A code as Authlib asks about it."""

    def __init__(self, row: SandboxGrant) -> None:
        self.row = row
        self.code_challenge, self.code_challenge_method = row.challenge, "S256"

    def get_redirect_uri(self) -> str:
        """Where it was sent to."""
        return self.row.redirect_uri

    def get_scope(self) -> str:
        """What it allows."""
        return self.row.scope


class Token:
    """A token as Authlib asks about it."""

    def __init__(self, row: SandboxToken, grant: SandboxGrant) -> None:
        self.row, self.grant = row, grant

    def check_client(self, client: _Client) -> bool:
        """Whether it was given to this client."""
        return self.grant.client_id == client.client_id

    def get_scope(self) -> str:
        """What it allows."""
        return self.row.scope

    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.row.expires_at <= clock.now()

    def is_revoked(self) -> bool:
        """Whether it, or its grant, was ended."""
        return self.grant.revoked_at is not None or self.row.used_at is not None


class Server(FormServer):
    """The server for one request in one transaction."""

    realm = "sandbox"

    def __init__(self, session: Session, redirect_uris: Sequence[str] = ()) -> None:
        super().__init__(scopes_supported=list(SCOPES))
        self.session, self._uris = session, redirect_uris
        self.register_grant(_CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Introspection)
        generator: Any = self._token
        self.register_token_generator("default", generator)

    def query_client(self, client_id: str) -> _Client | None:
        return _Client(client_id, self._uris) if clients.workspace_of(client_id) is not None else None

    def form(self, name: str, form: dict[str, str], authorization: str) -> Answer:
        """The answer of the endpoint `token`, `revocation` or `introspection` to a form."""
        request = FormRequest(form, authorization)
        told: Any = self.create_token_response(request) if name == "token" else self.create_endpoint_response(name, request)
        return told

    def _token(self, *, user: SandboxGrant, scope: str, **_: object) -> dict[str, Any]:
        account = account_of(self.session, user.workspace_id)
        dropped = str(account.switches.get("drop_scope") or "")
        granted = " ".join(each for each in scope.split() if each != dropped)
        now = clock.now()
        ttl = timedelta(seconds=account.access_ttl)
        access = self._give(user, "access", granted, now + ttl)
        refresh = self._give(user, "refresh", granted, now + REFRESH_LIFETIME)
        return {
            "token_type": "Bearer",
            "access_token": access,
            "expires_in": account.access_ttl,
            "refresh_token": refresh,
            "scope": granted,
        }

    def _give(self, grant: SandboxGrant, kind: str, scope: str, expires_at: datetime) -> str:
        secret = tokens.new_secret(f"sbx_{kind[0]}t_")
        row = SandboxToken(
            id=ids.new("sbt"),
            workspace_id=grant.workspace_id,
            grant_id=grant.id,
            kind=kind,
            mac=mac_of(secret),
            scope=scope,
            expires_at=expires_at,
        )
        self.session.add(row)
        self.session.flush()
        return secret


class _CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)
    server: Server

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        payload: Any = request.payload
        asked: Any = request
        person, workspace_id = asked.user
        row = SandboxGrant(
            id=ids.new("sbg"),
            workspace_id=workspace_id,
            code_mac=mac_of(code),
            client_id=payload.client_id,
            person=person,
            scope=str(asked.client.get_allowed_scope(payload.scope)),
            redirect_uri=payload.redirect_uri,
            challenge=payload.data.get("code_challenge") or "",
            code_expires_at=clock.now() + CODE_LIFETIME,
        )
        self.server.session.add(row)

    def query_authorization_code(self, code: str, client: _Client) -> Code | None:
        """The code, if it is good. One that comes twice ends what it gave (RFC 6749, section 4.1.2)."""
        session = self.server.session
        row = session.exec(select(SandboxGrant).where(SandboxGrant.code_mac == mac_of(code))).first()
        if row is None or row.client_id != client.client_id:
            return None
        if row.code_used_at is not None:
            revoke(row, "The code was used twice.")
            return None
        return Code(row) if row.code_expires_at > clock.now() and row.revoked_at is None else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        authorization_code.row.code_used_at = clock.now()

    def authenticate_user(self, authorization_code: Code) -> SandboxGrant:
        return authorization_code.row


class _RefreshGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True
    server: Server

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        """The token, if it is good. Each works once; one that comes twice ends its grant (RFC 9700, section 4.14.2)."""
        token = find(self.server.session, refresh_token)
        if token is None or token.row.kind != "refresh" or token.is_expired():
            return None
        if token.grant.revoked_at is not None:
            raise InvalidGrantError(f"The grant was ended. {token.grant.revoked_reason}")
        used = update(SandboxToken).where(col(SandboxToken.id) == token.row.id, col(SandboxToken.used_at).is_(None))
        if self.server.session.connection().execute(used.values(used_at=clock.now())).rowcount != 1:
            revoke(token.grant, "A refresh token came twice.")
            raise InvalidGrantError("This refresh token has been used before. All tokens of the grant were ended.")
        return token

    def authenticate_user(self, refresh_token: Token) -> SandboxGrant:
        return refresh_token.grant

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """It was marked as used when it came."""


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)
    server: Server

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        del token_type_hint
        return find(self.server.session, token_string)

    def revoke_token(self, token: Token, request: object) -> None:
        del request
        if token.row.kind == "refresh":
            revoke(token.grant, "The client revoked it.")
        else:
            token.row.used_at = clock.now()


class _Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)
    server: Server

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        del token_type_hint
        return find(self.server.session, token_string)

    def check_permission(self, token: Token, client: _Client, request: object) -> bool:
        del request
        return token.check_client(client)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return {
            "active": True,
            "client_id": token.grant.client_id,
            "scope": token.row.scope,
            "sub": token.grant.person,
            "exp": int(token.row.expires_at.timestamp()),
            "token_type": "Bearer" if token.row.kind == "access" else "refresh_token",
        }


def mac_of(secret: str) -> str:
    """Under what a code or token is stored."""
    return crypto.keyring().mac(_LABEL, secret).digest_hex


def find(session: Session, secret: str) -> Token | None:
    """A token by its text, whatever its state."""
    macs = [mac.digest_hex for mac in crypto.keyring().macs(_LABEL, secret)]
    row = session.exec(select(SandboxToken).where(col(SandboxToken.mac).in_(macs))).first()
    if row is None:
        return None
    return Token(row, session.get_one(SandboxGrant, row.grant_id))


def revoke(grant: SandboxGrant, reason: str) -> None:
    """End a grant with all its tokens."""
    if grant.revoked_at is None:
        grant.revoked_at, grant.revoked_reason = clock.now(), reason


def account_of(session: Session, workspace_id: str) -> SandboxAccount:
    """The account of a workspace; with nothing switched on where nothing was ever changed."""
    found = session.exec(select(SandboxAccount).where(SandboxAccount.workspace_id == workspace_id)).first()
    return found or SandboxAccount(id="", workspace_id=workspace_id)
