"""A disk that can be full and have space again: a small tmpfs where mounting is allowed, else a limit on the size of files."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

_LEFT_BYTES = 256 * 1024
_FREE_BYTES, _BYTES_PER_EVENT = 32 * 1024 * 1024, 12 * 1024


class Disk(Protocol):
    """Where the database of a run lies."""

    folder: Path

    def full(self, pids: Callable[[], Iterable[int]]) -> contextlib.AbstractContextManager[None]:
        """Have no space during the block, for these processes at least."""
        ...


class Mounted:
    """A tmpfs: what fills it is a file that takes everything that is free but some pages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def full(self, pids: Callable[[], Iterable[int]]) -> Iterator[None]:
        """No process has space during the block."""
        del pids
        ballast = self.folder / "ballast"
        try:
            while not self._fill(ballast):
                pass
            yield
        finally:
            ballast.unlink(missing_ok=True)

    def _fill(self, ballast: Path) -> bool:
        """Whether nearly nothing is left; not if others wrote at the same moment."""
        space = os.statvfs(self.folder)
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, max(space.f_bavail * space.f_frsize - _LEFT_BYTES, 1))
            return True
        return False


class Limited:
    """Any folder: the processes' files may not grow beyond what the largest one has (RLIMIT_FSIZE). Needs no privilege."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def full(self, pids: Callable[[], Iterable[int]]) -> Iterator[None]:
        """These processes have no space during the block."""
        limited = list(pids())
        most = max(path.stat().st_size for path in self.folder.iterdir() if path.is_file()) + _LEFT_BYTES
        before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in limited}
        for pid, (_, hard) in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))
        try:
            yield
        finally:
            for pid, limits in before.items():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def small(folder: Path, events: int) -> Iterator[Disk]:
    """A disk with room for the deliveries of so many events, at `folder`."""
    folder.mkdir()
    size = _FREE_BYTES + events * _BYTES_PER_EVENT
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "crossdock-chaos", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield Limited(folder)
        return
    try:
        yield Mounted(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
