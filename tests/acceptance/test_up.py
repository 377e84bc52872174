"""`crossdock up` as its operator sees it: it starts, heals, refuses a second one, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from backend import process
from tests.acceptance.installation import CHILDREN, ROOT, Installation, installation
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all tests that leave it as healthy as they found it."""
    with installation(tmp_path_factory.mktemp("up") / "data") as started:
        yield started


def test_it_serves_on_one_port_and_prints_the_set_up_link(running: Installation):
    (ready,) = running.events("ready")

    assert ready["address"] == running.address
    assert ready["setup_link"].startswith(f"{running.address}/setup?token=")
    assert running.is_healthy()


@pytest.mark.parametrize("name", CHILDREN)
def test_a_killed_child_is_started_again(name: str, running: Installation):
    eventually(lambda: running.child(name))
    killed = running.child(name)

    killed.kill()

    eventually(lambda: running.child(name).pid != killed.pid)
    assert name in [line["name"] for line in running.events("process.died")]
    eventually(running.is_healthy)


def test_idle_connections_of_strangers_leave_room_for_others(running: Installation):
    process.allow_open_files()
    with contextlib.ExitStack() as idle:
        for _ in range(1200):
            idle.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=20))
        assert running.is_healthy()


def test_health_does_not_depend_on_any_worker(running: Installation):
    for name in ("deliver", "jobs", "cron"):
        eventually(lambda name=name: running.child(name))
        running.child(name).send_signal(signal.SIGSTOP)
    try:
        assert running.is_healthy()
    finally:
        for name in ("deliver", "jobs", "cron"):
            running.child(name).send_signal(signal.SIGCONT)


def test_a_killed_valkey_comes_back_with_its_data(running: Installation):
    with running.redis() as client:
        eventually(client.ping)
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 5000)
        killed = running.child("valkey")
        killed.kill()

        eventually(lambda: running.child("valkey").pid != killed.pid and client.get("kept") == b"yes")


def test_a_second_start_on_the_same_data_folder_is_refused(running: Installation, free_port: int):
    second = Installation(running.data_dir, free_port)

    assert second.process.wait(20) == 1
    eventually(lambda: second.lines)
    (line,) = second.lines
    assert f"already runs on the data folder {running.data_dir} (process {running.process.pid})" in line["text"]
    assert running.is_healthy()


def test_the_set_up_link_is_gone_once_the_environment_names_the_administrator(shared: Installation):
    assert "setup_link" not in shared.events("ready")[0]
    assert shared.events("administrator.made")


def test_an_interrupt_ends_everything_within_ten_seconds(data_dir: Path):
    with installation(data_dir) as running:
        eventually(lambda: [running.child(name) for name in CHILDREN])
        family = running.descendants()
        begun = time.monotonic()

        status = running.stop(signal.SIGINT)

        assert (status, time.monotonic() - begun < 10) == (0, True)
        assert not [process for process in family if process.is_running()]
        assert not running.events("process.killed")


def test_a_killed_supervisor_takes_its_children_with_it_and_a_start_right_after_waits_for_them(data_dir: Path):
    with installation(data_dir) as running:
        eventually(lambda: [running.child(name) for name in CHILDREN])
        family = running.descendants()
        running.process.kill()
        running.process.wait(5)

        with installation(data_dir, running.port) as successor:
            assert successor.is_healthy()
            assert not [process for process in family if process.is_running()]


def test_a_taken_port_is_refused_with_a_sentence(data_dir: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = Installation(data_dir, port)

        assert refused.process.wait(20) == 1
        eventually(lambda: refused.lines)
        assert f"cannot listen on 127.0.0.1 port {port}" in refused.lines[0]["text"]


def test_a_wrong_setting_is_refused_with_a_sentence(data_dir: Path, free_port: int):
    refused = Installation(data_dir, free_port, CROSSDOCK_ENV="staging")

    assert refused.process.wait(20) == 1
    eventually(lambda: refused.lines)
    assert [line["text"] for line in refused.lines] == [
        "CROSSDOCK_ENV must be development or production, and 'staging' is not, for example CROSSDOCK_ENV=production."
    ]


def test_a_database_that_is_away_ends_the_start_with_a_sentence(data_dir: Path, free_port: int):
    refused = Installation(
        data_dir, free_port, DATABASE_URL="postgresql://nobody:hush@127.0.0.1:9/none", ENCRYPTION_KEY="0123456789abcdef0123456789abcdef"
    )

    assert refused.process.wait(60) == 1
    said = [line["text"] for line in refused.lines if line.get("process") == "prepare"]
    assert any("The database cannot be used" in text for text in said)
    assert "hush" not in str(refused.lines)


def test_the_command_line_starts_without_loading_the_application():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, backend.supervisor; print(*sys.modules)"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    assert not {"sqlalchemy", "fastapi", "reflex", "redis", "rq", "typer"} & set(loaded)


def test_a_signal_ends_everything_while_connections_are_open(data_dir: Path):
    with installation(data_dir) as running:
        eventually(lambda: [running.child(name) for name in CHILDREN])
        family = running.descendants()
        closed = asyncio.run(_stop_with_open_connections(running))

        assert closed == 1001
        assert running.process.wait(10) == 0
        assert not [process for process in family if process.is_running()]
        assert not running.events("process.killed")


async def _stop_with_open_connections(running: Installation) -> int:
    """Ask for the stop while a console is open and a connection is kept alive; the code that the console's socket is closed with."""
    path = "/_event/?EIO=4&transport=websocket&token=0189d0aa-0000-4000-8000-000000000000"
    async with aiohttp.ClientSession(running.address, headers={"Origin": running.address}) as session:
        async with session.get("/ping") as answer:
            await answer.read()
        async with session.ws_connect(path) as console:
            await console.receive()
            await console.send_str("40/_event,")
            await console.receive()
            running.process.send_signal(signal.SIGTERM)
            while not console.closed:
                await console.receive(timeout=10)
            return console.close_code or 0
