"""The judgement over the benchmarks: what passes its floor, what falls short, and what was never measured."""

from __future__ import annotations

import json
import math

import pytest

from tests.bench import __main__ as bench
from tests.bench import lines
from tests.bench.lines import Line
from tests.bench.sizes import Sizes

FLOORS = {"a.ratio": {"least": 0.35}, "b.ms": {"most": 250.0}, "c.share": {"least": 1.0, "most": 2.0}}


def line(name: str, *values: float) -> Line:
    return Line.of(name, values, "unit", "meaning")


@pytest.mark.parametrize(
    ("measured", "passed"),
    [
        (line("a.ratio", 0.35), [True]),
        (line("a.ratio", 0.349), [False]),
        (line("b.ms", 250.0), [True]),
        (line("b.ms", 250.1), [False]),
        (line("c.share", 1.5), [True, True]),
        (line("c.share", 2.5), [True, False]),
        (line("a.ratio", math.nan), [False]),
        (line("unasked", 0.0), []),
    ],
)
def test_a_line_passes_at_its_bound_and_falls_short_beyond_it(measured: Line, passed: list[bool]) -> None:
    assert [verdict.passed for verdict in lines.judge(measured, FLOORS)] == passed


def test_the_median_of_the_runs_is_judged() -> None:
    measured = line("a.ratio", 0.1, 0.5, 0.4)
    assert (measured.value, measured.low, measured.high, measured.runs) == (0.4, 0.1, 0.5, 3)


@pytest.mark.parametrize("asked", [{"atleast": 1.0}, {}])
def test_a_floor_that_asks_for_nothing_is_refused(asked: dict[str, float]) -> None:
    with pytest.raises(lines.BadFloors):
        lines.judge(line("a.ratio", 1.0), {"a.ratio": asked})


def test_a_floor_without_a_line_falls_short(capsys: pytest.CaptureFixture[str]) -> None:
    short = bench.report(iter([line("a.ratio", 0.3), line("b.ms", 9.0)]), FLOORS, is_whole=True)
    assert short == ["a.ratio", "c.share"]
    printed = capsys.readouterr().out
    assert "SHORT, at least 0.35" in printed
    assert "c.share" in printed


def test_a_narrowed_run_is_judged_by_what_it_measured() -> None:
    assert bench.report(iter([line("a.ratio", 0.36)]), FLOORS, is_whole=False) == []


@pytest.mark.parametrize(("value", "words", "status"), [(0.01, ["--check"], 1), (9.9, ["--check"], 0), (0.01, [], 0)])
def test_only_a_check_fails_and_only_below_a_floor(monkeypatch: pytest.MonkeyPatch, value: float, words: list[str], status: int) -> None:
    def measure(_sizes: Sizes) -> object:
        return iter([line("deliveries.sqlite.cpu_ratio", value)])

    monkeypatch.setitem(bench.BENCHES, "throughput", measure)
    assert bench.main([*words, "throughput"]) == status


def test_every_committed_floor_can_be_judged() -> None:
    floors = json.loads(bench.FLOORS.read_text())
    assert floors
    for name in floors:
        assert lines.judge(line(name, 1.0), floors)


@pytest.mark.parametrize("words", [["--quick", "--check"], ["nothing"]])
def test_what_cannot_be_judged_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        bench.main(words)
    assert refused.value.code == 2
