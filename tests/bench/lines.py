"""What a benchmark says, the machine that it was measured on, and the judgement over it."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One measured value, the median of `runs` runs that lay between `low` and `high`.

    `name` is its key in `floors.json`. Ratios are the ones to trust; the rest depends on the machine.
    """

    name: str
    value: float
    unit: str
    meaning: str
    low: float
    high: float
    runs: int

    @classmethod
    def of(cls, name: str, values: Sequence[float], unit: str, meaning: str) -> Line:
        """The line of a value that was measured in each of some runs."""
        return cls(name, statistics.median(values), unit, meaning, min(values), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the floors say of a line: at `least` or at `most` so much, and whether it is so."""

    word: str  # least | most
    bound: float
    passed: bool

    def __str__(self) -> str:
        """As the table shows it."""
        return f"{'ok' if self.passed else 'SHORT'}, at {self.word} {self.bound:g}"


class BadFloors(ValueError):
    """The file of floors says something that cannot be judged by."""


def judge(line: Line, floors: Mapping[str, Mapping[str, float]]) -> list[Verdict]:
    """The verdicts on a line; none if nothing is asked of it. What is not a number passes nothing. Raises `BadFloors`."""
    asked = floors.get(line.name, {})
    unknown = asked.keys() - {"least", "most"}
    if unknown or (line.name in floors and not asked):
        raise BadFloors(f"{line.name}: say `least` or `most`.")
    verdicts: list[Verdict] = []
    if "least" in asked:
        verdicts.append(Verdict("least", asked["least"], line.value >= asked["least"]))
    if "most" in asked:
        verdicts.append(Verdict("most", asked["most"], line.value <= asked["most"]))
    return verdicts


def unmeasured(names: Iterable[str], floors: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The floors for which no line was measured: a bench that vanished must not pass for one that holds."""
    return sorted(floors.keys() - set(names))


def row(line: Line, verdicts: Iterable[Verdict]) -> str:
    """A line as the table shows it."""
    spread = f"{_shown(line.low)} - {_shown(line.high)}" if line.runs > 1 else ""
    judged = "".join(f"  [{verdict}]" for verdict in verdicts)
    return f"{line.name:44} {_shown(line.value):>9} {line.unit:22} {spread:>19}  {line.meaning}{judged}"


def heading() -> str:
    """The table's first row."""
    return f"{'line':44} {'median':>9} {'unit':22} {'lowest - highest':>19}  what it is"


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


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2f}"
