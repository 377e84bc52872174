"""Benchmarks run from end to end and measure what the floors ask for: shifts, bare transactions, and an installation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import FLOORS

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
@pytest.mark.timeout(300)  # on a busy machine each of its processes takes seconds to start
@pytest.mark.parametrize(("name", "prefix"), [("throughput", "deliveries."), ("backlog", "backlog."), ("idle", "latency.")])
def test_a_benchmark_measures_its_lines(name: str, prefix: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--quick", name],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured = {line.split()[0] for line in done.stdout.splitlines() if "." in line.split(" ")[0]}
    wanted = {floor for floor in json.loads(FLOORS.read_text()) if floor.startswith(prefix)}
    assert wanted
    assert wanted <= measured
