"""What the older systems' paths change in bodies, and which path leads where."""

from __future__ import annotations

from typing import Any

import pytest

from backend import app as application
from backend.core import web
from backend.gateway import older, older_names, older_table
from backend.gateway.older_table import PER_HOUR, PER_MINUTE, Older

MINUTE = Older("/api/keys", "/api/v1/api-keys", window=PER_MINUTE)
HOUR = Older("/api/integrations/api-keys", "/api/v1/api-keys", window=PER_HOUR)
RECORDS = Older("/api/contacts", "/api/v1/records/contacts", are_records=True)


@pytest.mark.parametrize(
    ("method", "path", "answered"),
    [
        ("GET", "/api/integration/v1/orders/ord_1/events", ("GET", "/api/v1/orders/ord_1/events")),
        ("POST", "/api/integrations/api-keys", ("POST", "/api/v1/api-keys")),
        ("GET", "/api/integrations/webhooks/whk_1", ("GET", "/api/v1/webhooks/whk_1")),
        ("GET", "/api/integrations/int_1", ("GET", "/api/v1/integrations/int_1")),
        ("POST", "/api/keys/key_1/revoke", ("POST", "/api/v1/api-keys/key_1/revoke")),
        ("GET", "/api/webhooks/whk_1/events", ("GET", "/api/v1/webhooks/whk_1/events")),
        ("POST", "/api/zapier/auth/test", ("GET", "/api/v1/me")),
        ("GET", "/api/posts", ("GET", "/api/v1/records/posts")),
        ("PATCH", "/api/v1/contacts/rec_1", ("PATCH", "/api/v1/records/contacts/rec_1")),
        ("GET", "/api/v1/webhooks", ("GET", "/api/v1/webhooks")),
        ("GET", "/api/keysmith", ("GET", "/api/keysmith")),
        ("GET", "/api/v1/postscripts", ("GET", "/api/v1/postscripts")),
        ("GET", "/api", ("GET", "/api")),
        ("GET", "/", ("GET", "/")),
    ],
)
def test_an_older_path_leads_to_the_call_that_answers_it(method: str, path: str, answered: tuple[str, str]) -> None:
    assert older.answered_at(method, path) == answered


def test_every_call_that_an_older_path_has_is_listed_with_its_permission() -> None:
    entries = web.table(application.ROUTERS, application.PREFIX)
    found = {(called.method, called.path): answered for called, answered in older_table.operations(entries)}
    assert found["POST", "/api/zapier/auth/test"].path == "/api/v1/me"
    assert found["PUT", "/api/integration/v1/orders/{order_id}/status"].path == "/api/v1/orders/{order_id}/status"
    assert found["POST", "/api/v1/contacts"].path == "/api/v1/records/{module}"
    assert found["GET", "/api/posts/{record_id}"].path == "/api/v1/records/{module}/{record_id}"
    under = {path for _, path in found}
    assert {f"/api/integration/v1{entry.path.removeprefix('/api/v1')}" for entry in entries} <= under


@pytest.mark.parametrize(
    ("row", "limits", "number"),
    [
        (MINUTE, {"per_minute": 100, "per_hour": 50, "per_day": None}, 100),
        (HOUR, {"per_minute": 100, "per_hour": 50, "per_day": None}, 50),
        (HOUR, {"per_minute": 100, "per_hour": None, "per_day": None}, 6000),
        (MINUTE, {"per_minute": None, "per_hour": 600, "per_day": None}, 10),
        (MINUTE, {"per_minute": None, "per_hour": None, "per_day": 24}, 1),
        (MINUTE, {"per_minute": None, "per_hour": None, "per_day": None}, None),
    ],
)
def test_the_rate_limit_is_one_number_of_the_window_that_the_path_speaks_of(row: Older, limits: dict[str, Any], number: int | None) -> None:
    shown = older_names.answer(row, "/api/v1/api-keys/key_1", {"rate_limit": limits})
    assert shown["rateLimit"] == number
    assert shown["rateLimitPerHour"] == limits["per_hour"]


def test_a_bare_rate_limit_is_of_the_window_that_the_path_speaks_of() -> None:
    assert older_names.body(MINUTE, "/api/v1/api-keys", {"rateLimit": 5}) == {"rateLimit": {"per_minute": 5}}
    assert older_names.body(HOUR, "/api/v1/api-keys", {"rate_limit": 5}) == {"rate_limit": {"per_hour": 5}}
    assert older_names.body(HOUR, "/api/v1/api-keys", {"rateLimit": None}) == {"rateLimit": None}
    assert older_names.body(HOUR, "/api/v1/api-keys", {"rateLimit": True}) == {"rateLimit": True}
    assert older_names.body(HOUR, "/api/v1/webhooks", {"rateLimit": 5}) == {"rateLimit": 5}
    assert older_names.body(RECORDS, "/api/v1/records/contacts", {"rateLimit": 5}) == {"rateLimit": 5}
    assert older_names.body(HOUR, "/api/v1/api-keys", ["a", "list"]) == ["a", "list"]


def test_a_status_that_is_sent_means_active_or_not() -> None:
    assert older_names.body(HOUR, "/api/v1/webhooks/whk_1", {"status": "ACTIVE"}) == {"is_active": True}
    assert older_names.body(HOUR, "/api/v1/webhooks/whk_1", {"status": "inactive", "isActive": True}) == {"isActive": True}
    assert older_names.body(HOUR, "/api/v1/orders/ord_1/status", {"status": "ACTIVE"}) == {"status": "ACTIVE"}


def test_names_become_camel_case_and_words_upper_case_but_users_own_content_stays() -> None:
    given = {
        "created_at": "2026-01-31T09:30:00Z",
        "status": "active",
        "allowed_statuses": ["confirmed"],
        "previous_status": None,
        "metadata": {"own_name": {"status": "mine"}},
        "retry_policy": {"max_retries": 3},
        "data": [{"event_type": "order.created", "data": {"own_name": 1}}],
    }
    assert older_names.answer(HOUR, "/api/v1/webhooks", given) == {
        "createdAt": "2026-01-31T09:30:00Z",
        "status": "ACTIVE",
        "allowedStatuses": ["CONFIRMED"],
        "previousStatus": None,
        "metadata": {"own_name": {"status": "mine"}},
        "retryPolicy": {"maxRetries": 3},
        "data": [{"eventType": "order.created", "data": {"own_name": 1}}],
    }


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("waiting", "PENDING"), ("sending", "PENDING"), ("retrying", "RETRYING"), ("delivered", "SUCCESS"), ("dead", "FAILED")],
)
def test_states_of_deliveries_have_the_older_words(ours: str, theirs: str) -> None:
    assert older_names.answer(HOUR, "/api/v1/webhooks/whk_1/deliveries", {"data": [{"status": ours}]}) == {"data": [{"status": theirs}]}


def test_settings_of_an_integration_come_back_by_the_names_under_which_they_are_sent() -> None:
    config = {"authorization_url": "https://accounts.example.com/Sign_in", "channel": "#sales"}
    shown = older_names.answer(Older("/api/integrations", "/api/v1/integrations"), "/api/v1/integrations/int_1", {"config": config})
    assert shown == {"config": {"authorizationUrl": "https://accounts.example.com/Sign_in", "channel": "#sales"}}


def test_states_of_orders_are_not_taken_for_those_of_deliveries() -> None:
    assert older_names.answer(HOUR, "/api/v1/orders/ord_1/events", {"data": [{"status": "delivered"}]}) == {
        "data": [{"status": "DELIVERED"}]
    }
    assert older_names.answer(HOUR, "/api/v1/webhooks/whk_1/events", {"data": [{"status": "dead"}]}) == {"data": [{"status": "FAILED"}]}


def test_fields_of_records_are_renamed_and_their_values_left_alone() -> None:
    record = {"id": "rec_1", "first_name": "Ada", "status": "open", "details": {"own_name": 1}}
    told = {"id": "rec_1", "firstName": "Ada", "status": "open", "details": {"own_name": 1}}
    assert older_names.answer(RECORDS, "/api/v1/records/contacts/rec_1", record) == told
    listed = {"data": [record], "next_cursor": None, "has_more": False}
    assert older_names.answer(RECORDS, "/api/v1/records/contacts", listed) == {"data": [told], "nextCursor": None, "hasMore": False}


def test_a_query_is_under_our_names() -> None:
    assert older_names.query(HOUR, "/api/v1/orders", "branchId=b-1&status=CONFIRMED") == "branch_id=b-1&status=confirmed"
    assert older_names.query(HOUR, "/api/v1/deliveries", "status=FAILED") == "status=FAILED"
    assert older_names.query(RECORDS, "/api/v1/records/tasks", "status=Done&amount[gte]=1") == "status=Done&amount%5Bgte%5D=1"
    mine = Older("/api/keys", "/api/v1/api-keys", query="mine=true")
    assert older_names.query(mine, "/api/v1/api-keys", "") == "mine=true"
    assert older_names.query(mine, "/api/v1/api-keys", "limit=5") == "limit=5&mine=true"


def test_a_problem_is_told_in_the_older_form() -> None:
    problem = {
        "status": 422,
        "statusCode": 422,
        "detail": "branch_id: is missing.",
        "message": "branch_id: is missing.",
        "instance": "/api/v1/orders",
        "errors": [{"path": "branch_id", "message": "is missing.", "fix": "Send it."}],
    }
    told = older_names.problem(problem, called="/api/integration/v1/orders", answered="/api/v1/orders")
    assert (told["status"], told["statusCode"], told["instance"]) == (400, 400, "/api/integration/v1/orders")
    assert told["errors"] == ["branchId is missing. Send it."]
    assert told["message"] == "branchId is missing. Send it."
    missing = {
        "status": 404,
        "detail": "There is nothing at /api/v1/orders.",
        "message": "There is nothing at /api/v1/orders.",
        "errors": [],
    }
    told = older_names.problem(missing, called="/api/integration/v1/orders", answered="/api/v1/orders")
    assert told["message"] == "There is nothing at /api/integration/v1/orders."
    assert told["status"] == 404
