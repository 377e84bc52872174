"""The yardstick of publishing: a bare FastAPI route that parses the same body, on the same server. `bare_route PORT`."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any

from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server
from pydantic import BaseModel

from backend.core import clock
from backend.events.schemas import EventAccepted, EventCreate

app = FastAPI()


@app.post("/events", status_code=202)
async def accept(body: EventCreate) -> EventAccepted:
    """Answer as publishing does, without having done anything."""
    return EventAccepted(id="evt_01k5z7aaaaaaaaaaaaaaaaaaaa", type=body.type, timestamp=clock.now(), deliveries=1)


class Person(BaseModel):
    """What sources post in the benchmark of incoming webhooks."""

    email: str
    name: str
    amount: float
    tags: list[str]
    address: dict[str, str]


@app.post("/people", status_code=201)
async def take(body: Person) -> dict[str, Any]:
    """Answer as an incoming webhook does, without having done anything."""
    return {
        "success": True,
        "status": "accepted",
        "id": "rec_01k5z7aaaaaaaaaaaaaaaaaaaa",
        "ids": [],
        "action": "updated",
        "module": body.name,
    }


def until_closed() -> None:
    """End this process with its input."""
    sys.stdin.read()  # until whoever started it closes the pipe
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=until_closed, daemon=True).start()
    sys.stdout.write("true\n")
    sys.stdout.flush()
    asyncio.run(Server(app, address="127.0.0.1", port=int(sys.argv[1]), interface=Interfaces.ASGINL, log_access=False).serve())
