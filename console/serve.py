"""Owns the web process's ASGI factory: console, API and built pages behind one door, on one port."""

from __future__ import annotations

import os

from console.build import OUTPUT
from console.doors import Asgi, Doors

# The framework's own switches: use what was built, compile nothing, serve the files.
os.environ["__REFLEX_SKIP_COMPILE"] = "true"
os.environ["REFLEX_ENV_MODE"] = "prod"
os.environ["REFLEX_TELEMETRY_ENABLED"] = "false"
os.environ["REFLEX_CHECK_LATEST_VERSION"] = "false"
if OUTPUT.is_dir():
    os.environ["__REFLEX_MOUNT_FRONTEND_COMPILED_APP"] = "true"


def create() -> Asgi:
    """The web process: `granian --interface asgi --factory console.serve:create`, one worker."""
    from backend.app import create_app  # noqa: PLC0415 - after the switches above
    from console.console import app, run_lifespan_of  # noqa: PLC0415

    api = create_app()
    run_lifespan_of(api)
    return Doors(api=api, console=app(), is_page=lambda path: app.router(path) is not None)
