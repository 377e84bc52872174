"""What benchmarks of reads share: many readers of one path, and the yardstick, a bare FastAPI route that encodes the same."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil

from tests.bench import plumbing


def read(process: psutil.Process, port: int, path: str, key: str, readers: int, seconds: float, status: int = 200) -> dict[str, float]:
    """`rate` (answers with `status` per second) and `cpu_us` (CPU of the process for each) of so many readers with one key."""
    before = plumbing.cpu_seconds(process)
    result = plumbing.run("readers", port, path, key, readers, seconds, status)
    return result | {"cpu_us": (plumbing.cpu_seconds(process) - before) / result["answers"] * 1e6}


def bare(folder: Path, body: str, readers: int, seconds: float) -> dict[str, float]:
    """The same of a bare FastAPI route, in a process of its own, that encodes the objects of `body`."""
    kept = folder / "page.json"
    kept.write_text(body)
    port = plumbing.free_port()
    with plumbing.helper("bare_list", port, kept) as route:
        plumbing.wait_until(lambda: listens(port))
        return read(psutil.Process(route.process.pid), port, "/list", "none", readers, seconds)


def listens(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
