"""Passwords: argon2id with the parameters of RFC 9106, section 4 (second recommended option), and what is accepted as one."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.core.errors import FieldError

MIN_LENGTH = 12
MAX_LENGTH = 256
_MIN_DISTINCT = 5
_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
# Verified for accounts that do not exist, so that the answer takes as long.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$ONaHpOLixco20tHChZsnBg$hoMXn/UsoPfem7nt1/o9WN76EiInLG4jX6kxNyQur7M"


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its parameters and salt. Takes about 50 ms."""
    return _hasher.hash(password)


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed. Without a hash it takes as long and says no."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def problem(password: str, *, email: str) -> FieldError | None:
    """Why a password is not accepted, None if it is."""
    fix = f"Use {MIN_LENGTH} to {MAX_LENGTH} characters; a sentence of four or five words is good."
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return FieldError("password", f"has {len(password)} characters.", fix)
    if len(set(password)) < _MIN_DISTINCT:
        return FieldError("password", "repeats the same few characters.", fix)
    if email and email.partition("@")[0].lower() in password.lower() and len(password) < MIN_LENGTH + len(email):
        return FieldError("password", "contains the e-mail address.", fix)
    return None
