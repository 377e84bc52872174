"""The check of a signature says which step is wrong, and survives hostile input."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core import signing
from backend.core.signature_check import Step, Verification, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOW = 1614265330
BODY = b'{"test":2432232314,"name":"\xc3\xa9"}'
DELIVERY = signing.Delivery("evt_1", "order.created", "dlv_1", 1, NOW)


def sent(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    return signing.delivery_headers(DELIVERY, body, secrets=secrets or (SECRET,), user_agent="Crossdock/1")


def check(
    headers: dict[str, str],
    body: bytes = BODY,
    secret: str = SECRET,
    now: float = NOW,
    sent_body: bytes | None = None,
) -> Verification:
    return verify(secret=secret, headers=headers.items(), body=body, now=now, sent_body=sent_body)


def without(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


def wrong_step(result: Verification) -> tuple[Step, str]:
    assert not result.ok
    assert result.wrong is not None
    return result.wrong.step, result.wrong.text


def test_what_we_send_verifies_in_every_step() -> None:
    result = check(sent())
    assert result.ok
    assert result.wrong is None
    assert [finding.step for finding in result.findings] == list(Step)


def test_the_official_positive_and_negative_vectors() -> None:
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(NOW)}
    right = {**headers, "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
    wrong = {**headers, "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="}
    body = b'{"test": 2432232314}'
    assert check(right, body).ok
    assert wrong_step(check(wrong, body))[0] is Step.SIGNATURE
    assert check({name.replace("webhook", "svix"): value for name, value in right.items()}, body).ok


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named_and_the_older_one_does_not_rescue(name: str) -> None:
    step, text = wrong_step(check(without(sent(), name)))
    assert step is Step.HEADERS
    assert name in text


def test_no_signature_header_at_all() -> None:
    step, text = wrong_step(check({"Content-Type": "application/json"}))
    assert step is Step.HEADERS
    assert "proxy" in text


def test_a_repeated_header_with_two_values_is_refused() -> None:
    pairs = [*sent().items(), ("Webhook-Id", "evt_2")]
    step, text = wrong_step(verify(secret=SECRET, headers=pairs, body=BODY, now=NOW))
    assert step is Step.HEADERS
    assert "webhook-id is there more than once" in text


@pytest.mark.parametrize("value", ["soon", "1614265330.5", "-1", "+1614265330", "١٦١٤٢٦٥٣٣٠", "1e9", "9" * 400, "1_000", "0x10"])
def test_a_malformed_timestamp(value: str) -> None:
    assert wrong_step(check({**sent(), "webhook-timestamp": value}))[0] is Step.TIMESTAMP


@pytest.mark.parametrize(("offset", "ok"), [(300, True), (301, False), (-300, True), (-301, False)])
def test_five_minutes_either_way_are_allowed(offset: int, *, ok: bool) -> None:
    result = check(sent(), now=NOW + offset)
    assert result.ok is ok
    if not ok:
        step, text = wrong_step(result)
        assert step is Step.FRESHNESS
        assert ("old" if offset > 0 else "future") in text


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("v1", "comma"),
        ("v1 abc", "comma"),
        ("a" * 64, "hex digits"),
        ("v1,", "v1,<base64"),
        ("v1,g0hM9SsE+OTPJTGt", "v1,<base64"),
        ("v1,!!!", "v1,<base64"),
        ("v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==", "v1,<base64"),
        ("v2," + base64.b64encode(bytes(32)).decode(), "v1,<base64"),
        (",,, , ,", "v1,<base64"),
        ("v1,é", "v1,<base64"),
    ],
)
def test_an_unreadable_signature_header(value: str, says: str) -> None:
    step, text = wrong_step(check({**sent(), "webhook-signature": value}))
    assert step is Step.FORMAT
    assert says in text


def test_one_right_signature_among_others_is_enough() -> None:
    headers = sent()
    junk = "v1," + base64.b64encode(bytes(32)).decode()
    headers["webhook-signature"] = f"v1a,abc {junk} {headers['webhook-signature']} v1"
    assert check(headers).ok


def test_a_wrong_secret() -> None:
    step, text = wrong_step(check(sent(), secret=OTHER))
    assert step is Step.SIGNATURE
    assert "secret is another webhook's" in text


def test_a_wrong_secret_is_certain_when_the_sent_body_is_known() -> None:
    assert "The body is right" in wrong_step(check(sent(), secret=OTHER, sent_body=BODY))[1]


def test_a_changed_body_is_certain_when_the_sent_body_is_known() -> None:
    assert "secret is right" in wrong_step(check(sent(), BODY + b"x", sent_body=BODY))[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda body: json.dumps(json.loads(body), indent=2).encode(), "without spaces"),
        (lambda body: json.dumps(json.loads(body)).encode(), "without spaces"),
        (lambda body: body + b"\n", "white space"),
        (lambda body: b"\xef\xbb\xbf" + body, "byte order mark"),
    ],
)
def test_a_body_that_a_framework_changed_is_recognised(change: Callable[[bytes], bytes], says: str) -> None:
    step, text = wrong_step(check(without(sent(), "X-Webhook-Signature"), change(BODY)))
    assert step is Step.SIGNATURE
    assert says in text


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_a_changed_id_or_time_is_told_by_the_older_signature(name: str) -> None:
    headers = {**sent(), name: str(NOW + 1)}
    step, text = wrong_step(check(headers))
    assert step is Step.SIGNATURE
    assert "webhook-id or webhook-timestamp" in text


def test_a_signature_made_with_the_secrets_text_is_recognised() -> None:
    headers = {**sent(), "webhook-signature": signing.standard_signature(SECRET.encode(), "evt_1", NOW, BODY)}
    assert "Decode the base64" in wrong_step(check(headers))[1]


def test_a_signature_of_the_body_alone_is_recognised() -> None:
    digest = hmac.new(signing.parse_secret(SECRET).key, BODY, hashlib.sha256).digest()
    headers = {**sent(), "webhook-signature": "v1," + base64.b64encode(digest).decode()}
    assert "body alone" in wrong_step(check(headers))[1]


def test_during_rotation_the_new_secret_verifies_and_the_older_header_is_explained() -> None:
    result = check(sent(SECRET, OTHER))
    assert result.ok
    assert result.wrong is not None
    assert result.wrong.step is Step.OLDER_SIGNATURE
    assert "overlap" in result.wrong.text
    assert check(sent(SECRET, OTHER), secret=OTHER).wrong is None


@pytest.mark.parametrize("style", list(signing.SignatureStyle))
def test_the_older_header_alone_can_be_checked(style: signing.SignatureStyle) -> None:
    headers = {"x-webhook-signature": signing.older_signature(SECRET, BODY, style)}
    assert check(headers).ok
    assert wrong_step(check(headers, BODY + b" "))[0] is Step.OLDER_SIGNATURE


@pytest.mark.parametrize("value", ["", "abc", "sha1=" + "a" * 40, "é" * 64, "sha256=" + "a" * 63, "a" * 63 + "\udc00"])
def test_an_unreadable_older_header(value: str) -> None:
    step, text = wrong_step(check({"X-Webhook-Signature": value}))
    assert step is Step.OLDER_SIGNATURE
    assert "64 hex digits" in text


def test_the_older_header_made_with_decoded_bytes_is_recognised() -> None:
    digest = hmac.new(signing.parse_secret(SECRET).key, BODY, hashlib.sha256).hexdigest()
    assert "decoded bytes" in wrong_step(check({"X-Webhook-Signature": digest}))[1]


def test_an_unusable_secret_is_the_first_step() -> None:
    assert wrong_step(check(sent(), secret="whsec_???"))[0] is Step.SECRET


def test_a_pasted_secret_may_have_white_space_around_it() -> None:
    assert check(sent(), secret=f" {SECRET}\n").ok


HOSTILE = st.text(st.characters(categories=None), max_size=60) | st.sampled_from(
    ["v1," + "A" * 100000, "v1,A " * 5000, "\0", "v1,\udc00", "9" * 12, ",", "=" * 50]
)


@given(
    st.dictionaries(
        st.sampled_from(["webhook-id", "Webhook-Timestamp", "webhook-signature", "X-Webhook-Signature", "svix-id", ""]),
        HOSTILE,
    ),
    st.binary(max_size=50),
    HOSTILE,
)
def test_hostile_input_never_verifies_and_never_raises(headers: dict[str, str], body: bytes, secret: str) -> None:
    assert not check(headers, body).ok
    assert not check({**sent(), **headers}, body).ok or body == BODY
    assert not check(sent(), body + b"!", secret=secret).ok
