"""What the vendors' own packages sign is accepted from end to end, and nothing that was changed on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
import standardwebhooks
import stripe
from slack_sdk.signature import SignatureVerifier
from twilio.request_validator import RequestValidator

from backend.incoming import service
from tests.integration.incoming import steps
from tests.integration.incoming.steps import Post

pytestmark = pytest.mark.usefixtures("database", "redis")

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = json.dumps({"id": "evt_1", "event_id": "Ev1", "type": "person", "email": "ada@example.com", "name": "Ada é"}).encode()
FORM = {"content-type": "application/x-www-form-urlencoded"}


def _stripe(_token: str) -> tuple[bytes, Mapping[str, str], str]:
    return BODY, {"stripe-signature": stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET)}, ""


def _slack(_token: str) -> tuple[bytes, Mapping[str, str], str]:
    at = str(int(time.time()))
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=at, body=BODY)
    return BODY, {"x-slack-request-timestamp": at, "x-slack-signature": str(signature)}, ""


def _standard(_token: str) -> tuple[bytes, Mapping[str, str], str]:
    now = datetime.now(UTC)
    signature = standardwebhooks.Webhook(SECRET).sign("msg_1", now, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    return BODY, headers, ""


def _twilio_form(token: str) -> tuple[bytes, Mapping[str, str], str]:
    sent = {"MessageSid": "SM1", "email": "ada@example.com", "name": "Ada é"}
    signature = RequestValidator(SECRET).compute_signature(service.url(token) + "?from=sms", sent)
    return urlencode(sent).encode(), {**FORM, "x-twilio-signature": signature}, "?from=sms"


def _twilio_json(token: str) -> tuple[bytes, Mapping[str, str], str]:
    query = "?bodySHA256=" + RequestValidator(SECRET).compute_hash(BODY.decode())
    return BODY, {"x-twilio-signature": RequestValidator(SECRET).compute_signature(service.url(token) + query, {})}, query


SIGNERS = {"stripe": _stripe, "slack": _slack, "standard_webhooks": _standard, "twilio": _twilio_form, "twilio json": _twilio_json}


@pytest.mark.parametrize("name", SIGNERS)
def test_a_request_that_the_vendors_package_signs_becomes_a_record_once(name: str) -> None:
    owner = steps.people()
    _, token = steps.make(owner, verification={"scheme": name.partition(" ")[0], "secret": SECRET})
    body, headers, query = SIGNERS[name](token)

    async def post_all(post: Post) -> None:
        answer = await post(token, body.replace(b"Ada", b"Eve"), headers, query)
        assert answer.status_code == 401, answer.text
        assert answer.json()["detail"].startswith("The step signature failed.")
        answer = await post(token, body, headers, query)
        assert (answer.status_code, bool(answer.headers["x-record-id"])) == (201 if "twilio" not in name else 200, True), answer.text
        again = await post(token, body, headers, query)
        assert again.status_code == 200
        assert again.headers["x-record-id"] == answer.headers["x-record-id"]

    steps.talk(post_all)
    assert [record["name"] for record in steps.all_of(owner)] == ["Ada é"]
    expected = ["rejected", "accepted", "accepted" if name == "twilio json" else "duplicate"]
    assert [row.status for row in steps.stored(owner)] == expected
