"""What the routes of event types take and answer."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from backend.core.web import Body, ListOut, Out


class EventTypeCreate(Body):
    """A new event type."""

    name: str = Field(max_length=100, examples=["invoice.paid"])
    description: str = Field(default="", max_length=1000)
    group: str = Field(default="", max_length=60)
    json_schema: dict[str, Any] | None = Field(default=None, description="JSON Schema of the event's data.")
    sample: dict[str, Any] = Field(default_factory=dict, examples=[{"invoice_id": "INV-001", "amount": 120}])


class EventTypeUpdate(Body):
    """What is sent changes."""

    description: str = Field(default="", max_length=1000)
    group: str = Field(default="", max_length=60)
    json_schema: dict[str, Any] | None = None
    sample: dict[str, Any] = Field(default_factory=dict)
    deprecated: bool = False
    archived: bool = False


class EventTypeOut(Out):
    """An event type; `sample` is the `data` of an event of it."""

    name: str
    description: str
    group: str
    sample: dict[str, Any]
    built_in: bool
    version: int
    json_schema: dict[str, Any] | None
    deprecated: bool
    archived: bool


class EventTypeList(ListOut[EventTypeOut]):
    """A page of event types, the built-in ones first."""
