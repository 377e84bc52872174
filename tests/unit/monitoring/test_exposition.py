"""Prometheus's text format."""

from __future__ import annotations

import pytest

from backend.monitoring.exposition import Family, Sample, render


def test_families_are_written_with_help_type_and_labels():
    text = render(
        [
            Family("a_total", "counter", "Counts\nthings, with a \\ in it.", [Sample(3)]),
            Family("b", "gauge", "By label.", [Sample(0.5, (("kind", 'say "hi"\n\\'), ("id", "x")))]),
        ]
    )
    assert text == (
        "# HELP a_total Counts\\nthings, with a \\\\ in it.\n# TYPE a_total counter\na_total 3\n"
        '# HELP b By label.\n# TYPE b gauge\nb{kind="say \\"hi\\"\\n\\\\",id="x"} 0.5\n'
    )


def test_a_family_without_samples_is_left_out():
    assert render([Family("a", "gauge", "Nothing.", [])]) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(1e15, "1000000000000000"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"), (0.1, "0.1")]
)
def test_numbers_are_written_as_a_scraper_reads_them(value: float, text: str):
    assert render([Family("a", "gauge", "One.", [Sample(value)])]).splitlines()[-1] == f"a {text}"
