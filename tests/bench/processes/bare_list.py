"""The yardstick of lists: a bare FastAPI route that encodes the same objects, on the same server. `bare_list PORT FILE`."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import orjson
from fastapi import FastAPI, Response
from granian.constants import Interfaces
from granian.server.embed import Server

from tests.bench.processes.bare_route import until_closed

app = FastAPI()
_page = orjson.loads(Path(sys.argv[2]).read_bytes())


@app.get("/list")
async def read() -> Response:
    """Encode the objects in the file."""
    return Response(orjson.dumps(_page), media_type="application/json")


if __name__ == "__main__":
    threading.Thread(target=until_closed, daemon=True).start()
    sys.stdout.write("true\n")
    sys.stdout.flush()
    asyncio.run(Server(app, address="127.0.0.1", port=int(sys.argv[1]), interface=Interfaces.ASGINL, log_access=False).serve())
