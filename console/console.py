"""Owns the web console's app: its pages, its gate, its lifespan."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import reflex as rx

from console import auth, bridge, frames, live, pages
from console.doors import same_origin
from console.theme import STYLESHEETS

app = rx.App(
    stylesheets=STYLESHEETS,
    html_lang="en",
    head_components=[rx.el.script(src="/console.js", defer=True), rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml")],
    backend_exception_handler=bridge.on_exception,
    frontend_exception_handler=bridge.on_page_exception,
)
app.app_wraps.pop((5, "Overlay"), None)  # the frame says itself when the connection is lost
app.add_middleware(auth.Gate())
app.sio.eio.cors_allowed_origins = same_origin  # type: ignore[union-attr] - made by the constructor above
frames.guard(app.event_namespace)  # type: ignore[arg-type] - made by the constructor, too
app.register_lifespan_task(live.listen)
live.bind(lambda client: app.event_namespace is not None and client in app.event_namespace.token_to_sid)
pages.add_all(app)


def run_lifespan_of(api: Any) -> None:
    """Have the API's lifespan run with the console's: one that is mounted behind a door gets none of its own."""

    @contextlib.asynccontextmanager
    async def api_lifespan() -> AsyncIterator[None]:
        async with api.router.lifespan_context(api):
            yield

    app.register_lifespan_task(api_lifespan)
