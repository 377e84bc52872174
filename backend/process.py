"""Owns how a process of ours begins: settings, log, keys, signals, and a database that is migrated."""

from __future__ import annotations

import contextlib
import gc
import importlib
import resource
import sys
from typing import Final, NoReturn

from sqlalchemy.exc import SQLAlchemyError

from backend.core import crypto, lifecycle, logging, migrate, redaction
from backend.core.errors import CrossdockError
from backend.settings import Settings, SettingsError, settings

_OPEN_FILES: Final = 65_536
_YOUNG_OBJECTS: Final = 10_000  # 700 by default


def begin(name: str, module: str | None = None) -> Settings:
    """Prepare this process to work as `name`. Ends it with one sentence when the settings or the database are not fit.

    `module` is what takes long to import: it is imported before the database is awaited, since another process may be migrating it.
    """
    try:
        current = settings()
    except SettingsError as error:
        refuse(str(error))
    allow_open_files()
    logging.configure(current, name)
    if module:
        importlib.import_module(module)
    try:
        crypto.configure([key.get_secret_value() for key in current.encryption_keys])
        migrate.wait()
    except CrossdockError as error:
        refuse(error.detail)
    except SQLAlchemyError as error:
        refuse(unreachable(error))
    lifecycle.handle_signals()  # only now: until here a signal ends the process at once
    return current


def allow_open_files() -> None:
    """Raise the limit of open files as far as the system permits: each attempt under way takes one, and 1,024 are the usual limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has a limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def keep_loaded() -> None:
    """Take what is loaded by now out of the garbage collector's sight; to be called when work begins.

    A whole collection walks through every object: some 200,000 of modules and tables that never end, which stopped a process for
    100 ms each time. Young objects are looked at less often too, since what a request leaves behind rarely makes a circle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    gc.enable()


def unreachable(error: SQLAlchemyError) -> str:
    """The sentence for a database that cannot be used, without the address and password that drivers put into theirs."""
    reason = redaction.text(str(getattr(error, "orig", None) or error)).strip().splitlines()[0]
    return f"The database cannot be used ({reason}): check DATABASE_URL and that the server runs."


def refuse(sentence: str) -> NoReturn:
    """End this process because it cannot work, saying why."""
    print(sentence, file=sys.stderr)  # noqa: T201 - the person at the terminal reads this
    sys.exit(1)
