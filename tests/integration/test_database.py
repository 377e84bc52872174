"""The way to the database where others stand in it: processes that are stopped, and servers that are cut off."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from backend.core import db
from backend.core.errors import Unavailable
from tests.waiting import eventually

_HOLD = """
import sys; from pathlib import Path; from backend.core import db
with db.Turnstile(Path(sys.argv[1])).hold():
    print("held", flush=True)
    input()
"""
_COUNT = """
import sys; from pathlib import Path; from backend.core import db
turnstile, counter = db.Turnstile(Path(sys.argv[1])), Path(sys.argv[2])
for _ in range(100):
    with turnstile.hold():
        counter.write_text(str(int(counter.read_text()) + 1))
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the turnstile, or waits in line for it."""
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def says_held(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "held\n"


def is_locked(path: Path) -> bool:
    """Whether some process has a lock on the file."""
    inode = path.stat().st_ino
    return any(line.split()[5].endswith(f":{inode}") for line in Path("/proc/locks").read_text().splitlines() if "->" not in line)


def test_a_process_that_is_stopped_in_its_transaction_costs_others_a_bounded_wait(sqlite_url: str, monkeypatch: pytest.MonkeyPatch):
    opened = db.configure(sqlite_url)
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    monkeypatch.setattr(db, "_TURN_SECONDS", 0.2)
    with holder(path) as process:
        assert says_held(process)
        process.send_signal(signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(Unavailable, match="stopped or stuck"), db.transaction(write=True):
                raise AssertionError
        with db.transaction() as session:
            assert session.connection().execute(text("SELECT 1")).scalar() == 1
    with db.transaction(write=True) as session:
        session.connection().execute(text("SELECT 1"))
    opened.dispose()


def test_a_process_that_is_stopped_in_line_costs_others_a_bounded_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "test.sqlite3"
    turnstile = db.Turnstile(path)
    with holder(path) as first:
        assert says_held(first)
        with holder(path) as second:
            eventually(lambda: is_locked(path.with_suffix(".next")))
            second.send_signal(signal.SIGSTOP)
            first.communicate("\n")
            monkeypatch.setattr(db, "_TURN_SECONDS", 0.2)
            with pytest.raises(Unavailable), turnstile.hold():
                raise AssertionError
    with turnstile.hold():
        pass


def test_a_thread_waits_for_another_no_longer_than_for_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    turnstile = db.Turnstile(tmp_path / "test.sqlite3")
    monkeypatch.setattr(db, "_TURN_SECONDS", 0.1)
    raised: list[Exception] = []

    def wait() -> None:
        try:
            with turnstile.hold():
                pass
        except Unavailable as error:
            raised.append(error)

    with turnstile.hold():
        other = threading.Thread(target=wait)
        other.start()
        other.join()
    assert [error.status for error in raised if isinstance(error, Unavailable)] == [503]
    with turnstile.hold():
        pass


def test_those_in_line_pass_one_at_a_time(tmp_path: Path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    command = [sys.executable, "-c", _COUNT, str(tmp_path / "test.sqlite3"), str(counter)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert counter.read_text() == "300"


def test_a_connection_to_postgresql_is_given_up_and_kept_alive_by_bounds_that_the_url_may_change(postgres_url: str):
    for url, seconds in ((postgres_url, "5"), (f"{postgres_url}&connect_timeout=2", "2")):
        opened = db.open_database(url)
        with opened.writer.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None
            told = raw.info.get_parameters()
            assert (told["connect_timeout"], told["keepalives_idle"], told["keepalives_count"]) == (seconds, "30", "3")
        opened.dispose()
