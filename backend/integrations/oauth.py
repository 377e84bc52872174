"""The OAuth 2.0 client: Authlib's, over guarded httpx, with the habits of each provider as the catalogue tells them."""

# Authlib is not annotated.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from authlib.common.urls import add_params_to_qs, url_decode, url_encode
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client

from backend.core import clock
from backend.core.egress_calls import Caller, NoAnswer, Reply, Request
from backend.integrations import calls, failures, templates
from backend.integrations.connection import Connection, policy
from backend.integrations.entry import Call, Capture, OAuth
from backend.integrations.failures import Kind

_METHODS: Final = {"basic": "client_secret_basic", "body": "client_secret_post", "form": "form"}
_TOKEN: Final = re.compile(r"[\x20-\x7E]+")  # RFC 6749, appendix A.12
_LONGEST: Final = 10 * 365 * 86400  # seconds; what is further away is as good as never


@dataclass(frozen=True, slots=True)
class Granted:
    """What a token answer holds. `scopes` is None where the provider does not say what it granted."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    refresh_expires_at: datetime | None
    scopes: tuple[str, ...] | None
    answer: Mapping[str, Any] = field(repr=False)

    def tokens(self, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What is stored of it. A refresh token that is not answered goes on (RFC 6749, section 6)."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token or (before or {}).get("refresh_token"),
            "answer": {name: value for name, value in self.answer.items() if name in {"app_id", "team", "enterprise", "scope"}},
        }


@dataclass(frozen=True, slots=True)
class Revoked:
    """What became of a grant at the provider: done, or not and why; None where there is no way but by hand."""

    done: bool | None
    sentence: str
    link: str = ""


def new_verifier() -> str:
    """A PKCE verifier of 86 characters (RFC 7636, section 4.1)."""
    return secrets.token_urlsafe(64)


def authorization_url(connection: Connection, *, state: str, verifier: str | None, redirect_uri: str, scopes: tuple[str, ...]) -> str:
    """Where the browser is sent to consent. Raises `ProviderFailed` for what is not filled in."""
    spec = _spec(connection)
    address = _address(connection, "authorization", spec.authorization_url)
    extra = templates.fill_all(spec.parameters, connection.values)
    if scopes:
        extra["scope"] = spec.separator.join(scopes)
    client, _ = _client(connection, None)
    url, _ = client.create_authorization_url(address, state=state, code_verifier=verifier, redirect_uri=redirect_uri, **extra)
    return str(url)


def exchange(connection: Connection, *, code: str, verifier: str | None, redirect_uri: str) -> Granted:
    """Trade a code for tokens (RFC 6749, section 4.1.3). Raises `ProviderFailed`."""
    more = {"code_verifier": verifier} if verifier is not None else {}
    return _fetch(connection, grant_type="authorization_code", code=code, redirect_uri=redirect_uri, **more)


def mint(connection: Connection) -> Granted:
    """A token for client credentials (RFC 6749, section 4.4). Raises `ProviderFailed`."""
    scopes = _spec(connection).separator.join(connection.requested_scopes)
    return _fetch(connection, grant_type="client_credentials", **({"scope": scopes} if scopes else {}))


def refresh(connection: Connection) -> Granted:
    """New tokens for the refresh token (RFC 6749, section 6), or for client credentials where tokens are minted. Raises `ProviderFailed`."""
    if connection.refresh_class == "remint":
        return mint(connection)
    address = _address(connection, "token", _spec(connection).token_url)
    token = str(connection.tokens.get("refresh_token") or "")
    return _tokens(connection, lambda client: client.refresh_token(address, refresh_token=token))


def capture(connection: Connection, granted: Granted, redirect: Mapping[str, str], caller: Caller) -> dict[str, str]:
    """What the provider told while connecting and later calls need, each checked against its pattern. Raises `ProviderFailed`."""
    found: dict[str, str] = {}
    for each in _spec(connection).captures:
        told = _told(connection, each, granted, redirect, caller)
        if not told and not each.required:
            continue
        if re.fullmatch(each.pattern, told) is None:
            name = connection.entry.name
            raise failures.failed(Kind.ANSWER, f"{name} did not say its {each.name}, or said something else than it does.")
        found[each.name] = told
    return found


def early_captures(connection: Connection, redirect: Mapping[str, str]) -> dict[str, str]:
    """Of these what the redirect says, before there is a token: the token's address may depend on it. Raises `ProviderFailed`."""
    found: dict[str, str] = {}
    for each in _spec(connection).captures:
        told = redirect.get(each.path, "") if each.source == "redirect" else ""
        if told and re.fullmatch(each.pattern, told) is None:
            raise failures.failed(Kind.MIX_UP, f"The answer names {each.name} as {told[:80]!r}, where {connection.entry.name} is not.")
        if told:
            found[each.name] = told
    return found


def revoke(connection: Connection) -> Revoked:
    """End the grant at the provider where that can be done (RFC 7009), and say whether it was."""
    entry, auth = connection.entry, connection.auth
    if auth.oauth is None:
        return Revoked(None, auth.by_hand or f"{entry.name} has no way to end this from here.")
    way = auth.oauth.revocation
    if way.call is None:
        return Revoked(None, way.by_hand, way.link)
    call, values = connection.call("revocation", way.call), connection.values
    if "refresh_token" not in values and "access_token" in values:
        values["refresh_token"] = values["access_token"]  # what there is, it ends all the same
    try:
        with Caller(policy()) as caller:
            reply = caller.send(templates.request(call, values))
    except templates.Unknown:
        return Revoked(None, way.by_hand or f"Nothing is stored that {entry.name} could revoke.", way.link)
    except NoAnswer as error:
        return Revoked(False, f"{entry.name} could not be asked to revoke it. {error} {way.by_hand}".strip(), way.link)
    document = reply.json()
    if reply.status in way.ok and templates.dig(document, "ok") is not False:
        return Revoked(True, f"{entry.name} revoked it.")
    wrong = failures.of_answer(entry, reply)
    cause = connection.scrub(wrong.failure.cause) if wrong is not None else f"{entry.name} answered {reply.status}."
    return Revoked(False, f"It could not be revoked: {cause}", way.link)


def check_issuer(connection: Connection, told: str | None) -> None:
    """Compare `iss` of an authorization answer with who was asked (RFC 9207, section 2.4). Raises `ProviderFailed`.

    Where nobody knows the issuer's name, its host must be one that this provider is asked at.
    """
    spec = _spec(connection)
    wanted = templates.optional(spec.issuer, connection.values) if spec.issuer else None
    name = connection.entry.name
    if told is None:
        if spec.iss_required:
            raise failures.failed(Kind.MIX_UP, f"The answer does not say that it is from {name}, as its answers do.")
        return
    if wanted is not None:
        if told.rstrip("/") != wanted.rstrip("/"):
            raise failures.failed(Kind.MIX_UP, f"The answer is from {told[:120]!r}, but {name} was asked, which is {wanted}.")
        return
    asked = (_address(connection, "authorization", spec.authorization_url), _address(connection, "token", spec.token_url))
    if not any(calls.same_origin(told, address) for address in asked):
        raise failures.failed(Kind.MIX_UP, f"The answer is from {told[:120]!r}, which is not where {name} was asked.")


def refresh_class(connection: Connection, granted: Granted) -> str:
    """How these tokens stay alive."""
    kind = _spec(connection).refresh.kind
    if kind in {"rotating", "stable"}:
        return kind if granted.refresh_token or connection.tokens.get("refresh_token") else "never"
    return kind


class _Answer:
    """An answer in the words by which Authlib asks for one."""

    def __init__(self, reply: Reply) -> None:
        self.status_code, self.reply = reply.status, reply

    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        return self.reply.json()

    def raise_for_status(self) -> None:
        """Whether it is a success was judged before."""


class _Session:
    """What Authlib sends with: one guarded call, its client authentication already in it."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Answer:
        """Send one form."""
        url, sent, body = auth.prepare("POST", url, dict(headers), url_encode(list(data.items())))
        sent.pop("Content-Type", None)
        return _Answer(self._caller.send(Request(method="POST", url=url, headers=sent, form=dict(url_decode(body)))))


def _client(connection: Connection, caller: Caller | None) -> tuple[OAuth2Client, list[dict[str, Any]]]:
    """Authlib's client for a connection, and the list to which each token answer is added as it came."""
    spec, values, entry = _spec(connection), connection.values, connection.entry
    client = OAuth2Client(
        _Session(caller) if caller is not None else None,
        client_id=values.get("client_id"),
        client_secret=values.get("client_secret"),
        token_endpoint_auth_method=_METHODS[spec.client_auth],
        code_challenge_method="S256",
    )
    answers: list[dict[str, Any]] = []

    def authenticate(_client: object, _method: str, uri: str, headers: Any, body: str) -> tuple[str, Any, str]:
        return uri, headers, add_params_to_qs(body, list(templates.fill_all(spec.token_form, values).items()))

    def judge(answer: _Answer) -> _Answer:
        wrong = failures.of_token_answer(entry, answer.reply)
        if wrong is not None:
            raise wrong
        answers.append(answer.json())
        return answer

    client.register_client_auth_method(("form", authenticate))
    client.register_compliance_hook("access_token_response", judge)
    client.register_compliance_hook("refresh_token_response", judge)
    return client, answers


def _fetch(connection: Connection, **fields: str) -> Granted:
    address = _address(connection, "token", _spec(connection).token_url)
    return _tokens(connection, lambda client: client.fetch_token(address, **fields))


def _tokens(connection: Connection, work: Callable[[OAuth2Client], object]) -> Granted:
    name = connection.entry.name
    try:
        with Caller(policy()) as caller:
            client, answers = _client(connection, caller)
            work(client)
    except NoAnswer as error:
        raise failures.of_no_answer(name, error) from error
    except (OAuth2Error, ValueError, TypeError, OverflowError) as error:  # Authlib reads numbers where others send anything
        raise failures.failed(Kind.ANSWER, f"{name} answered the token request with something that is no token.") from error
    return _granted(_spec(connection), answers[-1], name)


def _granted(spec: OAuth, answer: dict[str, Any], name: str) -> Granted:
    told = answer.get("scope")
    scopes = None
    if isinstance(told, str):
        scopes = tuple(sorted({part for part in re.split(r"[\s,]+", told) if part}))
    elif isinstance(told, list):
        scopes = tuple(sorted(str(part) for part in told))
    access = answer["access_token"]
    if len(access) > 16_000:
        raise failures.failed(Kind.ANSWER, f"{name} answered with a token of {len(access):,} characters, which is no token.")
    if _TOKEN.fullmatch(access) is None:
        raise failures.failed(Kind.ANSWER, f"{name} answered with a token that holds characters which no token may hold.")
    fresh = answer.get("refresh_token")
    return Granted(
        access_token=access,
        refresh_token=fresh if isinstance(fresh, str) and fresh else None,
        expires_at=_ends(answer.get("expires_in"), spec.refresh.access_seconds),
        refresh_expires_at=_ends(
            answer.get("refresh_token_expires_in") or answer.get("x_refresh_token_expires_in"), spec.refresh.refresh_seconds
        ),
        scopes=scopes,
        answer=answer,
    )


def _ends(told: Any, otherwise: int | None) -> datetime | None:
    try:
        seconds = float(told) if told is not None else otherwise
    except (TypeError, ValueError):
        seconds = otherwise
    if seconds is None or not 0 < seconds < _LONGEST:
        return None
    return clock.now() + timedelta(seconds=seconds)


def _told(connection: Connection, each: Capture, granted: Granted, redirect: Mapping[str, str], caller: Caller) -> str:
    if each.source == "redirect":
        return redirect.get(each.path, "")
    if each.source == "token":
        return templates.dig_first(granted.answer, (each.path,))
    call: Call = each.call or Call(url="")
    asking = connection.with_tokens({**connection.tokens, **granted.tokens()})
    return templates.dig_first(calls.require(asking, call, caller).json(), (each.path,))


def _spec(connection: Connection) -> OAuth:
    if connection.auth.oauth is None:
        raise failures.failed(Kind.SETTINGS, f"{connection.entry.name} is connected with a key here, not by signing in.")
    return connection.auth.oauth


def _address(connection: Connection, name: str, template: str) -> str:
    own = connection.address(name)
    try:
        return own or templates.fill(template, connection.values)
    except templates.Unknown as error:
        raise failures.of_unknown(connection.entry.name, error) from None
