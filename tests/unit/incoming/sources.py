"""How each source signs, written from its documentation: what tests of verification send."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.incoming import schemes
from backend.incoming.received import Received
from backend.incoming.verification import Verdict, verify

NOW = 1757000000
URL = "https://hooks.example.com/api/v1/webhooks/incoming/xdi_token"
KEY = b"0123456789abcdef0123456789abcdef"
STANDARD = "whsec_" + base64.b64encode(KEY).decode()

Headers = dict[str, str]


def mac(secret: str, data: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.digest(secret.encode(), data, algorithm)


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


@dataclass(frozen=True)
class Source:
    """A scheme, its secret, and the headers that it sends with a body at a time."""

    scheme: str
    secret: str
    sign: Callable[[str, bytes, int], Headers]
    header: str
    timed: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


def _standard(secret: str, body: bytes, at: int) -> Headers:
    digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), f"msg_1.{at}.".encode() + body, "sha256")
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": f"v1,{b64(digest)}"}


def _custom(secret: str, body: bytes, at: int) -> Headers:
    digest = mac(secret, f"{at}:id-1:POST:".encode() + body, "sha512")
    text = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {"x-sig": f"SHA512 {text}", "x-time": str(at), "x-id": "id-1"}


SOURCES = (
    Source(
        "stripe",
        "whsec_stripe",
        lambda s, b, at: {"stripe-signature": f"t={at},v0=00,v1={mac(s, f'{at}.'.encode() + b).hex()}"},
        "stripe-signature",
        timed=True,
    ),
    Source(
        "github",
        "gh",
        lambda s, b, _: {"x-hub-signature-256": f"sha256={mac(s, b).hex()}", "x-github-delivery": "d"},
        "x-hub-signature-256",
    ),
    Source("shopify", "shop", lambda s, b, _: {"x-shopify-hmac-sha256": b64(mac(s, b))}, "x-shopify-hmac-sha256"),
    Source(
        "slack",
        "sl",
        lambda s, b, at: {"x-slack-request-timestamp": str(at), "x-slack-signature": f"v0={mac(s, f'v0:{at}:'.encode() + b).hex()}"},
        "x-slack-signature",
        timed=True,
    ),
    Source(
        "twilio",
        "tw",
        lambda s, b, _: {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": b64(mac(s, URL.encode() + b, "sha1")),  # of a form with one name and no value
        },
        "x-twilio-signature",
    ),
    Source(
        "hubspot",
        "hs",
        lambda s, b, at: {
            "x-hubspot-request-timestamp": f"{at}000",
            "x-hubspot-signature-v3": b64(mac(s, b"POST" + URL.encode() + b + f"{at}000".encode())),
        },
        "x-hubspot-signature-v3",
        timed=True,
    ),
    Source("xero", "xe", lambda s, b, _: {"x-xero-signature": b64(mac(s, b))}, "x-xero-signature"),
    Source("intuit", "qb", lambda s, b, _: {"intuit-signature": b64(mac(s, b))}, "intuit-signature"),
    Source("uber_eats", "ub", lambda s, b, _: {"x-uber-signature": mac(s, b).hex()}, "x-uber-signature"),
    Source(
        "deliveroo",
        "dl",
        lambda s, b, _: {"x-deliveroo-sequence-guid": "g-1", "x-deliveroo-hmac-sha256": mac(s, b"g-1 " + b).hex()},
        "x-deliveroo-hmac-sha256",
    ),
    Source("standard_webhooks", STANDARD, _standard, "webhook-signature", timed=True),
    Source(
        "hmac",
        "own",
        _custom,
        "x-sig",
        timed=True,
        settings={
            "header": "X-Sig",
            "algorithm": "sha512",
            "encoding": "base64url",
            "prefix": "SHA512 ",
            "signed": "{timestamp}:{id}:{method}:{body}",
            "timestamp_header": "X-Time",
            "id_header": "X-Id",
        },
    ),
)


def request(headers: Mapping[str, str] | list[tuple[str, str]], body: bytes, *, url: str = URL, at: float = NOW) -> Received:
    pairs = list(headers.items()) if isinstance(headers, Mapping) else headers
    return Received("POST", (url,), tuple((name.lower(), value) for name, value in pairs), body, at)


def check(scheme: str, secrets: tuple[str, ...], received: Received, **settings: Any) -> Verdict:
    verification, _, errors = schemes.parse({"scheme": scheme, **settings})
    assert not errors
    return verify(verification, secrets, received)


def judged(
    source: Source, headers: Mapping[str, str] | list[tuple[str, str]], body: bytes, *, at: float = NOW, secrets: tuple[str, ...] = ()
) -> Verdict:
    return check(source.scheme, secrets or (source.secret,), request(headers, body, at=at), **source.settings)
