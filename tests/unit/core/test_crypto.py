"""Row encryption, key ids, MACs of compared secrets and derived keys."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from backend.core import crypto

OLD = "old-secret-of-at-least-thirty-two-characters"
NEW = "new-secret-of-at-least-thirty-two-characters"


@given(st.binary(max_size=300), st.text(max_size=40))
def test_what_was_encrypted_opens_for_the_same_context(plaintext: bytes, context: str) -> None:
    ring = crypto.Keyring.from_secrets([NEW])
    assert ring.decrypt(ring.encrypt(plaintext, context=context), context=context) == plaintext


def test_two_encryptions_of_one_value_differ() -> None:
    ring = crypto.Keyring.from_secrets([NEW])
    assert ring.encrypt(b"x", context="c") != ring.encrypt(b"x", context="c")


def test_a_token_copied_to_another_row_does_not_open() -> None:
    ring = crypto.Keyring.from_secrets([NEW])
    token = ring.encrypt(b"value", context="webhook.secret:whk_1")
    with pytest.raises(crypto.DecryptionFailed, match="another row"):
        ring.decrypt(token, context="webhook.secret:whk_2")


@pytest.mark.parametrize("position", range(12 + 5 + 16))
def test_a_changed_byte_anywhere_is_noticed(position: int) -> None:
    ring = crypto.Keyring.from_secrets([NEW])
    version, key_id, text = ring.encrypt(b"value", context="c").split(".")
    sealed = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    sealed[position] ^= 1
    damaged = f"{version}.{key_id}.{base64.urlsafe_b64encode(bytes(sealed)).decode().rstrip('=')}"
    with pytest.raises(crypto.DecryptionFailed):
        ring.decrypt(damaged, context="c")


@pytest.mark.parametrize("token", ["", "v1", "v1.", "plain text", "v1.00000000.!!", "v9.x.AAAA", "v1..", "é.é.é"])
def test_text_that_is_no_token_is_refused_with_our_own_error(token: str) -> None:
    with pytest.raises(crypto.CryptoError):
        crypto.Keyring.from_secrets([NEW]).decrypt(token, context="c")


def test_a_short_value_under_a_known_key_is_refused() -> None:
    ring = crypto.Keyring.from_secrets([NEW])
    with pytest.raises(crypto.DecryptionFailed):
        ring.decrypt(f"v1.{ring.current_id}.AAAA", context="c")


def test_after_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    before = crypto.Keyring.from_secrets([OLD])
    after = crypto.Keyring.from_secrets([NEW, OLD])
    token = before.encrypt(b"value", context="c")
    assert after.decrypt(token, context="c") == b"value"
    assert not after.is_current(token)
    fresh = after.encrypt(b"value", context="c")
    assert after.is_current(fresh)
    assert crypto.key_id_of(fresh) == after.current_id
    with pytest.raises(crypto.UnknownKey, match=after.current_id):
        before.decrypt(fresh, context="c")


def test_a_dropped_key_is_named() -> None:
    token = crypto.Keyring.from_secrets([OLD]).encrypt(b"value", context="c")
    with pytest.raises(crypto.UnknownKey) as caught:
        crypto.Keyring.from_secrets([NEW]).decrypt(token, context="c")
    assert caught.value.key_id == crypto.key_id_of(token)


def test_macs_cover_every_configured_key_with_the_current_one_first() -> None:
    ring = crypto.Keyring.from_secrets([NEW, OLD])
    macs = ring.macs("api-key", "value")
    assert macs[0] == ring.mac("api-key", "value")
    assert [mac.key_id for mac in macs] == list(ring.key_ids)
    assert macs[1] == crypto.Keyring.from_secrets([OLD]).mac("api-key", b"value")
    assert len({mac.digest_hex for mac in macs}) == 2
    assert all(len(mac.digest_hex) == 64 for mac in macs)


def test_labels_separate_purposes() -> None:
    ring = crypto.Keyring.from_secrets([NEW])
    assert ring.mac("api-key", "v").digest_hex != ring.mac("session", "v").digest_hex
    keys = {ring.derive("jwt"), ring.derive("cursor"), ring.derive("aes-256-gcm"), ring.derive("key-id")}
    assert len(keys) == 4
    assert ring.current_id != ring.derive("key-id")[:4].hex()


def test_derived_keys_list_the_current_one_first() -> None:
    ring = crypto.Keyring.from_secrets([NEW, OLD])
    keys = ring.derive_all("jwt")
    assert keys[0].key == ring.derive("jwt")
    assert [key.key_id for key in keys] == list(ring.key_ids)
    assert "key=" not in repr(keys[0])


def test_derivation_is_hkdf_sha256() -> None:
    oracle = HKDF(algorithm=SHA256(), length=32, salt=b"crossdock", info=b"derive:jwt").derive(NEW.encode())
    assert crypto.Keyring.from_secrets([NEW]).derive("jwt") == oracle


@pytest.mark.parametrize(
    ("secrets", "says"),
    [([], "empty"), (["short"], "5 characters"), ([NEW, "x" * 31], "Key 2"), ([NEW, NEW], "twice")],
)
def test_unusable_keys_are_refused_with_what_to_do(secrets: list[str], says: str) -> None:
    with pytest.raises(crypto.BadSecrets, match=says) as caught:
        crypto.Keyring.from_secrets(secrets)
    assert not any(secret in str(caught.value) for secret in secrets if len(secret) > 5)


def test_the_process_keyring_must_be_configured_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto._Configured, "keyring", None)
    with pytest.raises(crypto.NotConfigured):
        crypto.keyring()
    assert crypto.configure([NEW]) is crypto.keyring()
