"""`/api/v1/modules` and `/api/v1/records`."""

from __future__ import annotations

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

import orjson
from fastapi import Body, Path, Query, Request, Response
from starlette.types import Receive, Scope, Send

from backend.core import pagination, permissions, reading, web
from backend.core.actor import Actor
from backend.core.parameters import Cursor, Limit
from backend.core.permissions import Permission
from backend.idempotency import answers
from backend.idempotency.answers import REPLAYED, KeyHeader
from backend.records import modules, service
from backend.records.schemas import (
    InstalledOut,
    ModuleCreate,
    ModuleList,
    ModuleOut,
    ModuleUpdate,
    RecordList,
    RecordOut,
    StarterSetList,
    StarterSetOut,
)

router = web.Router(tags=["modules and records"])
Confirm = Annotated[bool, Query(description="Go ahead although data is renamed, removed or deleted by it; without, that is answered 409.")]
ModuleName = Annotated[str, Path(description="The name of a module.", examples=["contacts"])]
RecordId = Annotated[str, Path(description="The id of a record.", examples=["rec_01k5z7q0v6e3tbn8m2c4d9f1hj"])]
RecordBody = Annotated[
    dict[str, Any],
    Body(
        description="Values by names of fields, in snake_case or camelCase.",
        examples=[{"first_name": "Ada", "last_name": "Byron", "email": "ada@example.com"}],
    ),
]
_FILTER: Final = """Conditions as JSON by names of fields: `all`, `any`, `not`, and `field`, `op`, `value` with eq, ne, gt, gte, lt, lte, in,
contains, starts_with, exists. Simple ones can be parameters of their own: `email=…`, `amount[gte]=10`, `status[in]=open,won`."""
_PARAMETERS: Final = (
    ("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "How many at most.", 50),
    ("cursor", {"type": "string"}, "`next_cursor` of the page before.", None),
    ("sort", {"type": "string"}, "The name of a field, `created_at` or `updated_at`; with `-` before it the largest first.", "-created_at"),
    ("q", {"type": "string", "maxLength": 200}, "Beginnings of words in texts, all of which a record has; or an id.", "ada"),
    (
        "filter",
        {"type": "string"},
        _FILTER,
        '{"field": "email", "op": "eq", "value": "ada@example.com"}',
    ),
)


@router.get("/modules", **web.needs(permissions.MODULES_READ))
def list_modules(
    session: web.ReadSession, actor: web.CurrentActor, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> ModuleList:
    """Modules with their fields and rules, newest first."""
    return ModuleList.of(modules.list_modules(session, actor=actor, limit=limit, cursor=cursor), ModuleOut.of)


@router.post("/modules", status_code=201, **web.needs(permissions.MODULES_WRITE))
def create_module(
    body: ModuleCreate, session: web.WriteSession, actor: web.CurrentActor, response: Response, idempotency_key: KeyHeader = None
) -> ModuleOut:
    """Define a module. Its records are at `/records/{module}` from now on, its three event types can be subscribed to."""
    return answers.once(
        session,
        actor=actor,
        route="POST /api/v1/modules",
        key=idempotency_key,
        body=body,
        response=response,
        make=lambda: ModuleOut.of(modules.create(session, actor=actor, input=body.input())),
        answer=ModuleOut,
    )


@router.get("/modules/starter-sets", **web.needs(permissions.MODULES_READ))
def list_starter_sets(session: web.ReadSession, actor: web.CurrentActor) -> StarterSetList:
    """Starter sets: CRM, ERP, social media and restaurant, with the modules that each brings."""
    return StarterSetList.whole(modules.list_starter_sets(session, actor=actor), lambda found: StarterSetOut.of(*found))


@router.post("/modules/starter-sets/{starter_set}/install", **web.needs(permissions.MODULES_WRITE))
def install_starter_set(
    starter_set: Annotated[str, Path(description="The name of a starter set.", examples=["crm"])],
    session: web.WriteSession,
    actor: web.CurrentActor,
) -> InstalledOut:
    """Make the modules of a starter set, with their events and rules. Modules that are there stay as they are."""
    return InstalledOut.of(modules.install(session, actor=actor, name=starter_set))


@router.get("/modules/{module}", **web.needs(permissions.MODULES_READ))
def read_module(module: ModuleName, session: web.ReadSession, actor: web.CurrentActor) -> ModuleOut:
    """One module with its fields and rules."""
    return ModuleOut.of(modules.get(session, actor=actor, name=module))


@router.change("/modules/{module}", **web.needs(permissions.MODULES_WRITE))
def update_module(
    module: ModuleName,
    body: ModuleUpdate,
    session: web.WriteSession,
    actor: web.CurrentActor,
    confirm: Confirm = False,  # noqa: FBT002 - a query parameter
) -> ModuleOut:
    """Change a module; what is sent changes. A field is renamed by its `key` with another `name`, and removed by leaving it out."""
    return ModuleOut.of(modules.update(session, actor=actor, name=module, changes=body.changes(), confirm=confirm))


@router.delete("/modules/{module}", status_code=204, **web.needs(permissions.MODULES_DELETE))
def delete_module(
    module: ModuleName,
    session: web.WriteSession,
    actor: web.CurrentActor,
    confirm: Confirm = False,  # noqa: FBT002 - a query parameter
) -> None:
    """Delete a module, with `confirm` also one that has records, which go with it."""
    modules.delete(session, actor=actor, name=module, confirm=confirm)


def _documented(permission: Permission) -> dict[str, Any]:
    """The mark of the list's route, with its parameters: any field is one, so the framework does not read them."""
    shown = [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": told, **({"example": example} if example else {})}
        for name, schema, told, example in _PARAMETERS
    ]
    return {"openapi_extra": {**web.needs(permission)["openapi_extra"], "parameters": shown}}


@router.get("/records/{module}", response_model=RecordList, **_documented(permissions.RECORDS_READ))
async def list_records(request: Request, module: ModuleName, actor: web.CurrentActor) -> Response:
    """Records of a module, newest first; filtered, sorted and searched by its fields."""
    return await _list(actor, module, request.scope["query_string"])


async def serve_list(scope: Scope, receive: Receive, send: Send) -> None:
    """The same call for the door, which knows the path and the caller: the framework would take longer than the page."""
    response = await _list(scope["state"]["actor"], scope["path"].rpartition("/")[2], scope["query_string"])
    await response(scope, receive, send)


async def _list(actor: Actor, module: str, query: bytes) -> Response:
    parameters = parse_qsl(query.decode("latin-1"), keep_blank_values=True) if query else []
    quick = service.quick_page(actor=actor, module=module, parameters=parameters)
    text = await reading.together(quick) if quick is not None else None
    if text is None:
        text = await web.in_transaction(service.page_text, actor=actor, module=module, parameters=parameters)
    return Response(text, media_type="application/json")


@router.post("/records/{module}", status_code=201, response_model=RecordOut, **web.needs(permissions.RECORDS_WRITE))
def create_record(
    module: ModuleName, body: RecordBody, session: web.WriteSession, actor: web.CurrentActor, idempotency_key: KeyHeader = None
) -> Response:
    """Make a record. Publishes `record.created`, the module's own event such as `contact.created`, and what its rules add."""
    document, replayed = answers.once_document(
        session,
        actor=actor,
        route=f"POST /api/v1/records/{module}",
        key=idempotency_key,
        body=body,
        make=lambda: service.create(session, actor=actor, module=module, values=body).document,
    )
    return _answer(document, 201, {REPLAYED: "true"} if replayed else None)


@router.get("/records/{module}/{record_id}", response_model=RecordOut, **web.needs(permissions.RECORDS_READ))
def read_record(module: ModuleName, record_id: RecordId, session: web.ReadSession, actor: web.CurrentActor) -> Response:
    """One record."""
    return _answer(service.get(session, actor=actor, module=module, record_id=record_id).document)


@router.change("/records/{module}/{record_id}", response_model=RecordOut, **web.needs(permissions.RECORDS_WRITE))
def update_record(
    module: ModuleName, record_id: RecordId, body: RecordBody, session: web.WriteSession, actor: web.CurrentActor
) -> Response:
    """Change a record; what is sent changes, null empties a field. The events have `previous` with what changed as it was."""
    return _answer(service.update(session, actor=actor, module=module, record_id=record_id, values=body).document)


@router.delete("/records/{module}/{record_id}", status_code=204, **web.needs(permissions.RECORDS_DELETE))
def delete_record(module: ModuleName, record_id: RecordId, session: web.WriteSession, actor: web.CurrentActor) -> None:
    """Delete a record."""
    service.delete(session, actor=actor, module=module, record_id=record_id)


def _answer(document: dict[str, Any], status_code: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status_code, headers, media_type="application/json")
