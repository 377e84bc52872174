"""A process that dies in the midst of processing a request: stored it is, and what was made of it is not committed. `killed TOKEN`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from backend.core import clock, crypto, db, ids, outbox
from backend.core.committing import Group
from backend.events import service as events
from backend.incoming import intake, processing
from backend.incoming.storage import Arrival
from backend.settings import settings


def main(token: str) -> None:
    """Take one request, and be killed once its record and events are written, before they are committed."""
    crypto.configure([key.get_secret_value() for key in settings().encryption_keys])
    outbox.bind(events.publish)
    db.configure(settings().database_url)
    write = processing.write

    def and_die(*args: Any, **kwargs: Any) -> Any:
        write(*args, **kwargs)
        sys.stdout.write("written\n")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    processing.write = and_die
    body = b'{"email":"ada@example.com","name":"Ada"}'
    headers = (("content-type", "application/json"),)
    intake.take_all(Group([Arrival(token, "POST", "", headers, body, "203.0.113.7", ids.new("req"), clock.now())]))


if __name__ == "__main__":
    main(sys.argv[1])
