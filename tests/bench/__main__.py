"""Runs the benchmarks and prints a table; `--check` fails where one falls short of `floors.json`, names as arguments narrow it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench import backlog, deliveries, incoming, latency, limits, lines, memory, publishing, records, refusals
from tests.bench.lines import Line
from tests.bench.sizes import FULL, QUICK, Sizes

FLOORS = Path(__file__).with_name("floors.json")
BENCHES: dict[str, Callable[[Sizes], Iterator[Line]]] = {
    "throughput": deliveries.throughput,
    "fan_out": deliveries.fan_out,
    "publishing": publishing.publishing,
    "idle": latency.idle,
    "hanging": latency.hanging,
    "backlog": backlog.backlog,
    "memory": memory.memory,
    "refusals": refusals.refusals,
    "limits": limits.limits,
    "incoming": incoming.incoming,
    "records": records.records,
    "record_lists": records.record_lists,
}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status: with `--check` 1 if a line falls short of its floor, or was not measured."""
    arguments = _arguments(words)
    sizes = QUICK if arguments.quick else FULL
    floors = {} if arguments.quick else json.loads(FLOORS.read_text())
    _say(f"{lines.machine()}; {sizes.rounds} runs\n\n{lines.heading()}")
    measured = (line for name in arguments.names or BENCHES for line in BENCHES[name](sizes))
    short = report(measured, floors, is_whole=not arguments.names)
    return 1 if arguments.check and short else 0


def report(measured: Iterator[Line], floors: Mapping[str, Mapping[str, float]], *, is_whole: bool) -> list[str]:
    """Print each line as it comes; the names of those that fall short, and of floors without a line if the run `is_whole`."""
    names: set[str] = set()
    short: list[str] = []
    for line in measured:
        verdicts = lines.judge(line, floors)
        names.add(line.name)
        if not all(verdict.passed for verdict in verdicts):
            short.append(line.name)
        _say(lines.row(line, verdicts))
    missing = lines.unmeasured(names, floors) if is_whole else []
    for name in missing:
        _say(f"{name:44} was not measured  [SHORT]")
    return short + missing


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--check", action="store_true", help="fail where a value falls short of floors.json")
    parser.add_argument("--quick", action="store_true", help="one small run each, to see that it works; its figures mean nothing")
    parser.add_argument("names", nargs="*", metavar="name", help=f"only these: {', '.join(BENCHES)}")
    arguments = parser.parse_args(words)
    if unknown := set(arguments.names) - BENCHES.keys():
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    if arguments.check and arguments.quick:
        parser.error("--quick measures nothing that could be judged")
    return arguments


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
