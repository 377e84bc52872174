"""One installation for the tests that use it as partners do, each in a workspace of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.installation import Installation, installation
from tests.acceptance.partner import ADMIN
from tests.conftest import ENCRYPTION_KEY


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that may send to loopback; tests leave it as healthy as they found it."""
    env = {**ADMIN, "ENCRYPTION_KEY": ENCRYPTION_KEY, "CROSSDOCK_EGRESS_ALLOW": "127.0.0.0/8"}
    with installation(tmp_path_factory.mktemp("shared") / "data", 0, **env) as started:
        yield started
