"""What a benchmark says: one line each, and the machine that it was measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One measured value. `name` is its key in `floors.json`; ratios are the ones to trust, the rest depends on the machine."""

    name: str
    value: float
    unit: str
    meaning: str


def machine() -> str:
    """The machine in one line: processors, their model, memory, system, Python."""
    cpu = memory = ""
    if Path("/proc/cpuinfo").exists():
        models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        cpu = models[0] if models else ""
    if Path("/proc/meminfo").exists():
        memory = f"{int(Path('/proc/meminfo').read_text().split()[1]) / 1024 / 1024:.1f} GiB"
    words = [f"{os.cpu_count()} CPUs", cpu, memory, platform.system(), platform.release(), f"Python {platform.python_version()}"]
    load = f"load {os.getloadavg()[0]:.2f}"
    return ", ".join(word for word in (*words, load) if word)
