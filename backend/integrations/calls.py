"""Authenticated calls to a provider's API, judged; what was called is counted."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from backend.core.egress_calls import Caller, NoAnswer, Reply, Request
from backend.integrations import counting, failures, templates
from backend.integrations.connection import Connection, policy
from backend.integrations.entry import Call, Expectation, Identity
from backend.integrations.failures import Kind

MAX_PAGE: Final = 10 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """Who is connected, as the provider calls them."""

    id: str = ""
    name: str = ""


def open_caller(*, most: int = MAX_PAGE) -> Caller:
    """A client for some calls; close it."""
    return Caller(policy(), most=most)


def ask(
    connection: Connection,
    call: Call,
    caller: Caller,
    *,
    values: Mapping[str, Any] | None = None,
    url: str | None = None,
    emptied: str | None = None,
) -> Reply:
    """The answer to an authenticated call, whatever it says; counted. `url` instead of the call's own. Raises `ProviderFailed`.

    `emptied` is sent where a value is `templates.EMPTY`.
    """
    entry = connection.entry
    try:
        request = _authenticated(connection, call, values or {}, url)
        request = dataclasses.replace(request, json=templates.emptied(request.json, emptied), form=templates.emptied(request.form, ""))
    except templates.Unknown as error:
        raise failures.of_unknown(entry.name, error) from None
    begun = time.monotonic()
    try:
        reply = caller.send(request)
    except NoAnswer as error:
        counting.note(connection, ok=False, seconds=time.monotonic() - begun)
        raise failures.of_no_answer(entry.name, error) from error
    counting.note(connection, ok=reply.status < 400, seconds=time.monotonic() - begun)
    return reply


def require(
    connection: Connection, call: Call, caller: Caller, *, values: Mapping[str, Any] | None = None, url: str | None = None
) -> Reply:
    """The same, of a call that succeeded. Raises `ProviderFailed`."""
    reply = ask(connection, call, caller, values=values, url=url)
    wrong = failures.of_answer(connection.entry, reply)
    if wrong is not None:
        raise wrong
    return reply


def is_testable(connection: Connection) -> bool:
    """Whether there is a test to make: the address of a custom provider's is entered by whoever connects it, or left out."""
    call = connection.auth.test.call
    return call is None or connection.address("test") is not None or templates.optional(call.url, connection.values) is not None


def test(connection: Connection, caller: Caller) -> Account:
    """Make the provider's cheap authenticated call, and say who is connected. Raises `ProviderFailed`."""
    spec = connection.auth.test
    if spec.call is None:
        return _account(connection.tokens.get("answer"), spec.account)
    reply = ask(connection, connection.call("test", spec.call), caller)
    if reply.status not in spec.expect.status or not _is_expected(reply, spec.expect):
        raise failures.of_answer(connection.entry, reply) or failures.failed(
            Kind.ANSWER, f"{connection.entry.name} answered {reply.status}, but not what its test should."
        )
    return _account(reply.json(), spec.account)


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have scheme, host and port in common: credentials go nowhere else."""
    try:
        left, right = urlsplit(one), urlsplit(other)
    except ValueError:  # what is no address is nowhere
        return False
    return (left.scheme, left.netloc) == (right.scheme, right.netloc)


def retrying(connection: Connection, work: Callable[[Connection], Any], again: Callable[[Connection], Connection]) -> Any:
    """The result of `work`; when the provider no longer takes the access token, that of another try with the one `again` gets.

    A token that is never refreshed may have been replaced meanwhile by somebody who reconnected; else there is no other try.
    """
    try:
        return work(connection)
    except failures.ProviderFailed as error:
        if error.failure.kind is not Kind.UNAUTHORIZED:
            raise
        try:
            fresh = again(connection)
        except failures.ProviderFailed:
            if connection.refresh_class == "never":
                raise error from None  # what was said just now, not what was known before
            raise
        if fresh.tokens_at == connection.tokens_at:
            raise
        return work(fresh)


def _authenticated(connection: Connection, call: Call, extra: Mapping[str, Any], url: str | None) -> Request:
    values = {**connection.values, **extra}
    made = templates.request(call, values, url=url)
    auth = connection.auth
    headers = {**templates.fill_all(auth.headers, values), **made.headers}
    basic = made.basic
    if basic is None and auth.basic is not None:
        basic = (templates.fill(auth.basic[0], values), templates.fill(auth.basic[1], values))
    return dataclasses.replace(made, headers=headers, basic=basic, query={**templates.fill_all(auth.query, values), **made.query})


def _is_expected(reply: Reply, expect: Expectation) -> bool:
    if expect.text:
        return reply.body.decode("utf-8", "replace").strip() in expect.text
    if expect.path is None:
        return True
    found = templates.dig(reply.json(), expect.path)
    return found in expect.equals if expect.equals else found is not None


def _account(document: Any, where: Identity) -> Account:
    name = templates.dig_first(document, where.name)[:200]
    return Account(templates.dig_first(document, where.id)[:200] or name, name)
