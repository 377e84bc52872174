"""Which call a method and a path lead to."""

from __future__ import annotations

import pytest

from backend.core import permissions
from backend.core.web import RouteEntry
from backend.gateway.table import MAX_REMEMBERED, Call, NoCall, RouteTable, UnmarkedRoute

ROUTES = (
    "GET /api/v1/webhooks",
    "POST /api/v1/webhooks",
    "POST /api/v1/webhooks/register",
    "GET /api/v1/webhooks/{webhook_id}",
    "DELETE /api/v1/webhooks/{webhook_id}",
    "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
    "POST /api/v1/webhooks/deliveries/{delivery_id}/retry",
    "GET /api/v1/files/{path:path}",
)


def entry(route: str) -> RouteEntry:
    method, path = route.split(" ")
    return RouteEntry(method, path, permissions.WEBHOOKS_READ)


TABLE = RouteTable(entry(route) for route in ROUTES)


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/api/v1/webhooks", "GET /api/v1/webhooks"),
        ("POST", "/api/v1/webhooks/register", "POST /api/v1/webhooks/register"),
        ("GET", "/api/v1/webhooks/whk_1", "GET /api/v1/webhooks/{webhook_id}"),
        ("POST", "/api/v1/webhooks/deliveries/d/retry", "POST /api/v1/webhooks/deliveries/{delivery_id}/retry"),
        ("POST", "/api/v1/webhooks/w/deliveries/d/retry", "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry"),
        (
            "POST",
            "/api/v1/webhooks/deliveries/deliveries/d/retry",
            "POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry",
        ),
        ("GET", "/api/v1/files/a/b/c", "GET /api/v1/files/{path:path}"),
    ],
)
def test_a_literal_segment_wins_over_a_parameter(method: str, path: str, route: str):
    found = TABLE.find(method, path)
    assert isinstance(found, Call)
    assert found.route == route


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/webhooks", ("GET", "POST")),
        ("GET", "/api/v1/webhooks/register", ("POST",)),
        ("PUT", "/api/v1/webhooks/register", ("POST",)),
        ("GET", "/api/v1/webhooks/", ()),
        ("GET", "/api/v1", ()),
        ("GET", "/api/v1/webhooks//deliveries", ()),
        ("GET", "//api/v1/webhooks", ()),
        ("GET", "", ()),
    ],
)
def test_what_is_no_call_tells_the_methods_that_would_be(method: str, path: str, allowed: tuple[str, ...]):
    assert TABLE.find(method, path) == NoCall(allowed)


def test_a_route_that_says_nothing_about_its_callers_is_refused():
    with pytest.raises(UnmarkedRoute, match="GET /api/v1/x has no permission"):
        RouteTable([RouteEntry("GET", "/api/v1/x", None)])


def test_what_is_remembered_is_bounded_and_stays_right():
    table = RouteTable(entry(route) for route in ROUTES)
    for number in range(MAX_REMEMBERED + 50):
        found = table.find("GET", f"/api/v1/webhooks/whk_{number}")
        assert isinstance(found, Call)
        assert found.route == "GET /api/v1/webhooks/{webhook_id}"
    table.find("GET", "/api/v1/files/" + "x" * 5000)
    assert len(table._found) <= MAX_REMEMBERED
    assert max(len(path) for _, path in table._found) < 300
    assert isinstance(table.find("PUT", "/api/v1/webhooks"), NoCall)
