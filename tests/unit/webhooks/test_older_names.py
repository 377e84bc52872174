"""Bodies of older systems under the names of ours."""

from __future__ import annotations

from typing import Any

import pytest

from backend.webhooks import older_names
from backend.webhooks.schemas import WebhookCreate, WebhookUpdate


@pytest.mark.parametrize(
    ("body", "ours"),
    [
        ({"isActive": False}, {"is_active": False}),
        ({"active": True}, {"is_active": True}),
        ({"enabled": False}, {"is_active": False}),
        ({"is_active": True, "active": False}, {"is_active": True}),
        ({"webhookUrl": "https://a.test"}, {"url": "https://a.test"}),
        ({"id": "webhook-acme"}, {"external_ref": "webhook-acme"}),
        ({"maxRetries": 3}, {"retry_policy": {"max_retries": 3}}),
        ({"retryConfig": {"maxRetries": 5, "backoffMultiplier": 2}}, {"retry_policy": {"max_retries": 5, "multiplier": 2}}),
        ({"retryPolicy": {"maxRetries": 3, "backoffMs": 1500}}, {"retry_policy": {"max_retries": 3, "initial_delay": 1.5}}),
        ({"retry_policy": {"schedule": [5]}}, {"retry_policy": {"schedule": [5]}}),
        ({"retry_policy": {"initialDelay": 5, "maxDelay": 9}}, {"retry_policy": {"initial_delay": 5, "max_delay": 9}}),
        ({"retry_policy": None}, {"retry_policy": None}),
        ({"retry_policy": "often"}, {"retry_policy": "often"}),
        ({"retry_policy": {}}, {"retry_policy": {}}),
        ({"retryPolicy": {"backoffMs": "1s"}}, {"retry_policy": {"initial_delay": "1s"}}),
        ({"maxRetries": 3, "retryConfig": {"maxRetries": 5}}, {"retry_policy": {"max_retries": 5}}),
        ({"url": "https://a.test", "other": 1}, {"url": "https://a.test", "other": 1}),
    ],
)
def test_older_names_become_ours(body: dict[str, Any], ours: dict[str, Any]):
    assert older_names.translate(body) == ours


def test_camel_case_is_taken_everywhere():
    body = {
        "verifySsl": False,
        "rateLimit": 5,
        "signatureStyle": "sha256",
        "autoDisable": False,
        "disableAfterDays": 3,
        "externalRef": "x",
        "isActive": False,
    }
    assert WebhookUpdate.model_validate(body).changes() == {
        "verify_ssl": False,
        "rate_limit": 5,
        "signature_style": "sha256",
        "auto_disable": False,
        "disable_after_days": 3,
        "external_ref": "x",
        "is_active": False,
    }


def test_only_what_was_sent_changes():
    assert WebhookUpdate.model_validate({}).changes() == {}
    assert WebhookUpdate.model_validate({"rate_limit": None}).changes() == {"rate_limit": None}


def test_a_body_without_what_is_required_reaches_the_check():
    given = WebhookCreate.model_validate({"timeout": "soon"}).input()
    assert (given.url, given.events, given.timeout) == ("", [], "soon")
    assert WebhookCreate.model_json_schema()["required"] == ["url", "events"]
    assert WebhookCreate.model_json_schema()["properties"]["events"]["items"] == {"type": "string"}
