"""One example of every body, made from its schema: what the schema says itself, then what names are known to hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from backend.docs.words import ID

Schema = Mapping[str, Any]

_TIME: Final = "2026-01-31T09:30:00.000Z"
_LATER: Final = "2027-01-31T09:30:00.000Z"
_KEY: Final = "xdk_7Hq2mZ0rXc5VbN8sLk3JhGf6DpQwErTyUiOaSdFgHjKlZxCv4BnM"
_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwYx3Jb9kQm0c="  # noqa: S105 - made up, for the documentation
_HEADERS: Final = [["Content-Type", "application/json"]]
_DATA: Final = {"id": "4711", "total": 42.5}

# Whole bodies of requests, by the name of their schema, as somebody would send them.
BODIES: Final[dict[str, Any]] = {
    "TokenRequest": {"email": "admin@example.com", "password": "correct horse battery staple"},
    "RefreshRequest": {"refresh_token": "xdr_5fQ0cVb7"},
    "ApiKeyCreate": {
        "name": "Production integration",
        "scopes": ["orders:read", "orders:write"],
        "rate_limit": {"per_minute": 600},
        "allowed_ips": ["203.0.113.0/24"],
        "expires_at": _LATER,
    },
    "ApiKeyUpdate": {"name": "Production integration", "scopes": ["orders:read"]},
    "RotateBody": {"overlap_hours": 24},
    "Rotation": {"overlap_hours": 24},
    "CheckBody": {"method": "POST", "path": "/api/v1/events", "ip": "203.0.113.7"},
    "EventTypeCreate": {"name": "invoice.paid", "description": "An invoice was paid.", "sample": {"invoice_id": "INV-001", "amount": 120}},
    "EventTypeUpdate": {"description": "An invoice was paid in full."},
    "EventCreate": {"type": "order.created", "data": _DATA, "idempotency_key": "order-4711-created"},
    "EventBatch": {"events": [{"type": "order.created", "data": _DATA}, {"type": "order.updated", "data": _DATA}]},
    "TestSend": {"event": "order.created"},
    "ProbeSend": {"resume": True, "missed": "send"},
    "ReplayCreate": {
        "filter": {"webhook_id": f"whk_{ID}", "status": "dead"},
        "rate": 50,
        "reason": "The receiver lost them on Monday.",
        "dry_run": True,
    },
    "WebhookReplayCreate": {"filter": {"status": "dead"}, "rate": 50, "dry_run": True},
    "EventReplayCreate": {"webhook_id": f"whk_{ID}", "reason": "The receiver asked for it."},
    "WebhookCreate": {
        "url": "https://example.com/webhooks",
        "events": ["order.created", "order.updated"],
        "name": "Order updates",
        "filter": {"field": "data.total", "op": "gte", "value": 10},
    },
    "WebhookUpdate": {"events": ["order.*"], "timeout": 10},
    "BulkBody": {"ids": [f"whk_{ID}"], "action": "pause"},
    "Enabling": {"missed": "send"},
    "GatewayUpdate": {"anonymous_per_minute": 60, "endpoint_limits": {"POST /api/v1/events": 600}},
    "Disabling": {"reason": "The receiver moves on Monday."},
    "ModuleCreate": {
        "name": "contacts",
        "label": "Contacts",
        "fields": [
            {"name": "email", "type": "email", "required": True, "unique": True, "pii": True},
            {"name": "full_name", "type": "text", "max_length": 200},
        ],
    },
    "ModuleUpdate": {"label": "Contacts", "description": "People that the company knows."},
    "IncomingCreate": {
        "name": "Form submissions",
        "module": "contacts",
        "action": "upsert",
        "upsert_field": "email",
        "field_mapping": {"email": "email", "name": "full_name", "company": "company_name"},
    },
    "IncomingUpdate": {
        "field_mapping": [
            {"source": "customer.email", "target": "email", "transform": ["trim", "lower"], "required": True},
            {"source": "customer.first", "target": "full_name", "transform": {"name": "join", "with": ["customer.last"]}},
        ],
        "verification": {"scheme": "github", "secret": "It's a Secret to Everybody"},
    },
    "TokenRotation": {"overlap_hours": 24},
    "ReplayFailed": {"since": _TIME, "dry_run": True},
    "DryRun": {"limit": 10, "field_mapping": {"email": "email", "name": "full_name"}},
    "IntegrationCreate": {
        "provider": "slack",
        "name": "Sales team",
        "config": {"channel": "#sales"},
        "credentials": {"webhook_url": "https://hooks.slack.com/services/T000/B000/XXXX"},
    },
    "IntegrationUpdate": {"name": "Sales team, Berlin", "config": {"channel": "#sales-berlin"}},
    "ConsentAnswer": {"state": "q3rT9w", "code": "4fW0iJ"},
    "ConsentBegin": {},
    "SyncBegin": {"full": False},
    "SandboxUpdate": {"token_error": "500"},
    "ContactsChange": {"number": 10},
    "MessageSend": {"kind": "new_lead", "data": {"full_name": "Ada Lovelace", "source": "Website", "score": 85}},
    "CalendarEventCreate": {
        "summary": "Sales meeting",
        "start": "2026-12-01T10:00:00Z",
        "end": "2026-12-01T11:00:00Z",
        "attendees": ["grace@example.com"],
    },
    "RouteCreate": {
        "name": "Orders to Slack",
        "events": ["order.created"],
        "filter": {"field": "data.total", "op": "gte", "value": 10},
        "integration_id": f"int_{ID}",
        "action": "message",
        "mapping": [{"source": "", "target": "text", "transform": {"name": "template", "text": "New order {data.id}: {data.total}"}}],
    },
    "RouteUpdate": {"is_active": False},
    "RouteTest": {"event": "order.created", "data": _DATA},
    "TemplateInstall": {"inputs": {"integration": f"int_{ID}", "channel": "#sales"}},
    "OrderUpdate": {"notes": "Ring twice", "reason": "The customer called"},
    "StatusChange": {"status": "confirmed"},
}
_PREFIXES: Final = {
    "ApiKeyOut": "key",
    "ApiKeyCreated": "key",
    "ApiKeyWithStats": "key",
    "SecretOut": "sec",
    "WebhookOut": "whk",
    "WebhookWithSecret": "whk",
    "EventAccepted": "evt",
    "EventOut": "evt",
    "BulkItem": "whk",
    "DeliveryOut": "dlv",
    "DueKeyOut": "key",
    "AttemptOut": "att",
    "ReplayOut": "rpl",
    "ReplayItemOut": "rpi",
    "RequestOut": "req",
    "ModuleOut": "mod",
    "IncomingOut": "inc",
    "IncomingWithToken": "inc",
    "IncomingDetail": "inc",
    "LogOut": "irq",
    "LogDetailOut": "irq",
    "TokenOut": "itk",
    "WorkerOut": "run",
    "Me": "key",
    "IntegrationOut": "int",
    "SyncOut": "syn",
    "RouteOut": "rte",
    "RunOut": "rrn",
    "TimelineOut": "ivt",
}
# What a member of this name holds, wherever it is.
_VALUES: Final[dict[str, Any]] = {
    "event_id": f"evt_{ID}",
    "webhook_id": f"whk_{ID}",
    "delivery_id": f"dlv_{ID}",
    "incoming_webhook_id": f"inc_{ID}",
    "workspace_id": f"wsp_{ID}",
    "integration_id": f"int_{ID}",
    "route_id": f"rte_{ID}",
    "owner_id": f"usr_{ID}",
    "created_by": f"usr_{ID}",
    "caller_id": f"key_{ID}",
    "secret_id": f"sec_{ID}",
    "source_id": f"dlv_{ID}",
    "trace_id": f"trc_{ID}",
    "secret": _SECRET,
    "access_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl",
    "refresh_token": "xdr_5fQ0cVb7",
    "key_prefix": "xdk_7Hq2",
    "prefix": "xdk_7Hq2",
    "last4": "4BnM",
    "event": "order.created",
    "type": "order.created",
    "events": ["order.created", "order.updated"],
    "scopes": ["orders:read", "orders:write"],
    "url": "https://example.com/webhooks",
    "ip": "203.0.113.7",
    "address": "203.0.113.7",
    "host": "worker-1",
    "method": "POST",
    "path": "/api/v1/events",
    "route": "POST /api/v1/events",
    "user_agent": "curl/8.11.0",
    "email": "ada@example.com",
    "role": "admin",
    "reason": "The receiver lost them on Monday.",
    "description": "Used by the shop.",
    "group": "Orders",
    "query": "",
    "name": "Order updates",
    "label": "Contacts",
    "singular": "contact",
    "window": "per_minute",
    "outcome": "delivered",
    "trigger": "schedule",
    "kind": "event",
    "status_code": 200,
    "attempt": 1,
    "max_attempts": 10,
    "expires_in": 900,
    "timeout": 15,
    "success_rate": 100,
    "explanation": "Delivered at the first attempt.",
    "sentence": "Delivered at the first attempt.",
    "rule": "scope",
    "allowed_ips": ["203.0.113.0/24"],
    "data": _DATA,
    "sample": _DATA,
    "body": '{"id":"evt_1","event":"order.created","data":{"id":"4711"}}',
    "encoding": "text",
    "metadata": {"team": "shop"},
    "rate_limit": {"per_minute": 600, "per_hour": None, "per_day": None},
    "retry_policy": {"schedule": [5, 300, 1800, 7200]},
    "previous": {"status": "pending"},
    "next_cursor": None,
    "has_more": False,
}
# The same where the name alone does not say it.
_OWN: Final[dict[str, Any]] = {
    "ApiKeyCreated.key": _KEY,
    "ApiKeyCreated.secret": _KEY,
    "ApiKeyCreated.name": "Production integration",
    "ApiKeyOut.name": "Production integration",
    "ApiKeyWithStats.name": "Production integration",
    "AnswerPart.headers": _HEADERS,
    "ResponseOut.headers": _HEADERS,
    "RequestPart.headers": _HEADERS,
    "WebhookOut.headers": {"X-Tenant": "••••••••"},
    "WebhookWithSecret.headers": {"X-Tenant": "••••••••"},
    "ApiKeyCheckOut.reason": "The key holds orders:read.",
    "DeliveryFigures.unfinished": {"waiting": 3, "retrying": 1},
    "DeliveryOut.status": "delivered",
    "EventSamples.data": {"order.created": _DATA},
    "EventTypeOut.name": "order.created",
    "FieldOut.key": "f1",
    "FieldOut.name": "email",
    "FieldOut.label": "E-mail",
    "FieldOut.module": None,
    "FieldOut.options": [],
    "HealthOut.checks": {name: {"status": "ok", "ms": 0.4} for name in ("database", "redis", "deliver")},
    "InstalledOut.name": "crm",
    "InstalledOut.made": ["contacts", "leads"],
    "InstalledOut.kept": ["tasks"],
    "Me.kind": "key",
    "Me.name": "Production integration",
    "Me.role": None,
    "ModuleOut.name": "contacts",
    "ModuleOut.event_names": "snake",
    "ModuleOut.event_types": ["contact.created", "contact.updated", "contact.deleted"],
    "ModuleOut.rules": [],
    "ProbeOut.status": "active",
    "ReplayOut.status": "running",
    "ReplayOut.filter": {"status": "dead"},
    "RequestOut.caller_kind": "key",
    "RequestOut.limit_name": "per_minute",
    "RequestOut.query": "limit=50",
    "Skip.reason": "filtered",
    "Skip.detail": "data.total is 4, not at least 10.",
    "StarterModule.name": "contacts",
    "StarterModule.fields": ["email", "full_name"],
    "StarterSetOut.name": "crm",
    "StarterSetOut.label": "CRM",
    "DueKeyOut.name": "Production integration",
    "DueReasonOut.sentence": "It ends on 2026-02-14. Give it a later end, or make a new one.",
    "GatewayOut.sunsets": {"older": _LATER},
    "VersionOut.name": "v1",
    "VersionOut.prefix": "/api/v1",
    "VersionOut.title": "Crossdock API",
    "WorkerOut.kind": "deliver",
}
# Null in an example, since a thing that is well has none.
_ABSENT: Final = frozenset(
    {
        "advice", "condition", "disabled_at", "disabled_reason", "disabled_rule", "disables_at", "ended_at", "error", "error_class",
        "external_ref", "failing_since", "filter", "finished_at", "json_schema", "last_failure_at", "next_retry_at", "previous_secret_expires_at",
        "refusal", "replay_id", "replay_of", "replay_reason", "retry_at", "revoked_at", "rotate_due_at", "rotate_every",
    }
)  # fmt: skip


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def of_request(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """What somebody would send: what is needed, and what the schema gives an example of."""
    found = _component(schema)
    return BODIES[found] if found in BODIES else _Sketch(components, is_request=True).of(schema)


def of_answer(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """What would be answered, with every member."""
    return _Sketch(components, is_request=False).of(schema)


def _component(schema: Schema) -> str:
    """The name of the component that a schema is, also where it may be null."""
    for option in (schema, *schema.get("anyOf", ())):
        if "$ref" in option:
            return str(option["$ref"]).rpartition("/")[2]
    return ""


class _Sketch:
    """Makes examples; `name` is the member that a schema is of, `owner` the component that has it."""

    def __init__(self, components: Mapping[str, Schema], *, is_request: bool) -> None:
        self._components = components
        self._is_request = is_request

    def of(self, schema: Schema, name: str = "", owner: str = "") -> Any:
        """One value of a schema."""
        for value in _known(schema, name, owner):
            return value
        if "$ref" in schema:
            component = _component(schema)
            return self.of(self._components[component], "", component)
        if options := _options(schema):
            return self.of(next((option for option in options if option.get("type") != "null"), options[0]), name, owner)
        return self._of_type(schema, owner)

    def _of_type(self, schema: Schema, owner: str) -> Any:
        kind = schema.get("type")
        if kind == "object":
            return self._of_object(schema, owner)
        if kind == "array":
            return self._of_list(schema, owner)
        if kind == "string":
            return _TIME if schema.get("format") == "date-time" else "text"
        return {"integer": 1, "number": 1.5, "boolean": True}.get(str(kind))

    def _of_object(self, schema: Schema, owner: str) -> dict[str, Any]:
        needed = schema.get("required", ())
        members = schema.get("properties", {}).items()
        found = {
            name: self.of(inner, name, owner) for name, inner in members if not self._is_request or name in needed or inner.get("examples")
        }
        more = schema.get("additionalProperties")
        return found if found or not isinstance(more, Mapping) else {"name": self.of(cast("Schema", more), "", owner)}

    def _of_list(self, schema: Schema, owner: str) -> list[Any]:
        if "prefixItems" in schema:
            return [self.of(inner, "", owner) for inner in schema["prefixItems"]]
        return [self.of(schema["items"], "", owner)] if schema.get("items") else []


def _known(schema: Schema, name: str, owner: str) -> Iterator[Any]:
    """The values that are known without looking further into the schema, the best first."""
    if name in _ABSENT and any(option.get("type") == "null" for option in _options(schema)):
        yield None
    yield from schema.get("examples", ())
    yield from (schema[said] for said in ("example", "const") if said in schema)
    yield from schema.get("enum", ())
    if name == "id" and owner in _PREFIXES:
        yield f"{_PREFIXES[owner]}_{ID}"
    if f"{owner}.{name}" in _OWN:
        yield _OWN[f"{owner}.{name}"]
    if name in _VALUES and _fits(_VALUES[name], schema):
        yield _VALUES[name]


def _options(schema: Schema) -> list[Schema]:
    return list(schema.get("anyOf") or schema.get("oneOf") or ())


def _fits(value: Any, schema: Schema) -> bool:
    """Whether a value is of the type that a schema has; of times and of lists of components their own schemas say more."""
    options = _options(schema) or [schema]
    if any(option.get("format") == "date-time" or "$ref" in option.get("items", {}) for option in options):
        return False
    kinds = [str(option.get("type")) for option in options]
    return any(isinstance(value, _TYPES.get(kind, ())) and not (isinstance(value, bool) and kind != "boolean") for kind in kinds)
