"""Which process a process id means: ids are used again, and mean another process in another container. Known on Linux only."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_START_TIME: Final = 22 - 3  # proc_pid_stat(5) counts from 1; the name, field 2, may hold blanks, so counting begins after it


def of(pid: int) -> str | None:
    """The identity of a process that runs beside this one: boot, PID namespace, moment of its start; None if it cannot be told."""
    where = place()
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if where is None else f"{where}/{fields[_START_TIME]}"


def place() -> str | None:
    """What every process has in common whose id means to this one what it means to them: boot and PID namespace."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return None
