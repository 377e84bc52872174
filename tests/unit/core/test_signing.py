"""Webhook secrets and the headers of a delivery, against official vectors and official libraries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from backend.core import signing
from backend.core.signing import Delivery, SignatureStyle, delivery_headers, new_webhook_secret, parse_secret

# Standard Webhooks' own vector, the same in its Python, Go, JavaScript, Java, PHP, Ruby and C# libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers_of(*secrets: str, body: bytes = BODY, timestamp: int | None = None, **options: Any) -> dict[str, str]:
    delivery = Delivery(EVENT_ID, "order.created", "dlv_1", 2, int(time.time()) if timestamp is None else timestamp)
    return delivery_headers(delivery, body, secrets=secrets, user_agent="Crossdock/1", **options)


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
def test_the_official_vector_is_reproduced_with_and_without_prefix(secret: str) -> None:
    assert signing.standard_signature(parse_secret(secret).key, EVENT_ID, TIMESTAMP, BODY) == SIGNATURE


def test_the_older_signature_is_keyed_with_the_whole_secret_text() -> None:
    digest = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
    assert signing.older_signature(SECRET, BODY) == digest
    assert signing.older_signature(SECRET, BODY, SignatureStyle.SHA256) == "sha256=" + digest


def test_the_older_signature_reproduces_githubs_vector() -> None:
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signing.older_signature("It's a Secret to Everybody", b"Hello, World!", SignatureStyle.SHA256) == expected


def test_every_header_of_a_delivery() -> None:
    assert headers_of(SECRET, timestamp=TIMESTAMP) == {
        "Content-Type": "application/json",
        "User-Agent": "Crossdock/1",
        "webhook-id": EVENT_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
        "X-Webhook-Signature": signing.older_signature(SECRET, BODY),
        "X-Webhook-Event": "order.created",
        "X-Webhook-Delivery": "dlv_1",
        "X-Webhook-Timestamp": "1614265330",
        "X-Webhook-Attempt": "2",
    }


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.integers() | st.text(st.characters(codec="utf-8")), max_size=4))
def test_official_libraries_verify_what_we_sign(value: dict[str, Any]) -> None:
    import json

    body = json.dumps(value, ensure_ascii=True).encode()
    secret = new_webhook_secret()
    headers = headers_of(secret, body=body, custom={"Authorization": "x"})
    assert standardwebhooks.Webhook(secret).verify(body, headers) == value
    svix.webhooks.Webhook(secret).verify(body, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new_webhook_secret()).verify(body, headers)


@pytest.mark.parametrize(
    "secret",
    ["Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4", "deadbeef" * 8, "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm8"],
)
def test_a_migrated_base64_secret_verifies_in_a_library_as_it_is(secret: str) -> None:
    standardwebhooks.Webhook(secret).verify(BODY, headers_of(secret))


def test_a_migrated_secret_that_is_no_base64_verifies_by_its_bytes() -> None:
    secret = "my-old-system's_secret:with-punctuation"
    headers = headers_of(secret)
    standardwebhooks.Webhook(secret.encode()).verify(BODY, headers)
    assert headers["X-Webhook-Signature"] == hmac.new(secret.encode(), BODY, hashlib.sha256).hexdigest()


def test_during_rotation_both_secrets_verify_and_the_older_header_keeps_the_previous() -> None:
    current, previous = new_webhook_secret(), new_webhook_secret()
    headers = headers_of(current, previous)
    for secret in (current, previous):
        standardwebhooks.Webhook(secret).verify(BODY, headers)
        svix.webhooks.Webhook(secret).verify(BODY, headers)
    assert headers["X-Webhook-Signature"] == signing.older_signature(previous, BODY)
    assert headers_of(current)["X-Webhook-Signature"] == signing.older_signature(current, BODY)


@pytest.mark.parametrize("name", ["webhook-signature", "WEBHOOK-ID", "x-webhook-signature", "content-type", "user-agent"])
def test_a_custom_header_never_replaces_one_of_ours(name: str) -> None:
    headers = headers_of(SECRET, timestamp=TIMESTAMP, custom={name: "forged", "X-Tenant": "7"})
    assert headers.pop("X-Tenant") == "7"
    assert headers == headers_of(SECRET, timestamp=TIMESTAMP)


def test_a_delivery_without_a_secret_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="one secret"):
        headers_of()


def test_a_new_secret_is_32_random_bytes() -> None:
    secret = new_webhook_secret()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert parse_secret(secret).key == base64.b64decode(secret.removeprefix("whsec_"))
    assert secret not in repr(parse_secret(secret))
    assert secret != new_webhook_secret()


@pytest.mark.parametrize("size", [24, 32, 63, 64])
@pytest.mark.parametrize("padding", [True, False])
def test_prefixed_secrets_of_24_to_64_bytes_are_taken_padded_or_not(size: int, *, padding: bool) -> None:
    text = base64.b64encode(bytes(size)).decode()
    assert parse_secret("whsec_" + (text if padding else text.rstrip("="))).key == bytes(size)


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("", "0 characters"),
        ("short", "5 characters"),
        ("x" * 23, "23 characters"),
        ("x" * 257, "257 characters"),
        ("whsec_", "not base64"),
        ("whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", "not base64"),
        ("whsec_AAAAA", "not base64"),
        ("whsec_" + base64.b64encode(bytes(23)).decode(), "23 bytes"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "65 bytes"),
        ("with a space inside it, long enough", "without spaces"),
        ("line\nbreak-in-a-secret-of-some-length", "printable"),
        ("é" * 30, "ASCII"),
    ],
)
def test_unusable_secrets_are_refused_without_repeating_them(secret: str, says: str) -> None:
    with pytest.raises(signing.BadWebhookSecret, match=says) as caught:
        parse_secret(secret)
    assert len(secret) <= 6 or secret not in str(caught.value)
