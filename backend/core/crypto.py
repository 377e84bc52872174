"""Keys derived from ENCRYPTION_KEY: row encryption, MACs of compared secrets, and keys for tokens and cursors.

`ENCRYPTION_KEY` is a comma-separated list. The first secret encrypts and signs; the others only decrypt and verify,
until no row refers to them. Every key that is used is derived from a secret by HKDF-SHA256 (RFC 5869) under its own
label, so no two uses share a key and none of them is the secret itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MINIMUM_SECRET_LENGTH: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_FORMAT: Final = "v1"
_SALT: Final = b"crossdock"


class CryptoError(Exception):
    """Base of everything this module raises."""


class BadSecrets(CryptoError, ValueError):
    """ENCRYPTION_KEY cannot be used as it is; the text says how to write it."""


class NotConfigured(CryptoError):
    """`keyring()` was asked for before `configure()`."""


class UnknownKey(CryptoError):
    """A stored value names a key that is not in ENCRYPTION_KEY."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"No configured encryption key has the id {key_id}. Add the secret that it came from back to ENCRYPTION_KEY, after a comma."
        )
        self.key_id = key_id


class DecryptionFailed(CryptoError):
    """A stored value is damaged, or belongs to another row than the one that asked."""


@dataclass(frozen=True, slots=True)
class Mac:
    """HMAC-SHA256 of a compared secret: which key made it, and 64 lower-case hex digits."""

    key_id: str
    digest_hex: str


@dataclass(frozen=True, slots=True)
class DerivedKey:
    """32 bytes for one purpose, and the id of the secret from which they were derived."""

    key_id: str
    key: bytes = field(repr=False)


class _Key:
    """One secret of ENCRYPTION_KEY with what was derived from it so far."""

    __slots__ = ("_derived", "_root", "cipher", "id")

    def __init__(self, secret: str) -> None:
        # HKDF-Extract once; each label is one HKDF-Expand.
        self._root = hmac.digest(_SALT, secret.encode(), "sha256")
        self._derived: dict[str, bytes] = {}
        self.id = self.derive("key-id")[:4].hex()
        self.cipher = AESGCM(self.derive("aes-256-gcm"))

    def derive(self, label: str) -> bytes:
        key = self._derived.get(label)
        if key is None:
            # RFC 5869 section 2.3 with L = 32: T(1) = HMAC(PRK, info || 0x01) is the whole output.
            key = self._derived[label] = hmac.digest(self._root, label.encode() + b"\x01", "sha256")
        return key


class Keyring:
    """The configured keys, current first. Threads may share it. Labels are constants of the code, never input."""

    def __init__(self, keys: Sequence[_Key]) -> None:
        self._keys = tuple(keys)
        self._by_id = {key.id: key for key in self._keys}

    @classmethod
    def from_secrets(cls, secrets: Sequence[str]) -> Keyring:
        """A keyring of these secrets, the first of which encrypts and signs. Raises `BadSecrets`."""
        if not secrets:
            raise BadSecrets("ENCRYPTION_KEY is empty. Set it to a random text of at least 32 characters.")
        for position, secret in enumerate(secrets, start=1):
            if len(secret) < MINIMUM_SECRET_LENGTH:
                raise BadSecrets(
                    f"Key {position} of ENCRYPTION_KEY has {len(secret)} characters; it needs {MINIMUM_SECRET_LENGTH}. "
                    'Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
                )
        if len(set(secrets)) != len(secrets):
            raise BadSecrets("ENCRYPTION_KEY lists the same key twice. Remove the repetition.")
        ring = cls([_Key(secret) for secret in secrets])
        if len(ring._by_id) != len(secrets):
            raise BadSecrets("Two keys of ENCRYPTION_KEY have the same id. Replace the newer one with another random text.")
        return ring

    @property
    def current_id(self) -> str:
        """Id of the key that encrypts and signs: 8 hex digits."""
        return self._keys[0].id

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all configured keys, current first."""
        return tuple(key.id for key in self._keys)

    def encrypt(self, plaintext: bytes, *, context: str) -> str:
        """Seal `plaintext` for one row: `v1.<key id>.<base64url of nonce, ciphertext and tag>`.

        AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D section 8.2.2). `context` names the row and column, such
        as `webhook.secret:whk_…`, and is authenticated: a token copied to another row does not open.
        """
        key = self._keys[0]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + key.cipher.encrypt(nonce, plaintext, context.encode())
        return f"{_FORMAT}.{key.id}.{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"

    def decrypt(self, token: str, *, context: str) -> bytes:
        """Open what `encrypt` made for the same `context`. Raises `UnknownKey` or `DecryptionFailed`."""
        version, key_id, sealed = _split(token)
        key = self._by_id.get(key_id)
        if key is None:
            raise UnknownKey(key_id)
        if version != _FORMAT or len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise DecryptionFailed(f"The encrypted value of {context} is not one that this version wrote.")
        try:
            return key.cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except InvalidTag:
            raise DecryptionFailed(f"The encrypted value of {context} is damaged, or was made for another row.") from None

    def is_current(self, token: str) -> bool:
        """Whether `token` was encrypted under the current key; one that was not is due for re-encryption."""
        return key_id_of(token) == self._keys[0].id

    def mac(self, label: str, value: str | bytes) -> Mac:
        """MAC of a compared secret under the current key. `label` separates purposes, as `api-key`, `session`."""
        return _mac(self._keys[0], label, value)

    def macs(self, label: str, value: str | bytes) -> list[Mac]:
        """MACs of a compared secret under every configured key, current first: look the row up by each of them."""
        return [_mac(key, label, value) for key in self._keys]

    def derive(self, label: str) -> bytes:
        """32 bytes for one purpose (`jwt`, `cursor`, …) under the current key."""
        return self._keys[0].derive("derive:" + label)

    def derive_all(self, label: str) -> list[DerivedKey]:
        """The keys of one purpose under every secret, current first: sign with the first, verify with any."""
        return [DerivedKey(key.id, key.derive("derive:" + label)) for key in self._keys]


def key_id_of(token: str) -> str:
    """Id of the key under which `token` was encrypted. Raises `DecryptionFailed` if it is no such token."""
    return _split(token)[1]


def digest_equal(left: str, right: str) -> bool:
    """Compare two texts in a time that does not depend on where they differ."""
    return hmac.compare_digest(left.encode(), right.encode())


def fingerprint(value: bytes) -> str:
    """SHA-256 of `value` as 64 hex digits; for content that is not secret, such as a request body's identity."""
    return hashlib.sha256(value).hexdigest()


def _mac(key: _Key, label: str, value: str | bytes) -> Mac:
    data = value.encode() if isinstance(value, str) else value
    return Mac(key.id, hmac.digest(key.derive("mac:" + label), data, "sha256").hex())


def _split(token: str) -> tuple[str, str, bytes]:
    version, _, rest = token.partition(".")
    key_id, _, text = rest.partition(".")
    try:
        return version, key_id, base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise DecryptionFailed("The value is not an encrypted one: it should read v1.<key id>.<data>.") from None


class _Configured:
    keyring: Keyring | None = None


def configure(secrets: Sequence[str]) -> Keyring:
    """Set the process's keyring; composition roots call it once at start. Raises `BadSecrets`."""
    _Configured.keyring = Keyring.from_secrets(secrets)
    return _Configured.keyring


def keyring() -> Keyring:
    """The process's keyring. Raises `NotConfigured` before `configure`."""
    if _Configured.keyring is None:
        raise NotConfigured("The encryption keys are not loaded: crypto.configure() must run first.")
    return _Configured.keyring
