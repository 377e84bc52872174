"""Benchmarks: `python -m tests.bench` prints them, `--check` fails where one falls short of `floors.json`."""
