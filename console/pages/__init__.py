"""Every page of the console, and how it is added to the app."""

from __future__ import annotations

import reflex as rx

from console.pages.api_keys import detail as api_key
from console.pages.api_keys import page as api_keys
from console.pages.deliveries import detail as delivery
from console.pages.deliveries import page as deliveries
from console.pages.door import page as door
from console.pages.event_types import page as event_types
from console.pages.events import detail as event
from console.pages.events import page as events
from console.pages.incoming import detail as incoming_webhook
from console.pages.incoming import page as incoming
from console.pages.incoming import request as incoming_request
from console.pages.integrations import detail as integration
from console.pages.integrations import gallery, sandbox
from console.pages.integrations import page as integrations
from console.pages.integrations import setup as provider
from console.pages.logs import audit, errors, requests
from console.pages.members import page as members
from console.pages.monitoring import page as monitoring
from console.pages.orders import detail as order
from console.pages.orders import page as orders
from console.pages.overview import page as overview
from console.pages.receiver import page as receiver
from console.pages.records import editor as module_editor
from console.pages.records import modules, record
from console.pages.records import page as records
from console.pages.replays import detail as replay
from console.pages.replays import page as replays
from console.pages.routes import detail as route
from console.pages.routes import editor as route_editor
from console.pages.routes import page as routes
from console.pages.routes import templates
from console.pages.settings import security
from console.pages.settings import workspace as settings
from console.pages.webhooks import detail as webhook
from console.pages.webhooks import page as webhooks
from console.pages.workspace import page as workspace


def add_all(app: rx.App) -> None:
    """Add every page."""
    for section in (
        door,
        overview,
        api_keys,
        api_key,
        webhooks,
        webhook,
        incoming,
        incoming_webhook,
        incoming_request,
        receiver,
        integrations,
        gallery,
        provider,
        sandbox,
        integration,
        routes,
        route_editor,
        templates,
        route,
        deliveries,
        delivery,
        events,
        event,
        replays,
        replay,
        event_types,
        requests,
        errors,
        audit,
        monitoring,
        modules,
        module_editor,
        records,
        record,
        orders,
        order,
        members,
        settings,
        security,
        workspace,
    ):
        section.add(app)
