"""What is secret never reaches the log of requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core import redaction, signing, tokens

X = redaction.HIDDEN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a=1&b=2", "a=1&b=2"),
        ("api_key=xdk_abc&page=2", f"api_key={X}&page=2"),
        ("API_KEY=x&apiKey=y&api-key=z", f"API_KEY={X}&apiKey={X}&api-key={X}"),
        ("access_token=x&refreshToken=y&client_secret=z", f"access_token={X}&refreshToken={X}&client_secret={X}"),
        ("code=abc&state=def&scope=read", f"code={X}&state={X}&scope=read"),
        ("api%5Fkey=abc", f"api%5Fkey={X}"),
        ("user%5Bpassword%5D=abc", f"user%5Bpassword%5D={X}"),
        ("token", "token"),
        ("q=a%20b&q=c&", "q=a%20b&q=c&"),
        ("monkey=1&author=me&tokens", "monkey=1&author=me&tokens"),
    ],
)
def test_secret_parameters_of_a_query(text: str, expected: str) -> None:
    assert redaction.query(text) == expected


@given(st.text(st.characters(exclude_characters="&="), max_size=10))
def test_our_own_secrets_are_cut_under_any_parameter_name(name: str) -> None:
    for secret in (tokens.new_api_key(), signing.new_webhook_secret(), tokens.new_secret("xds_")):
        shown = redaction.query(f"{name}={secret}&{secret}&{secret}=1&q=before%20{secret}%20after")
        assert secret.partition("_")[2][:8] not in shown


def test_a_key_that_is_percent_encoded_is_cut_too() -> None:
    key = tokens.new_api_key()
    encoded = "".join(f"%{ord(character):02X}" for character in key)
    assert redaction.query(f"q={encoded}") == f"q={X}"


@given(st.text())
def test_any_text_is_survived_and_keeps_its_number_of_parameters(text: str) -> None:
    assert redaction.query(text).count("&") == text.count("&")


@pytest.mark.parametrize("name", ["apiKey", "client-secret", "X-Auth-Token", "user[password]", "session", "webhook.signature"])
def test_names_of_secrets(name: str) -> None:
    assert redaction.is_secret_name(name)


@pytest.mark.parametrize("name", ["name", "monkey", "author", "description", "keyboard", "codec", "statement", "designation"])
def test_names_of_other_things(name: str) -> None:
    assert not redaction.is_secret_name(name)


def test_what_is_searched_for_is_hidden_where_that_is_asked_for() -> None:
    assert redaction.query("limit=5&q=Ada+Byron&status=dead", hidden={"q"}) == "limit=5&q=[redacted]&status=dead"
