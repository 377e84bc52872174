"""An installation that serves the sandbox, and a workspace on it."""

from __future__ import annotations

import pytest

from backend.core import db
from backend.core.actor import Actor
from backend.records import modules
from backend.sandbox import service as sandbox
from tests.factories import accounts


@pytest.fixture
def owner(origin: str) -> Actor:
    """The owner of a workspace with the CRM's modules and a sandbox of 120 contacts."""
    assert origin
    actor = accounts.workspace()
    with db.transaction(write=True) as session:
        modules.install(session, actor=actor, name="crm")
        sandbox.set_switches(session, actor=actor, changes={"contacts": 120})
    return actor
