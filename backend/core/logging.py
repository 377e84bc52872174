"""Owns the log: structured lines with constant event names, JSON or for people, with what is secret taken out.

One wide line per request, job and attempt; ids, never objects; never a payload, a token or a URL with a query.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, Processor

from backend.core import redaction
from backend.settings import LogFormat, Settings

_LONGEST = 8000  # characters of one field
_LEVEL_NUMBERS = logging.getLevelNamesMapping()
# Other libraries' chatter, each at the level from which it tells an operator something.
_LEVELS = {
    "rq": "WARNING",
    "_granian": "ERROR",  # it warns at every start that it is embedded
    "granian.access": "ERROR",
    "httpx": "WARNING",
    "httpcore": "WARNING",
    "reflex": "WARNING",
    "reflex_base": "WARNING",
    "alembic": "WARNING",
    "socketio": "WARNING",
    "engineio": "WARNING",
    "asyncio": "WARNING",
    "aiohttp": "WARNING",
}


def logger(name: str) -> FilteringBoundLogger:
    """The logger of a module: `log.info("shift.ended", run=…, delivered=…)`."""
    return cast("FilteringBoundLogger", structlog.get_logger(module=name.removeprefix("backend.")))


def configure(settings: Settings, process: str, *, stream: TextIO | None = None) -> None:
    """Write this process's lines, and those of every library in it, to `stream` (standard output) in the configured format."""
    target = stream or sys.stdout
    as_json = settings.log_format is LogFormat.JSON or (settings.log_format is LogFormat.AUTO and not target.isatty())
    level = settings.log_level.upper()
    structlog.contextvars.bind_contextvars(process=process)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        structlog.processors.format_exc_info,
    ]
    render: Processor = (
        structlog.processors.JSONRenderer(serializer=_json)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=target.isatty(), pad_event_to=28)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVEL_NUMBERS[level]),
        logger_factory=_stdlib_logger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _library],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, render],
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library in logging.root.manager.loggerDict.values():
        if isinstance(library, logging.Logger):  # some bring a handler of their own, which would write past `redact`
            library.handlers.clear()
    for name, least in _LEVELS.items():
        library = logging.getLogger(name)
        library.propagate = True
        library.setLevel(max(_LEVEL_NUMBERS[least], _LEVEL_NUMBERS[level]))


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what is secret: values by their name, and what reads like a secret by its shape. A structlog processor."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = "…" if value and redaction.is_secret_field(name) else _cut(redaction.text(value))
        elif not isinstance(value, (int, float, bool, type(None))):
            event[name] = _cut(redaction.text(str(value)))
    return event


def _cut(value: str) -> str:
    """The two ends of a long text: strangers make libraries write down whole messages of theirs."""
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST // 2]} … {value[-_LONGEST // 2 :]}"


def _library(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Give another library's line a constant event name, its text beside it."""
    record = cast("logging.LogRecord", event["_record"])
    event["text"], event["event"] = event["event"], f"{record.name.partition('.')[0]}.line"
    event["logger"] = record.name
    return event


def _stdlib_logger(*_args: object) -> logging.Logger:
    return logging.getLogger("crossdock")


def _json(event: Any, **_options: Any) -> str:
    return orjson.dumps(event, default=str).decode()
