"""Whether a key may pass, and what is said if not."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from backend.api_keys import rules
from backend.api_keys.inputs import parse_network
from backend.api_keys.rules import KeyRecord, KeyState, KeyStatus
from backend.core.errors import Forbidden, Unauthenticated

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
RECORD = KeyRecord(
    key_id="key_1",
    secret_id="sec_1",
    workspace_id="wsp_1",
    name="Partner",
    state=KeyState.ACTIVE,
    state_since=None,
    expires_at=None,
    secret_expires_at=None,
    scopes=frozenset(),
    networks=(),
    limits=(),
    is_mac_current=True,
)


def refusal(**changes: object) -> Unauthenticated | None:
    found = rules.refusal_of_key(dataclasses.replace(RECORD, **changes), now=NOW)  # type: ignore[arg-type] - each test names fields
    assert found is None or isinstance(found, Unauthenticated)
    return found


def test_an_active_key_without_end_passes():
    assert refusal() is None


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"state": KeyState.REVOKED, "state_since": NOW}, "revoked", "was revoked at 2026-01-31T12:00:00.000Z"),
        ({"state": KeyState.DISABLED}, "disabled", "is disabled"),
        ({"expires_at": NOW}, "expired", "expired at 2026-01-31T12:00:00.000Z"),
        ({"secret_expires_at": NOW - timedelta(seconds=1)}, "replaced", "was replaced"),
    ],
)
def test_a_refusal_names_its_reason(changes: dict[str, object], reason: str, words: str):
    found = refusal(**changes)
    assert found is not None
    assert (found.reason, words in found.detail) == (reason, True)


def test_status_is_judged_before_expiry():
    ended = NOW - timedelta(days=1)
    found = refusal(state=KeyState.DISABLED, expires_at=ended, secret_expires_at=ended)
    assert found is not None
    assert found.reason == "disabled"


def test_a_key_passes_until_the_moment_of_its_end():
    assert refusal(expires_at=NOW + timedelta(microseconds=1), secret_expires_at=NOW + timedelta(microseconds=1)) is None


@pytest.mark.parametrize(
    ("ip", "passes"),
    [
        ("203.0.113.200", True),
        ("::ffff:203.0.113.200", True),
        ("2001:db8:1::5", True),
        ("198.51.100.1", False),
        ("2001:db9::1", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_an_allowlist_admits_its_addresses_only(ip: str, passes: bool):  # noqa: FBT001 - a column of the table
    listed = dataclasses.replace(RECORD, networks=(parse_network("203.0.113.0/24"), parse_network("2001:db8::/32")))
    found = rules.refusal_of_address(listed, ip)
    assert (found is None) is passes
    assert found is None or (isinstance(found, Forbidden) and found.reason == "ip")


@pytest.mark.parametrize(
    ("state", "ends", "status"),
    [
        ("active", None, KeyStatus.ACTIVE),
        ("active", NOW, KeyStatus.EXPIRED),
        ("disabled", NOW, KeyStatus.DISABLED),
        ("revoked", NOW, KeyStatus.REVOKED),
    ],
)
def test_the_status_that_people_see(state: str, ends: datetime | None, status: KeyStatus):
    assert rules.status_of(state, ends, NOW) is status


def test_windows_come_shortest_first_and_only_where_set():
    found = rules.windows(None, 5000, 100_000)
    assert [(window.name, window.limit, window.seconds) for window in found] == [("per_hour", 5000, 3600), ("per_day", 100_000, 86_400)]
