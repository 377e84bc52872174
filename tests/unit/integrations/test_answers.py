"""What providers answer although they should not: no token, no page, and nothing that breaks us."""

from __future__ import annotations

from typing import Any, Self

import orjson
import pytest

from backend.core.egress_calls import Reply, Request
from backend.integrations import calls, catalogue, oauth, syncing
from backend.integrations.connection import Connection
from backend.integrations.failures import Kind, ProviderFailed

ENTRY = catalogue.get("custom")
CONFIG = {"client_id": "c", "authorization_address": "https://a.example.com", "token_address": "https://a.example.com/token"}
CUSTOM = Connection("int_1", "ws_1", "Custom", ENTRY, ENTRY.auth_of("oauth2"), CONFIG, {}, secrets={"client_secret": "s" * 20})


class Answering:
    """A caller whose every answer is the same."""

    body = b""

    def __init__(self, *_: Any) -> None:
        """Nothing to open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def send(self, request: Request) -> Reply:
        """The answer."""
        assert request.form is not None
        return Reply(200, {}, self.body)


@pytest.mark.parametrize(
    "odd",
    [{"expires_at": [1]}, {"expires_in": "soon"}, {"access_token": "\u043a"}, {"access_token": "a\r\nX: y"}],
)
def test_a_token_answer_that_cannot_be_read_is_told(odd: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answering, "body", orjson.dumps({"access_token": "t", "token_type": "Bearer", **odd}))
    monkeypatch.setattr(oauth, "Caller", Answering)
    with pytest.raises(ProviderFailed) as failed:
        oauth.exchange(CUSTOM, code="c", verifier=None, redirect_uri="https://us.example.com")
    assert failed.value.failure.kind is Kind.ANSWER


def test_a_page_that_is_no_json_is_no_page_without_items() -> None:
    spec = catalogue.get("sandbox").sync
    assert spec is not None
    assert syncing.document_of(spec, Reply(200, {}, b"")) is None
    with pytest.raises(ProviderFailed, match="should be JSON"):
        syncing.document_of(spec, Reply(200, {}, b"<html>"))


def test_an_issuer_that_is_no_address_is_another() -> None:
    assert not calls.same_origin("http://[::1", "https://a.example.com")
