"""What our OAuth 2.0 servers have in common: Authlib's server for one form in one transaction, its refusals in plain words."""

# Authlib is not annotated.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from authlib.oauth2.base import OAuth2Error, invalid_error_characters
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answers: RFC 6749, sections 5.1 and 5.2."""

    status: int
    body: dict[str, Any]
    headers: tuple[tuple[str, str], ...] = ()


class FormRequest(OAuth2Request):
    """A request of one form, its fields sent once each."""

    def __init__(self, form: Mapping[str, str], authorization: str = "", *, method: str = "POST") -> None:
        # Whether the way here is encrypted is settled at the door, for every call alike; Authlib would judge by an address alone.
        super().__init__(method, "https://localhost/oauth/token", headers={"Authorization": authorization} if authorization else {})
        self._form = dict(form)
        self.payload = BasicOAuth2Payload(self._form)

    @property
    def form(self) -> dict[str, str]:
        return self._form


class FormServer(AuthorizationServer):
    """Authlib's server, that stores nothing, tells nobody, and answers with `Answer`."""

    realm = "crossdock"

    def save_token(self, token: object, request: object) -> None:
        """Nothing is stored: the token carries what is needed."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: OAuth2Request | tuple[dict[str, str], str]) -> OAuth2Request:
        if isinstance(request, OAuth2Request):
            return request
        return FormRequest(*request)

    def handle_response(self, status: int, body: Any, headers: Any) -> Any:
        told = {name: value for name, value in headers if name.lower() != "content-type"}
        if body and body.get("error") == InvalidClientError.error:
            status, told["WWW-Authenticate"] = 401, f'Basic realm="{self.realm}"'
        return Answer(status, body or {}, tuple(told.items()))

    def handle_error_response(self, request: object, error: OAuth2Error) -> Any:
        del request
        status, body, headers = cast("tuple[int, Any, Any]", error())
        if not isinstance(body, dict):  # a redirect: it says why in the address
            return self.handle_response(status, {}, headers)
        body["error_description"] = plain(self.words(error))
        return self.handle_response(status, body, headers)

    def words(self, error: OAuth2Error) -> str:
        """What happened and what to do."""
        return error.description


def plain(text: str) -> str:
    """`text` in the characters that a description may have (section 5.2), so that what is quoted cannot break out of it."""
    wrong = set(invalid_error_characters(text))
    return "".join("'" if char in wrong else char for char in text)
