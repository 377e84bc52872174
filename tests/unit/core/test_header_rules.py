"""Which custom headers a webhook may have."""

from __future__ import annotations

import pytest

from backend.core.header_rules import forbidden_header, header_problem

RESERVED = [
    "Connection",
    "keep-alive",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Transfer_Encoding",
    "Upgrade",
    "Proxy-Authorization",
    "Proxy-Anything",
    "Host",
    "User-Agent",
    "Content-Type",
    "Content-Length",
    "content-encoding",
    "Expect",
    "Accept-Encoding",
    "X-Crossdock-Replay",
    "webhook-id",
    "Webhook-Signature",
    "webhook_signature",
    "X-Webhook-Event",
    "x_webhook_signature",
    "svix-id",
    "X-Svix-Signature",
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
]


@pytest.mark.parametrize("name", [*RESERVED, " host "])
def test_reserved_names_are_refused_in_any_spelling(name: str) -> None:
    assert forbidden_header(name)


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "X-Tenant", "Accept", "Cookie", "webhook", "x-hook-id"])
def test_other_names_are_allowed(name: str) -> None:
    assert forbidden_header(name) is None
    assert header_problem(name, "value") is None


@pytest.mark.parametrize("name", ["", "a b", "a:b", "é", "a\n", "(x)", "x" * 129])
def test_a_name_must_be_a_token(name: str) -> None:
    assert "name is" in (header_problem(name, "v") or "")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("a\r\nHost: evil", "line break"),
        ("a\nb", "line break"),
        ("a\0b", "line break"),
        (" leading", "visible"),
        ("trailing ", "visible"),
        ("é", "visible"),
        ("\x7f", "visible"),
        ("x" * 4097, "4097"),
    ],
)
def test_a_value_must_be_one_line_of_visible_characters(value: str, says: str) -> None:
    problem = header_problem("X-Tenant", value)
    assert says in (problem or "")
    assert value not in (problem or "")


@pytest.mark.parametrize("value", ["", "a", "Bearer abc.def", "a\tb c", "x" * 4096])
def test_ordinary_values_are_allowed(value: str) -> None:
    assert header_problem("X-Tenant", value) is None
