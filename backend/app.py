"""The public API as one ASGI application: routers, error handlers, start and stop, schema; no logic."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from backend import __version__, openapi
from backend.accounts import forms
from backend.accounts import routes as accounts
from backend.api_keys import oauth_routes
from backend.api_keys import routes as api_keys
from backend.audit import routes as audit
from backend.core import crypto, judging, outbox, refusals, web
from backend.core.web import RouteEntry
from backend.deliveries import routes as deliveries
from backend.docs import examples
from backend.docs import routes as docs
from backend.encryption import routes as encryption
from backend.event_types import routes as event_types
from backend.events import routes as events
from backend.events import service as publishing
from backend.events.committer import committer
from backend.gateway import routes as gateway
from backend.gateway.door import Gateway
from backend.incoming import intake, receiving
from backend.incoming import routes as incoming
from backend.integrations import action_routes as integration_actions
from backend.integrations import log_routes as integration_log
from backend.integrations import routes as integrations
from backend.logs import recorder
from backend.logs import routes as logs
from backend.monitoring import routes as monitoring
from backend.orders import routes as orders
from backend.receiver import routes as receiver
from backend.records import routes as records
from backend.replays import routes as replays
from backend.retention import routes as retention
from backend.routing import routes as routing
from backend.sandbox import control as sandbox_control
from backend.sandbox import routes as sandbox
from backend.settings import settings
from backend.templates import routes as templates
from backend.webhooks import routes as webhooks

PREFIX = "/api/v1"
DOCS_PREFIX = "/api"
ROUTERS = (
    accounts.router,
    api_keys.router,
    event_types.router,
    events.router,
    deliveries.router,
    replays.router,
    incoming.router,
    webhooks.router,
    records.router,
    orders.router,
    sandbox_control.router,
    integrations.router,
    integration_log.router,
    integration_actions.router,
    routing.router,
    templates.router,
    logs.router,
    audit.router,
    retention.router,
    monitoring.router,
    gateway.router,
    encryption.router,
)
ROOT_ROUTERS = (monitoring.root,)  # calls that are not below the prefix
_DESCRIPTION = """Publish events, manage webhooks and their deliveries, and look after API keys.

Send an API key as `Authorization: Bearer xdk_…`, or sign in with `POST /api/v1/auth/token` and send the access token.
Errors are `application/problem+json`: `detail` says what happened and what to do, `errors` lists every field that is wrong.
"""


def create_app() -> Gateway:
    """The application behind its gateway. Reads the settings; connects to nothing until it starts."""
    bind()
    app = FastAPI(
        title="Crossdock",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # it is served with the rest of the documentation
        lifespan=_lifespan,
        redirect_slashes=False,  # it would lead to whatever host the caller names
        generate_unique_id_function=_operation_id,
    )
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(docs.router, prefix=DOCS_PREFIX, include_in_schema=False)
    for router in ROOT_ROUTERS:
        app.include_router(router)
    app.include_router(forms.router)
    app.include_router(oauth_routes.router)
    app.include_router(receiver.router)
    app.include_router(sandbox.router)
    refusals.install(app)
    openapi.describe(app)
    direct: dict[str, ASGIApp] = {f"GET {PREFIX}/records/{{module}}": records.serve_list, receiving.ROUTE: receiving.Receiver()}
    return Gateway(app, [*operations(), *web.table((docs.router,), DOCS_PREFIX)], direct)


def operations() -> list[RouteEntry]:
    """Every operation behind the gateway, with the permission that it needs."""
    return [*web.table(ROUTERS, PREFIX), *web.table(ROOT_ROUTERS, "")]


def bind() -> None:
    """Bind what the lower layers leave open, for this process: keys from the settings, who publishes events, examples of bodies."""
    crypto.configure([key.get_secret_value() for key in settings().encryption_keys])
    outbox.bind(publishing.publish)
    judging.bind(examples.BODIES)


@contextlib.asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncGenerator[None]:
    recorder.start()
    try:
        yield
    finally:
        committer.stop()
        intake.committer.stop()
        recorder.stop()


def _operation_id(route: APIRoute) -> str:
    """The name of the client's method: `update_key` by PATCH is `put_key` by PUT."""
    return route.name.replace("put_update_", "put_", 1)
