"""Every call by every role and by a key of every scope: exactly those get in of which the OpenAPI document says so."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from backend import app as application
from backend.api_keys import scopes
from backend.core import db, queue
from backend.core.actor import Role
from backend.logs import recorder
from tests.factories import accounts
from tests.integration import test_isolation
from tests.integration.gateway.callers import access_token, make

MODULE = "contacts"  # a name of records whether there is such a module or not
RESOURCES = (*scopes.RESOURCES, MODULE)


# They wait for what no worker sends here.
WAITING = {"send_test", "probe_webhook"}
# What a key hands on, it must hold itself: scopes, and where incoming requests are written.
FURTHER = {
    "POST /api/v1/api-keys": "scopes that its maker does not hold",
    "POST /api/v1/incoming-webhooks": "needs the scope orders:write",
    "PATCH /api/v1/incoming-webhooks/{incoming_id}": "needs the scope mine_only:write",
    "PUT /api/v1/incoming-webhooks/{incoming_id}": "needs the scope mine_only:write",
}


@dataclass(frozen=True)
class Operation:
    """One call as the document has it."""

    method: str
    path: str
    said: dict[str, Any]
    known: dict[str, str] = field(default_factory=lambda: {"module": MODULE})
    body: Any = None

    @property
    def address(self) -> str:
        """Where nothing is that is not `known`, so that whoever gets in changes nothing."""
        return re.sub(r"{(\w+)}", lambda found: self.known.get(found[1], "none"), self.path)

    def scopes(self) -> tuple[str, ...]:
        """Those of which each would do."""
        resource, _, action = self.said["x-scope"].partition(":")
        named = (MODULE, resource) if self.said.get("x-scope-resource") == "module" else (resource,)
        return tuple(scope for each in named for scope in (f"{each}:{action}", f"{each}:manage"))


@dataclass(frozen=True)
class Answer:
    """What came: the status, and the problem if it is one."""

    status: int
    body: dict[str, Any]


@pytest.fixture(name="gateway")
def _gateway(sqlite_url: str, redis: object) -> Iterator[Any]:  # noqa: ARG001 - the door needs it
    """The whole application; who may what does not depend on the database, so one of them does."""
    opened = db.configure(sqlite_url)
    recorder.start()
    yield application.create_app()
    recorder.stop()
    opened.dispose()


def operations(gateway: Any) -> list[Operation]:
    """Every call that is not open to everybody."""
    paths = gateway._app.openapi()["paths"]
    return [Operation(method.upper(), path, said) for path, each in paths.items() for method, said in each.items() if said["security"]]


def test_who_writes_with_integrations_is_an_administrator_and_support_tests_and_cancels(gateway: Any) -> None:
    least = {each.said["operationId"]: (each.said["x-least-role"], each.said.get("x-scope")) for each in operations(gateway)}
    for name in ("start_sync", "refresh_integration", "update_sandbox", "expire_sandbox_tokens", "delete_sandbox_contacts", "send_email"):
        assert least[name] == ("admin", "integrations:write"), name
    for name in ("test_integration", "test_unsaved_integration", "cancel_sync", "try_route"):
        assert least[name] == ("support", "integrations:write"), name
    assert least["list_emails"] == ("viewer", "integrations:read")


def test_every_call_lets_in_exactly_the_roles_that_it_documents(gateway: Any) -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        users = {role: accounts.member(session, owner.workspace_id, role) for role in Role}
    known = operations(gateway)
    for role, user in users.items():
        for operation, answer in _ask_all(gateway, known, access_token(user)[0]):
            least = Role(operation.said["x-least-role"])
            if role.rank >= least.rank:
                assert answer.status not in {401, 403}, (role, operation, answer)
            else:
                assert answer.status == 403, (role, operation, answer)
                assert answer.body["detail"] == f"This needs the role {least}; yours is {role}. Ask an owner of the workspace."
                assert answer.body["requiredScopes"] == []


def test_every_call_lets_in_exactly_the_scopes_that_it_documents(gateway: Any) -> None:
    owner = accounts.workspace()
    known = operations(gateway)
    for scope in (f"{resource}:{action}" for resource in RESOURCES for action in scopes.ACTIONS):
        _, key = make(owner, scope, limit_per_minute=None)
        for operation, answer in _ask_all(gateway, known, key):
            _judge(operation, scope, answer)


def test_the_scope_that_a_call_documents_is_enough_where_there_is_something_too(gateway: Any) -> None:
    """Of a change the caller is told the outcome, whether its key may read or not."""
    owner, identifiers, _ = test_isolation.furnish()
    refused: dict[str, str] = {}
    for operation in operations(gateway):
        if "x-scope" in operation.said and operation.said["operationId"] not in WAITING:
            _, key = make(owner, operation.said["x-scope"], limit_per_minute=None)
            body = test_isolation.body_of(f"{operation.method} {operation.path}")
            ((_, answer),) = _ask_all(gateway, [dataclasses.replace(operation, known=identifiers, body=body)], key)
            if answer.status == 403:
                refused[f"{operation.method} {operation.path}"] = answer.body["detail"]
    assert refused.keys() == FURTHER.keys()
    for place, words in FURTHER.items():
        assert words in refused[place]


def test_without_a_credential_every_one_of_them_says_how_to_get_in(gateway: Any) -> None:
    known = operations(gateway)
    answers = _ask_all(gateway, known, None, another_address_each=True)
    assert {answer.status for _, answer in answers} == {401}
    assert len(answers) > 100


def _judge(operation: Operation, scope: str, answer: Answer) -> None:
    if operation.said.get("x-users-only"):
        assert answer.status == 403, (scope, operation, answer)
        assert answer.body["detail"] == "API keys cannot do this; sign in as a user."
        assert answer.body["requiredScopes"] == []
    elif "x-scope" not in operation.said or scope in operation.scopes():
        assert answer.status not in {401, 403}, (scope, operation, answer)
    else:
        assert answer.status == 403, (scope, operation, answer)
        assert answer.body["requiredScopes"] == list(operation.scopes())
        needed = answer.body["requiredScopes"][0]
        assert answer.body["detail"] == f"This needs the scope {needed}, which the key does not hold. Use a key that has it, or add it."


def _ask_all(
    gateway: Any, known: list[Operation], credential: str | None, *, another_address_each: bool = False
) -> list[tuple[Operation, Answer]]:
    """What each call answers; each from an address of its own where strangers would use up their limit."""

    async def ask() -> list[tuple[Operation, Answer]]:
        try:
            return [
                (each, await _ask(gateway, each, credential, f"203.0.{number if another_address_each else 113}.7"))
                for number, each in enumerate(known)
            ]
        finally:
            await queue.close_async()

    return asyncio.run(ask())


async def _ask(gateway: Any, operation: Operation, credential: str | None, ip: str) -> Answer:
    """One call by the protocol itself: there are thousands."""
    headers = [(b"host", b"crossdock.test")] + ([(b"authorization", f"Bearer {credential}".encode())] if credential else [])
    sending = json.dumps(operation.body).encode() if operation.body is not None else b""
    if sending:
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(sending)).encode())]
    scope = {
        "type": "http", "http_version": "1.1", "method": operation.method, "scheme": "http", "path": operation.address,
        "raw_path": operation.address.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": (ip, 40_000), "server": ("crossdock.test", 80),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []
    is_read = False

    async def receive() -> dict[str, Any]:
        nonlocal is_read
        if is_read:
            await asyncio.Event().wait()  # the client stays
        is_read = True
        return {"type": "http.request", "body": sending, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await gateway(scope, receive, send)
    start = sent[0]
    is_problem = (b"content-type", b"application/problem+json") in start["headers"]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(start["status"], json.loads(body) if is_problem else {})
