"""Runs the benchmarks and prints a table; `--check` compares it with `floors.json`, names as arguments narrow it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import deliveries
from tests.bench.lines import Line, machine

FLOORS = Path(__file__).with_name("floors.json")
BENCHES: tuple[Callable[[], Iterator[Line]], ...] = (deliveries.throughput, deliveries.latency)


def main() -> int:
    """Measure, print, and with `--check` judge; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--check", action="store_true", help="fail where a value falls short of floors.json")
    parser.add_argument("names", nargs="*", help="only the benches with these function names")
    arguments = parser.parse_args()
    floors = json.loads(FLOORS.read_text())
    _say(f"{machine()}\n")
    short = 0
    for bench in BENCHES:
        if arguments.names and bench.__name__ not in arguments.names:
            continue
        for line in bench():
            verdict = _verdict(line, floors.get(line.name, {}))
            short += verdict.startswith("SHORT")
            _say(f"{line.name:44} {line.value:>10.2f} {line.unit:14} {line.meaning}{f'  [{verdict}]' if verdict else ''}")
    return 1 if arguments.check and short else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _verdict(line: Line, floor: dict[str, float]) -> str:
    if "least" in floor:
        return f"{'ok' if line.value >= floor['least'] else 'SHORT'}, at least {floor['least']:g}"
    if "most" in floor:
        return f"{'ok' if line.value <= floor['most'] else 'SHORT'}, at most {floor['most']:g}"
    return ""


if __name__ == "__main__":
    sys.exit(main())
