"""Outgoing HTTP over real sockets on loopback: nothing connects to an address that was not judged."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import trustme

from backend.core.egress import (
    EgressBlocked,
    EgressPolicy,
    GuardedConnector,
    GuardedResolver,
    HostNotFound,
    lookup,
    resolve,
)
from backend.core.egress_httpx import GuardedTransport
from backend.core.egress_rules import UrlRefused
from tests.fakes.listeners import Listener, Listeners

GOOD, BAD = "127.0.0.1", "127.0.0.2"
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
ONLY_GOOD = EgressPolicy(allow=(ipaddress.ip_network(f"{GOOD}/32"),))
# Blocked listeners are on 127.0.0.2, which a socket may reach here: only the guard keeps them from being connected to.
pytestmark = pytest.mark.allow_hosts([GOOD, BAD, "::1"])
Fetch = Callable[[EgressPolicy, str], int]


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """Starts HTTP servers on loopback that count connections."""
    with Listeners() as listeners:
        yield listeners.start


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], list[str]]]:
    """A table of host names for this test; each entry answers a look-up anew. Others go to the system."""
    table: dict[str, Callable[[], list[str]]] = {}
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:  # noqa: A002 - the name that callers pass
        if host not in table:
            return system(host, port, family, type, proto, flags)
        answers = table[host]()
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in answers]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return table


def by_aiohttp(policy: EgressPolicy, url: str, *, redirects: bool = False) -> int:
    async def run() -> int:
        async with (
            aiohttp.ClientSession(connector=GuardedConnector(policy)) as session,
            session.get(url, allow_redirects=redirects) as response,
        ):
            return response.status

    return asyncio.run(run())


def by_httpx(policy: EgressPolicy, url: str, *, redirects: bool = False) -> int:
    with httpx.Client(transport=GuardedTransport(policy), trust_env=False) as http:
        return http.get(url, follow_redirects=redirects).status_code


every_client = pytest.mark.parametrize("fetch", [by_aiohttp, by_httpx])


@every_client
def test_an_allowed_address_is_reached(fetch: Fetch, listen: Callable[..., Listener]) -> None:
    server = listen()
    assert fetch(ONLY_GOOD, f"http://{GOOD}:{server.port}/x") == 200
    assert server.paths == ["/x"]


@every_client
@pytest.mark.parametrize("host", [GOOD, "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"])
def test_without_permission_loopback_is_never_connected_to(fetch: Fetch, host: str, listen: Callable[..., Listener]) -> None:
    server = listen()
    with pytest.raises(EgressBlocked) as caught:
        fetch(EgressPolicy(), f"http://{host}:{server.port}/")
    assert server.connections == []
    assert "loopback" in caught.value.rule
    assert "CROSSDOCK_EGRESS_ALLOW" in str(caught.value)


@every_client
@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0"])
def test_odd_spellings_of_loopback_are_never_connected_to(fetch: Fetch, host: str, listen: Callable[..., Listener]) -> None:
    server = listen()
    with pytest.raises((EgressBlocked, UrlRefused, aiohttp.InvalidURL, httpx.InvalidURL)):
        fetch(EgressPolicy(), f"http://{host}:{server.port}/")
    assert server.connections == []


@every_client
@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "fd00::1", "64:ff9b::7f00:1", "2002:7f00:1::"])
def test_a_name_that_resolves_to_a_blocked_address(fetch: Fetch, address: str, names: dict[str, Any]) -> None:
    names["intranet.example"] = lambda: [address]
    with pytest.raises(EgressBlocked) as caught:
        fetch(EgressPolicy(), "http://intranet.example/")
    assert (caught.value.host, caught.value.address) == ("intranet.example", address)
    assert f"intranet.example resolves to {address}" in str(caught.value)


@every_client
def test_of_mixed_answers_only_the_allowed_address_is_connected_to(
    fetch: Fetch, listen: Callable[..., Listener], names: dict[str, Any]
) -> None:
    good = listen(GOOD)
    bad = listen(BAD, good.port)
    names["mixed.example"] = lambda: [BAD, GOOD, "10.0.0.1"]
    assert fetch(ONLY_GOOD, f"http://mixed.example:{good.port}/") == 200
    assert len(good.connections) == 1
    assert bad.connections == []


@every_client
def test_a_name_that_changes_between_check_and_connect_never_reaches_the_blocked_listener(
    fetch: Fetch, listen: Callable[..., Listener], names: dict[str, Any]
) -> None:
    good = listen(GOOD)
    bad = listen(BAD, good.port)
    answers = iter([[GOOD]])
    names["rebind.example"] = lambda: next(answers, [BAD])
    url = f"http://rebind.example:{good.port}/"
    assert [each.verdict.allowed for each in resolve("rebind.example", good.port, ONLY_GOOD)] == [True]
    for _ in range(2):
        with pytest.raises(EgressBlocked):
            fetch(ONLY_GOOD, url)
    assert bad.connections == []


@every_client
def test_the_name_is_not_resolved_again_after_it_was_judged(fetch: Fetch, listen: Callable[..., Listener], names: dict[str, Any]) -> None:
    good = listen(GOOD)
    bad = listen(BAD, good.port)
    answers = iter([[GOOD]])
    names["rebind.example"] = lambda: next(answers, [BAD])
    assert fetch(ONLY_GOOD, f"http://rebind.example:{good.port}/") == 200
    assert bad.connections == []


@every_client
def test_a_redirect_is_an_answer_not_a_journey(fetch: Fetch, listen: Callable[..., Listener]) -> None:
    bad = listen(BAD)
    good = listen(GOOD, location=f"http://{BAD}:{bad.port}/")
    assert fetch(ONLY_GOOD, f"http://{GOOD}:{good.port}/") == 302
    assert bad.connections == []


@pytest.mark.parametrize("fetch", [by_aiohttp, by_httpx])
@pytest.mark.parametrize("host", [BAD, "localhost"])
def test_a_redirect_that_is_followed_all_the_same_is_judged(
    fetch: Any, host: str, listen: Callable[..., Listener], names: dict[str, Any]
) -> None:
    names["localhost"] = lambda: [BAD]
    bad = listen(BAD)
    good = listen(GOOD, location=f"http://{host}:{bad.port}/")
    with pytest.raises(EgressBlocked):
        fetch(ONLY_GOOD, f"http://{GOOD}:{good.port}/", redirects=True)
    assert bad.connections == []


@every_client
def test_an_address_that_does_not_answer_is_followed_by_the_next(
    fetch: Fetch, listen: Callable[..., Listener], names: dict[str, Any]
) -> None:
    good = listen(GOOD)
    names["two.example"] = lambda: [BAD, GOOD]
    assert fetch(EgressPolicy(allow=(LOOPBACK,)), f"http://two.example:{good.port}/") == 200


@every_client
def test_our_own_receiver_is_always_reached(fetch: Fetch, listen: Callable[..., Listener]) -> None:
    server = listen()
    for host in (GOOD, "localhost"):
        policy = EgressPolicy.from_origins(origins=[f"http://{host}:{server.port}"])
        assert fetch(policy, f"http://{host}:{server.port}/receiver/abc?x=1") == 200
        assert fetch(policy, f"http://{host}:{server.port}/sandbox/token") == 200


@every_client
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v1/webhooks",
        "/receiver",
        "/receiverx/",
        "/receiver/../api/v1",
        "/receiver/..%2fapi",
        "/receiver/%2e%2e/api",
        "//receiver/",
        "/x/receiver/",
        "/receiver/..",
        "/RECEIVER/",
    ],
)
def test_the_rest_of_our_own_origin_is_not(fetch: Fetch, path: str, listen: Callable[..., Listener]) -> None:
    server = listen()
    policy = EgressPolicy.from_origins(origins=[f"http://localhost:{server.port}"])
    with pytest.raises(EgressBlocked):
        fetch(policy, f"http://localhost:{server.port}{path}")
    assert server.connections == []


@every_client
def test_another_port_or_name_of_our_machine_is_not_our_origin(fetch: Fetch, listen: Callable[..., Listener]) -> None:
    server, other = listen(), listen()
    policy = EgressPolicy.from_origins(origins=[f"http://localhost:{server.port}"])
    for origin in (f"http://localhost:{other.port}", f"http://{GOOD}:{server.port}"):
        with pytest.raises(EgressBlocked):
            fetch(policy, f"{origin}/receiver/abc")
    assert server.connections == other.connections == []


def test_a_kept_alive_connection_to_our_receiver_carries_nothing_else(listen: Callable[..., Listener]) -> None:
    server = listen()
    origin = f"http://localhost:{server.port}"
    policy = EgressPolicy.from_origins(origins=[origin])

    async def aiohttp_run() -> None:
        async with aiohttp.ClientSession(connector=GuardedConnector(policy)) as session:
            async with session.get(f"{origin}/receiver/a") as response:
                await response.read()
            with pytest.raises(EgressBlocked):
                await session.get(f"{origin}/api")
            async with session.get(f"{origin}/receiver/b") as response:
                assert response.status == 200

    asyncio.run(aiohttp_run())
    with httpx.Client(transport=GuardedTransport(policy), trust_env=False) as http:
        assert http.get(f"{origin}/receiver/c").status_code == 200
        with pytest.raises(EgressBlocked):
            http.get(f"{origin}/api")
        assert http.get(f"{origin}/receiver/d").status_code == 200
    assert server.paths == ["/receiver/a", "/receiver/b", "/receiver/c", "/receiver/d"]
    assert len(server.connections) == 2


def test_concurrent_requests_to_ourselves_and_elsewhere_do_not_lend_permission(
    listen: Callable[..., Listener], names: dict[str, Any]
) -> None:
    server, hidden = listen(), listen()
    names["hidden.example"] = lambda: [GOOD]
    policy = EgressPolicy.from_origins(origins=[f"http://localhost:{server.port}"])

    async def run() -> list[Any]:
        async with aiohttp.ClientSession(connector=GuardedConnector(policy)) as session:
            urls = [f"http://localhost:{server.port}/receiver/a", f"http://hidden.example:{hidden.port}/receiver/a"] * 10
            return await asyncio.gather(*(session.get(url) for url in urls), return_exceptions=True)

    outcomes = asyncio.run(run())
    assert {outcome.status for outcome in outcomes[::2]} == {200}
    assert {type(outcome) for outcome in outcomes[1::2]} == {EgressBlocked}
    assert hidden.connections == []
    for outcome in outcomes[::2]:
        outcome.close()


@every_client
def test_a_name_without_address_is_an_ordinary_connection_error(fetch: Fetch, names: dict[str, Any]) -> None:
    names["nowhere.example"] = list
    with pytest.raises((aiohttp.ClientConnectorDNSError, httpx.ConnectError), match=r"nowhere\.example"):
        fetch(EgressPolicy(), "http://nowhere.example/")


@every_client
def test_https_can_be_required_at_the_door(fetch: Fetch, listen: Callable[..., Listener]) -> None:
    server = listen()
    policy = EgressPolicy(allow=(LOOPBACK,), require_https=True)
    with pytest.raises(UrlRefused, match="plain http"):
        fetch(policy, f"http://{GOOD}:{server.port}/")
    assert server.connections == []


def test_certificates_are_checked_against_the_name_not_the_pinned_address(listen: Callable[..., Listener], names: dict[str, Any]) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("right.example").configure_cert(context)
    server = listen(GOOD, tls=context)
    names["right.example"] = names["wrong.example"] = lambda: [GOOD]
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with httpx.Client(transport=GuardedTransport(ONLY_GOOD, verify=trust), trust_env=False) as http:
        assert http.get(f"https://right.example:{server.port}/").status_code == 200
        with pytest.raises(httpx.ConnectError, match=r"wrong\.example"):
            http.get(f"https://wrong.example:{server.port}/")


def test_a_proxy_of_the_environment_is_not_used(listen: Callable[..., Listener], monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = listen(BAD), listen(GOOD)
    monkeypatch.setenv("HTTP_PROXY", f"http://{BAD}:{proxy.port}")
    monkeypatch.setenv("ALL_PROXY", f"http://{BAD}:{proxy.port}")
    for fetch in (by_aiohttp, by_httpx):
        assert fetch(ONLY_GOOD, f"http://{GOOD}:{server.port}/") == 200
    assert proxy.connections == []


def test_every_address_of_a_host_is_shown_with_its_rule(names: dict[str, Any]) -> None:
    names["many.example"] = lambda: ["8.8.8.8", "10.0.0.1", "8.8.8.8", "::1"]
    shown = [(each.address, each.verdict.allowed, each.verdict.rule) for each in resolve("many.example", 443, EgressPolicy())]
    assert shown == [
        ("8.8.8.8", True, "public address"),
        ("10.0.0.1", False, "private (10.0.0.0/8)"),
        ("::1", False, "loopback (::1/128)"),
    ]


def test_a_name_that_cannot_be_resolved_says_so(names: dict[str, Any]) -> None:
    names["nowhere.example"] = list
    with pytest.raises(HostNotFound, match="DNS records"):
        lookup("nowhere.example", 443)
    with pytest.raises(HostNotFound):
        lookup("a" * 70 + ".example", 443)


def test_a_url_can_be_checked_before_it_is_stored() -> None:
    policy = EgressPolicy.from_origins(origins=["http://localhost:8000"])
    assert policy.check_url("https://example.com/hook").host == "example.com"
    assert policy.check_url("http://localhost:8000/receiver/abc").port == 8000
    for url in ("http://10.0.0.1/", "http://[::1]/", "http://127.0.0.1:8000/receiver/abc"):
        with pytest.raises(EgressBlocked):
            policy.check_url(url)
    with pytest.raises(UrlRefused):
        policy.check_url("http://user:pw@example.com/")


def test_one_slow_name_server_does_not_hold_up_other_names(names: dict[str, Any]) -> None:
    release = threading.Event()
    names["slow.example"] = lambda: ["8.8.8.8"] if release.wait(30) else []
    names["fast.example"] = lambda: ["8.8.4.4"]

    async def run() -> str:
        resolver = GuardedResolver(EgressPolicy())
        slow = [asyncio.create_task(resolver.resolve("slow.example", 443)) for _ in range(40)]
        fast = await resolver.resolve("fast.example", 443)
        assert not any(task.done() for task in slow)
        release.set()
        await asyncio.gather(*slow)
        await resolver.close()
        return fast[0]["host"]

    assert asyncio.run(run()) == "8.8.4.4"
