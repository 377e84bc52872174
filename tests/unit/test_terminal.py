"""What the supervisor writes never holds it up, and is whole while somebody reads."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.terminal import Output


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Where to read, and where to write."""
    reader, writer = os.pipe()
    yield reader, writer
    for handle in (reader, writer):
        with contextlib.suppress(OSError):  # the test may have closed it
            os.close(handle)


def everything(output: Output, reader: int) -> list[str]:
    """All that is written until nothing waits any more."""
    found = b""
    while output.is_waiting:
        found += os.read(reader, 65_536)
        output.flush()
    os.set_blocking(reader, False)
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(reader, 65_536):
            found += chunk
    return found.decode().splitlines()


def told(number: int) -> str:
    return f"{number} dropped\n"


def test_what_nobody_reads_waits_and_comes_whole_and_in_order(pipe: tuple[int, int]):
    reader, writer = pipe
    output = Output(writer, told)
    lines = [f"{number} " + "é" * 400 for number in range(500)]  # more than the pipe holds
    for line in lines:
        output.write(line + "\n")
    assert output.is_waiting
    assert everything(output, reader) == lines


def test_beyond_a_mebibyte_lines_are_dropped_and_counted(pipe: tuple[int, int]):
    reader, writer = pipe
    output = Output(writer, told)
    for number in range(3000):
        output.write(f"{number:<999}\n")
    found = everything(output, reader)
    kept = len(found) - 1
    assert 1000 < kept < 2000
    assert found[-1] == f"{3000 - kept} dropped"
    output.write("after\n")
    assert everything(output, reader) == ["after"]


def test_the_last_words_wait_only_as_long_as_they_may(pipe: tuple[int, int]):
    _, writer = pipe
    output = Output(writer, told)
    output.write("x" * 200_000)
    begun = time.monotonic()
    output.flush(0.2)
    assert output.is_waiting
    assert time.monotonic() - begun >= 0.2


def test_a_reader_that_has_gone_is_forgotten(pipe: tuple[int, int]):
    reader, writer = pipe
    output = Output(writer, told)
    os.close(reader)
    output.write("nobody\n")
    output.write("nobody\n")
    assert not output.is_waiting


def test_a_file_takes_everything(tmp_path: Path):
    handle = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY)
    output = Output(handle, told)
    output.write("x" * 300_000)
    os.close(handle)
    assert (tmp_path / "log").stat().st_size == 300_000
