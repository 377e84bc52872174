"""The text of an event as every delivery of it sends it, fixed when it is accepted. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backend.core import clock, jsjson
from backend.core.errors import FieldError, Invalid, TooLarge
from backend.deliveries.wire import text

__all__ = ["MAX_DATA_BYTES", "data_text", "envelope", "text"]

MAX_DATA_BYTES = 256 * 1024


def data_text(data: dict[str, Any], *, path: str = "data") -> str:
    """`data` as JSON.stringify writes it. Raises `TooLarge` above 256 KiB of UTF-8, `Invalid` for what JSON cannot carry."""
    try:
        text = jsjson.stringify(data)
    except jsjson.NotJson as error:
        raise Invalid(FieldError(path, str(error), "Send plain JSON: finite numbers, texts, lists and objects.")) from error
    if len(text) * 4 > MAX_DATA_BYTES and len(text.encode()) > MAX_DATA_BYTES:
        raise TooLarge(f"{path} has {len(text.encode()):,} bytes; at most {MAX_DATA_BYTES:,} are taken. Send a reference instead.")
    return text


def envelope(*, event_id: str, type_name: str, occurred_at: datetime, workspace_id: str, data: dict[str, Any]) -> dict[str, Any]:
    """The event as an object, for filters: what `text` writes."""
    return {
        "id": event_id,
        "event": type_name,
        "type": type_name,
        "timestamp": clock.rfc3339(occurred_at),
        "workspaceId": workspace_id,
        "tenantId": workspace_id,
        "data": data,
    }
