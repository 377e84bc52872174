"""Every mistake in the settings of a webhook is told, all at once, with what would be right."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.egress import EgressPolicy
from backend.core.errors import FieldError, Invalid
from backend.webhooks import validation

NAMES = frozenset({"order.created", "order.updated", "contact.created", "POST_PUBLISHED"})
OWN = "http://127.0.0.1:8000"


def clean(*, require_https: bool = False, stored: dict[str, str] | None = None, allow: str = "", **fields: Any) -> dict[str, Any]:
    networks = [ipaddress.ip_network(allow)] if allow else []
    egress = EgressPolicy.from_origins(networks, [OWN], require_https=require_https)
    return validation.clean(fields, validation.Check(NAMES, egress, stored_headers=stored or {}))


def refusal(**fields: Any) -> tuple[str, str]:
    """Path and sentence of the one thing that is wrong."""
    with pytest.raises(Invalid) as refused:
        clean(**fields)
    (error,) = refused.value.errors
    assert error.fix
    return error.path, f"{error.message} {error.fix}"


REFUSED: list[tuple[str, Any, str, str]] = [
    ("url", "", "url", "is missing. Give the address"),
    ("url", None, "url", "is missing."),
    ("url", 7, "url", "is missing."),
    ("url", "https://example.com/" + "x" * 2000, "url", "has 2020 characters. Use at most 2000."),
    ("url", "ftp://example.com", "url", "must begin with https:// or http://"),
    ("url", "example.com/hook", "url", "must begin with https:// or http://"),
    ("url", "https://user:pass@example.com/", "url", "holds a user name or password"),
    ("url", "https://exa mple.com/", "url", "holds a space"),
    ("url", "https://example.com/\ud800", "url", "half a character"),
    ("url", "https://example.com/\0", "url", "half a character"),
    ("url", "https:///path", "url", "has no host"),
    ("url", "http://127.0.0.1/hook", "url", "127.0.0.1 is not allowed: loopback (127.0.0.0/8). Use a public address, or ask the operator"),
    ("url", "http://10.1.2.3/hook", "url", "private (10.0.0.0/8)"),
    ("url", "http://169.254.169.254/latest", "url", "cloud metadata"),
    ("url", "http://[::1]/hook", "url", "loopback"),
    ("url", "http://localhost:9000/hook", "url", "localhost is not allowed: loopback"),
    ("url", "http://api.localhost/hook", "url", "loopback"),
    ("url", OWN + "/api/v1/events", "url", "loopback"),
    ("url", OWN + "/receiver/../api", "url", "loopback"),
    ("events", [], "events", "is empty."),
    ("events", None, "events", "is empty."),
    ("events", "order.created", "events", "is empty."),
    ("events", ["order.create"], "events[0]", "'order.create' is not an event type. Did you mean order.created?"),
    ("events", ["*", "orders.*"], "events[1]", "Did you mean order.*?"),
    ("events", ["order.created", 5], "events[1]", "5 is not a text."),
    ("events", ["x" * 500], "events[0]", "is not an event type."),
    ("events", ["order.created"] * 101, "events", "has 101 entries. Use at most 100"),
    ("name", "x" * 121, "name", "has 121 characters. Use at most 120."),
    ("name", 5, "name", "5 is not a text."),
    ("name", "a\nb", "name", "holds characters that cannot be shown."),
    ("filter", {"field": "data.total", "op": "above", "value": 1}, "filter.op", ""),
    ("filter", [], "filter", ""),
    ("headers", ["X-A"], "headers", "is not an object of names and values."),
    ("headers", {f"X-{number}": "1" for number in range(21)}, "headers", "has 21 entries. Use at most 20."),
    ("headers", {"Host": "evil"}, "headers.Host", "cannot be set."),
    ("headers", {"webhook-signature": "v1,x"}, "headers.webhook-signature", "reserved"),
    ("headers", {"X-Webhook-Signature": "x"}, "headers.X-Webhook-Signature", "reserved"),
    ("headers", {"Connection": "close"}, "headers.Connection", "belongs to the connection"),
    ("headers", {"X A": "1"}, "headers.X A", "A header name is"),
    ("headers", {"X-A": "1\r\nX-B: 2"}, "headers.X-A", "line break"),
    ("headers", {"X-A": "é"}, "headers.X-A", "visible ASCII"),
    ("headers", {"X-A": 5}, "headers.X-A", "int is not a text."),
    ("headers", {"X-A": "1", "x-a": "2"}, "headers.x-a", "is there twice"),
    ("headers", {"X-A": validation.MASK}, "headers.X-A", "visible ASCII"),
    ("verify_ssl", "yes", "verify_ssl", "'yes' is neither true nor false. Send true or false."),
    ("timeout", 0.5, "timeout", "0.5 is out of range. Use 1 to 30 seconds."),
    ("timeout", 31, "timeout", "31 is out of range."),
    ("timeout", "15", "timeout", "'15' is not a number."),
    ("timeout", None, "timeout", "None is not a number."),
    ("timeout", True, "timeout", "True is not a number."),
    ("timeout", float("nan"), "timeout", "nan is not a number."),
    ("retry_policy", [5], "retry_policy", "is not an object."),
    ("retry_policy", {"schedule": [5, -1]}, "retry_policy.schedule[1]", "-1 is out of range."),
    ("retry_policy", {"max_retries": 99}, "retry_policy.max_retries", "99 is not a whole number of retries. Use 0 to 20."),
    ("rate_limit", 0, "rate_limit", "0 is out of range. Use more than 0"),
    ("rate_limit", -1, "rate_limit", "-1 is out of range."),
    ("rate_limit", 1001, "rate_limit", "is out of range."),
    ("rate_limit", "fast", "rate_limit", "'fast' is not a number."),
    ("signature_style", "md5", "signature_style", "'md5' is not a style. Use hex, or sha256"),
    ("signature_style", ["hex"], "signature_style", "is not a style."),
    ("secret", "short", "secret", "The secret has 5 characters"),
    ("secret", "whsec_eHh4", "secret", "24 to 64 are needed"),
    ("secret", 5, "secret", "is not a text."),
    ("is_active", "false", "is_active", "'false' is neither true nor false."),
    ("auto_disable", 1, "auto_disable", "1 is neither true nor false."),
    ("disable_after_days", 0, "disable_after_days", "0 is not a number of days. Use 1 to 30."),
    ("disable_after_days", 2.5, "disable_after_days", "2.5 is not a number of days."),
    ("metadata", [1], "metadata", "is not an object."),
    ("metadata", {"x": "y" * 17_000}, "metadata", "Use at most 16,384."),
    ("metadata", {"x": {1, 2}}, "metadata", "$.x is a set, which JSON cannot carry."),
    ("metadata", {"x": float("inf")}, "metadata", "is not a JSON number"),
    ("metadata", {"x": ["a\0b"]}, "metadata", "holds a text with a NUL or half a character."),
    ("metadata", {"\ud800": 1}, "metadata", "half a character."),
    ("filter", {"field": "data.name", "op": "eq", "value": "a\0"}, "filter", "holds a text with a NUL"),
    ("external_ref", "x" * 201, "external_ref", "has 201 characters. Use at most 200."),
]


@pytest.mark.parametrize(("field", "value", "path", "sentence"), REFUSED, ids=lambda value: str(value)[:30])
def test_a_wrong_field_is_named_with_what_would_be_right(field: str, value: Any, path: str, sentence: str):
    found, told = refusal(**{field: value})
    assert found == path
    assert sentence in told


def test_every_field_has_its_refusals():
    assert {field for field, *_ in REFUSED} == set(validation._FIELDS)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(Invalid) as refused:
        clean(
            url="http://10.0.0.1/",
            events=["order.craeted", "nothing"],
            headers={"Host": "x", "X-A": "1\n2"},
            timeout=99,
            rate_limit=0,
            retry_policy={"schedule": [-1], "max_retries": 3},
        )
    assert [error.path for error in refused.value.errors] == [
        "url",
        "events[0]",
        "events[1]",
        "headers.Host",
        "headers.X-A",
        "timeout",
        "rate_limit",
        "retry_policy.schedule",
        "retry_policy.schedule[0]",
    ]


def test_a_refusal_never_repeats_a_secret():
    for fields in ({"secret": "s3cret"}, {"headers": {"X-A": "s3cret\n"}}, {"headers": {"X-A": ["s3cret"]}}):
        assert "s3cret" not in refusal(**fields)[1]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com:8080/hook?x=1",
        "https://does-not-resolve.invalid/hook",
        "https://bücher.example/hook",
        "https://93.184.216.34/hook",
        OWN + "/receiver/rcv_abc",
    ],
)
def test_urls_that_deliveries_may_go_to(url: str):
    assert clean(url=f"  {url} ")["url"] == url


def test_plain_http_is_refused_where_https_is_required_but_for_our_own_receiver():
    assert "must begin with https://" in refusal(url="http://example.com/", require_https=True)[1]
    assert clean(url="https://example.com/", require_https=True)
    assert clean(url=OWN + "/receiver/rcv_abc", require_https=True)


def test_an_operator_may_allow_a_private_network():
    assert clean(url="http://127.0.0.1:9000/hook", allow="127.0.0.0/8")
    assert clean(url="http://localhost:9000/hook", allow="127.0.0.0/8")
    assert "private" in refusal(url="http://10.0.0.1/", allow="127.0.0.0/8")[1]


def test_values_are_stored_in_one_form():
    assert clean(events=("order.*", "*", "order.*"))["events"] == ["order.*", "*"]
    assert clean(timeout=7)["timeout"] == 7.0
    empty = clean(filter={}, headers=None, retry_policy=None, rate_limit=None, metadata=None, secret=None, external_ref=None)
    assert empty == {
        "filter": None,
        "headers": {},
        "retry_policy": {},
        "rate_limit": None,
        "metadata": {},
        "secret": None,
        "external_ref": None,
    }
    assert clean(name="", url="https://Acme.Example:8443/x")["name"] == "acme.example"
    assert clean(name="", url="https://[2606:4700::1111]/x")["name"] == "2606:4700::1111"


def test_a_masked_header_keeps_the_stored_value_in_any_case():
    assert clean(headers={"X-a": validation.MASK}, stored={"X-A": "kept"})["headers"] == {"X-a": "kept"}


TEXTS = st.text(st.characters(), max_size=15)  # halves of surrogate pairs too, which JSON can say
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(validation._FIELDS)), JSON))
def test_whatever_json_is_sent_is_taken_or_refused_with_paths(fields: dict[str, Any]):
    errors: list[FieldError] | None = None
    try:
        taken = clean(**fields)
        assert json.dumps(taken, ensure_ascii=False).encode()
    except Invalid as refused:
        errors = list(refused.errors)
    assert errors is None or {error.path.split(".")[0].split("[")[0] for error in errors} <= fields.keys()
    assert errors != []
    for error in errors or []:
        assert f"{error.path}{error.message}{error.fix}".encode()
