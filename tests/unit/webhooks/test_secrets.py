"""Secrets of a webhook at rest and while a rotation overlaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from backend.core import crypto
from backend.models import Webhook
from backend.webhooks import secrets

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _keys() -> None:
    crypto.configure(["k" * 32])


def webhook(identifier: str = "whk_1", **values: object) -> Webhook:
    row = Webhook(
        id=identifier, workspace_id="wsp_1", name="n", url="https://example.com", created_by="usr_1", updated_at=NOW,
        secret_encrypted=secrets.encrypt("secret_encrypted", identifier, "whsec_new"),
    )  # fmt: skip
    for name, value in values.items():
        setattr(row, name, value)
    return row


def test_both_secrets_sign_until_the_overlap_ends():
    row = webhook(
        previous_secret_encrypted=secrets.encrypt("previous_secret_encrypted", "whk_1", "whsec_old"),
        previous_secret_expires_at=NOW + timedelta(hours=1),
    )
    assert secrets.sending_secrets(row, NOW) == ["whsec_new", "whsec_old"]
    assert secrets.sending_secrets(row, NOW + timedelta(hours=1)) == ["whsec_new"]
    assert secrets.sending_secrets(webhook(), NOW) == ["whsec_new"]


def test_a_sealed_value_opens_only_in_its_own_row_and_column():
    token = webhook().secret_encrypted
    with pytest.raises(crypto.DecryptionFailed):
        secrets.current(webhook("whk_2", secret_encrypted=token))
    with pytest.raises(crypto.DecryptionFailed):
        secrets.headers(webhook(headers_encrypted=token))


def test_header_values_are_sealed_together():
    sealed = secrets.encrypt_headers("whk_1", {"Authorization": "Bearer s3cret", "X-Ünï": "é"})
    assert sealed is not None
    assert "s3cret" not in sealed
    assert secrets.headers(webhook(headers_encrypted=sealed)) == {"Authorization": "Bearer s3cret", "X-Ünï": "é"}
    assert secrets.encrypt_headers("whk_1", {}) is None
    assert secrets.headers(webhook()) == {}
