"""The API keeps to its own OpenAPI document: a short round of what `make fuzz` does at length, with the same requests each time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fuzz.__main__ import installation

SHORT = ("--phases", "examples,fuzzing,stateful", "--generation-deterministic", "--seed", "4711")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_requests_made_up_from_the_document_find_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with installation(tmp_path) as target:
        done = target.fuzz(2, SHORT, seconds=240)
    shown = capfd.readouterr().out
    assert done.returncode == 0, shown
    told = re.search(r"(\d+) selected / (\d+) total", shown)
    assert told is not None, shown
    assert told[1] == told[2]
