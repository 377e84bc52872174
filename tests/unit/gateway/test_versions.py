"""Which version answers under a path, and what its answers tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from backend.gateway import versions
from backend.gateway.versions import CURRENT, OLDER, Version


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/api/v1", CURRENT),
        ("/api/v1/webhooks", CURRENT),
        ("/api/v10/webhooks", OLDER),
        ("/api/integration/v1/orders", OLDER),
        ("/api/keys", OLDER),
        ("/api", None),
        ("/api/docs", None),
        ("/api/docs/v1", None),
        ("/api/openapi.json", None),
        ("/apis", None),
        ("/oauth/token", None),
    ],
)
def test_a_path_belongs_to_one_version_or_to_none(path: str, version: Version | None):
    assert versions.of(path) is version


def test_a_deprecated_version_says_since_when_by_what_it_is_followed_and_when_it_ends():
    end = datetime(2027, 6, 30, 2, tzinfo=timezone(timedelta(hours=2)))
    assert versions.notice(OLDER, {"older": end}) == (
        (b"deprecation", b"@1793491200"),
        (b"link", b'</api/v1>; rel="successor-version"'),
        (b"sunset", b"Wed, 30 Jun 2027 00:00:00 GMT"),
    )
    assert dict(versions.notice(CURRENT, {"v1": end})) == {b"sunset": b"Wed, 30 Jun 2027 00:00:00 GMT"}


def test_nothing_is_said_of_what_goes_on_or_is_of_no_version():
    assert versions.notice(CURRENT, {}) == ()
    assert versions.notice(CURRENT, {"older": datetime.now(UTC)}) == ()
    assert versions.notice(None, {"v1": datetime.now(UTC)}) == ()
