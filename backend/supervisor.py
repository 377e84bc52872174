"""Owns `crossdock up`: Valkey, web, deliver, jobs and cron as child processes, restarted when they die, stopped together.

It imports next to nothing and starts its children at once. One of them, `prepare`, makes the schema, which the others await.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

from backend import valkey
from backend.children import Child
from backend.settings import LogFormat, Settings, SettingsError, embedded_socket, settings, unknown_variables
from backend.terminal import Output

_ROOT = Path(__file__).resolve().parent.parent
_LATER = ("deliver", "jobs", "cron")  # they need the schema first, and leave the cores to web until it serves
_HEALTH_PATH = "/api/v1/monitoring/health/live"
_LATER_AT_LATEST_SECONDS = 10.0  # after the schema is there, whatever web does
_GRACE_SECONDS = 8.5  # for our processes; Valkey, which they need until then, ends after them
_VALKEY_GRACE_SECONDS = 1.0
_LAST_WORDS_SECONDS = 0.2
_SUCCESSOR_PATIENCE_SECONDS = 12.0
_PROBE_SECONDS = 0.1
_ANSWER_SECONDS = 0.3  # nothing else is done meanwhile, a stop neither; who is slower is asked again
_USUAL = ("overcommit_memory", "signal-handler", "bye bye")  # what Valkey says at every start and end


class Refused(Exception):
    """`crossdock up` cannot start; the message is the sentence that says why."""


def up() -> int:
    """Run an installation until SIGTERM or SIGINT. Returns the exit status."""
    try:
        current = settings()
        with contextlib.closing(_DataFolder(current.data_dir)) as folder:
            _check_port(current)
            return _Supervisor(current, folder.handle).run()
    except (SettingsError, Refused, valkey.NoValkey) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the person at the terminal reads this
        return 1


class _DataFolder:
    """The exclusive use of a data folder. The children inherit the lock, so it lasts until the last of them has ended."""

    def __init__(self, path: Path) -> None:
        self.handle = os.open(path / "crossdock.pid", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + _SUCCESSOR_PATIENCE_SECONDS
        while not self._try():
            holder = os.pread(self.handle, 20, 0).decode().strip()
            # Children of a supervisor that was killed are about to end; those of a living one are not.
            if _is_running(holder) or time.monotonic() > deadline:
                os.close(self.handle)
                raise Refused(
                    f"Crossdock already runs on the data folder {path} (process {holder or 'unknown'}): "
                    "stop it first, or name another folder, for example CROSSDOCK_DATA_DIR=./data2."
                )
            time.sleep(0.1)
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, f"{os.getpid()}\n".encode(), 0)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        os.ftruncate(self.handle, 0)
        os.close(self.handle)


class _Supervisor:
    """One event loop over the children's output, their ends, and signals."""

    def __init__(self, current: Settings, lock: int) -> None:
        self._settings = current
        self._lock = lock
        self._as_json = current.log_format is LogFormat.JSON or (current.log_format is LogFormat.AUTO and not sys.stdout.isatty())
        self._selector = selectors.DefaultSelector()
        self._output = Output(sys.stdout.fileno(), lambda number: self._line("output.dropped", lines=number))
        self._prepare = Child("prepare", [sys.executable, "-m", "backend", "prepare"], run_once=True)
        self._workers = [Child(name, [sys.executable, "-m", "backend", name]) for name in ("web", *_LATER)]
        for child in self._workers[1:]:
            child.due = float("inf")
        self._valkey = [Child("valkey", _valkey_command(current))] if current.embeds_valkey else []
        self._signals = 0
        self._setup_link: str | None = None
        self._is_prepared = self._is_ready = False
        self._env = os.environ | {
            "CROSSDOCK_DATA_DIR": str(current.data_dir),
            "CROSSDOCK_LOG_FORMAT": "json" if self._as_json else "console",
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def _children(self) -> list[Child]:
        return [*self._valkey, self._prepare, *self._workers]

    def run(self) -> int:
        wake_reader, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        os.set_blocking(wake_reader, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._selector.register(wake_reader, selectors.EVENT_READ, None)
        for name, meant in unknown_variables(os.environ).items():
            self._say("variable.unknown", name=name, **({"did_you_mean": meant} if meant else {}))
        status = self._supervise()
        self._stop()
        return status

    def _supervise(self) -> int:
        while not self._signals:
            self._start_due()
            self._listen(self._until_due() if self._is_ready else _PROBE_SECONDS)
            for child in self._children:
                status = self._reap(child)
                if status is not None and not self._note_end(child, status):
                    return 1
            if not self._is_ready and self._is_prepared and _answers(self._settings):
                self._announce()
        return 0

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.process is None and child.due <= now:
                child.start(self._env, _ROOT, (self._lock,))
                self._selector.register(child.output, selectors.EVENT_READ, child)

    def _note_end(self, child: Child, status: int) -> bool:
        """Act on the end of a child; whether the installation can go on."""
        if child is self._prepare:
            self._is_prepared = status == 0
            for worker in self._workers[1:]:
                worker.due = time.monotonic() + _LATER_AT_LATEST_SECONDS
            return self._is_prepared
        if not self._signals:
            seconds = round(max(child.due - time.monotonic(), 0), 1)
            self._say("process.died", name=child.name, status=status, restart_in_seconds=seconds)
        return True

    def _stop(self) -> None:
        self._say("stopping")
        self._end([self._prepare, *self._workers], _GRACE_SECONDS)
        self._end(self._valkey, _VALKEY_GRACE_SECONDS)
        self._say("stopped")
        self._output.flush(_LAST_WORDS_SECONDS)

    def _end(self, children: list[Child], grace: float) -> None:
        """Ask the children to stop, and after `grace` seconds, or at a second signal, make them."""
        for child in children:
            child.signal(signal.SIGTERM)
        deadline, heard = time.monotonic() + grace, self._signals
        while any(child.process for child in children):
            if time.monotonic() > deadline or self._signals > max(heard, 1):
                for child in children:
                    if child.process:
                        self._say("process.killed", name=child.name)
                    child.signal(signal.SIGKILL)
            self._listen(_PROBE_SECONDS)
            for child in self._children:
                self._reap(child)

    def _listen(self, seconds: float | None) -> None:
        self._output.flush()
        if self._output.is_waiting:
            seconds = _PROBE_SECONDS if seconds is None else min(seconds, _PROBE_SECONDS)
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, Child):
                if not self._print_lines(key.data):
                    self._selector.unregister(key.fileobj)  # it closed its output; its end is noticed by itself
            else:
                os.read(key.fd, 512)

    def _print_lines(self, child: Child) -> bool:
        """Pass on what a child wrote; whether more can come."""
        for line in child.read_lines():
            if child is self._prepare and line.startswith('{"setup_link":'):
                self._setup_link = json.loads(line)["setup_link"]
            elif child not in self._valkey or not any(words in line for words in _USUAL):
                self._print(child.name, line)
        return not child.is_silent

    def _reap(self, child: Child) -> int | None:
        if child.process is None or child.process.poll() is None:
            return None
        self._print_lines(child)
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.output)
        return child.reap()

    def _until_due(self) -> float | None:
        waits = [child.due - time.monotonic() for child in self._children if child.process is None]
        finite = [wait for wait in waits if wait != float("inf")]
        return max(min(finite), 0.0) if finite else None

    def _announce(self) -> None:
        self._is_ready = True
        for worker in self._workers[1:]:
            worker.due = min(worker.due, time.monotonic())
        address = self._settings.public_url
        if self._as_json:
            self._say("ready", address=address, **({"setup_link": self._setup_link} if self._setup_link else {}))
            return
        self._output.write(f"\nCrossdock is ready at {address}\n")
        if self._setup_link:
            self._output.write(f"Make the first administrator here (once, within 24 hours): {self._setup_link}\n")
        self._output.write("Ctrl-C stops it.\n\n")

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._signals += 1

    def _say(self, event: str, **facts: object) -> None:
        self._output.write(self._line(event, **facts))

    def _line(self, event: str, **facts: object) -> str:
        if self._as_json:
            return json.dumps({"event": event, "process": "up", "level": "info", **facts}) + "\n"
        return f"{'up':<8}| {' '.join([event, *(f'{name}={value}' for name, value in facts.items())])}\n"

    def _print(self, name: str, line: str) -> None:
        if not self._as_json:
            self._output.write(f"{name:<8}| {line}\n")
        elif line.startswith("{"):
            self._output.write(line + "\n")
        elif line:
            self._output.write(json.dumps({"event": "output", "process": name, "text": line}) + "\n")


def _valkey_command(current: Settings) -> list[str]:
    folder = current.data_dir / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    return valkey.command(folder, embedded_socket(current.data_dir))


def _check_port(current: Settings) -> None:
    """Refuse a port that another program has: the server itself would share it (SO_REUSEPORT) and get half the requests."""
    family = socket.AF_INET6 if ":" in current.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((current.host, current.port))
        except OSError as error:
            raise Refused(
                f"Crossdock cannot listen on {current.host} port {current.port} ({(error.strerror or 'refused').lower()}): "
                "stop the other program or choose another port, for example CROSSDOCK_PORT=8001."
            ) from None


def _answers(current: Settings) -> bool:
    """Whether the web process serves."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(current.host, current.host)  # noqa: S104 - where "everywhere" is reached
    connection = http.client.HTTPConnection(host, current.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", _HEALTH_PATH)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
