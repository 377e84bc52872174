"""`/api/v1/webhooks` as a client meets it, through the whole application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.factories import talks
from tests.factories.talks import Http

pytestmark = pytest.mark.usefixtures("database", "redis")

BASE = "/webhooks"
BODY = {"url": "https://example.com/webhooks", "events": ["order.created", "contact.*"]}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def run(talk: Callable[[Http], Awaitable[None]], *scopes: str) -> None:
    """Have a key with `scopes` (by default all on webhooks) talk to the application."""
    talks.run(talk, *(scopes or ("webhooks:manage",)))


async def created(http: Http, **fields: Any) -> dict[str, Any]:
    """The answer to a creation."""
    answer = await http.post(BASE, json=BODY | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("path", [BASE, f"{BASE}/register"])
def test_creation_answers_the_resource_with_its_secret_once(path: str):
    async def talk(http: Http) -> None:
        answer = await http.post(path, json=BODY)
        assert answer.status_code == 201
        body = answer.json()
        assert body["id"].startswith("whk_")
        assert body["secret"].startswith("whsec_")
        assert (body["name"], body["status"], body["is_active"], body["isActive"]) == ("example.com", "active", True, True)
        assert (body["failure_count"], body["last_triggered_at"]) == (0, None)
        assert body["retry_policy"] == {"schedule": [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]}
        assert body["max_attempts"] == 10
        assert body["stats"] == {
            "total": 0, "delivered": 0, "failed": 0, "success_rate": None, "p50_ms": None, "p95_ms": None, "waiting": 0,
        }  # fmt: skip
        for read in (await http.get(f"{BASE}/{body['id']}"), await http.get(BASE)):
            assert read.status_code == 200
            assert "secret" not in read.json()
            assert body["secret"] not in read.text
        listed = (await http.get(BASE)).json()
        assert [item["id"] for item in listed["data"]] == [body["id"]]
        assert (listed["has_more"], listed["next_cursor"]) == (False, None)

    run(talk)


def test_values_of_headers_are_shown_as_dots_and_may_be_sent_back():
    async def talk(http: Http) -> None:
        made = await created(http, headers={"Authorization": "Bearer s3cret", "X-A": "1"})
        assert made["headers"] == {"Authorization": "••••••••", "X-A": "••••••••"}
        answer = await http.patch(f"{BASE}/{made['id']}", json={"headers": made["headers"] | {"X-A": "2"}})
        assert answer.status_code == 200
        assert "s3cret" not in answer.text

    run(talk)


def test_every_mistake_is_a_problem_with_its_path():
    async def talk(http: Http) -> None:
        answer = await http.post(BASE, json={"events": ["order.create"], "timeout": 99, "headers": {"Host": "x"}})
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        errors = {error["path"]: error for error in answer.json()["errors"]}
        assert set(errors) == {"url", "events[0]", "timeout", "headers.Host"}
        assert "Did you mean order.created?" in errors["events[0]"]["fix"]
        answer = await http.post(BASE, json=BODY | {"colour": "red"})
        assert answer.status_code == 422
        assert [error["path"] for error in answer.json()["errors"]] == ["colour"]

    run(talk)


def test_bodies_of_older_systems_are_understood():
    async def talk(http: Http) -> None:
        old = {"webhookUrl": BODY["url"], "events": ["order.created"], "isActive": False, "id": "webhook-acme"}
        answer = await http.post(BASE, json=old | {"retryPolicy": {"maxRetries": 3, "backoffMs": 1000}, "secret": SECRET})
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert (body["status"], body["isActive"], body["external_ref"]) == ("disabled", False, "webhook-acme")
        assert body["retry_policy"] == {"max_retries": 3, "initial_delay": 1, "multiplier": 2, "max_delay": 86400}
        assert body["max_attempts"] == 4
        assert body["secret"] == SECRET

    run(talk)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_sent_changes_and_the_rest_stays(method: str):
    async def talk(http: Http) -> None:
        made = await created(http, name="ERP", rate_limit=5)
        answer = await http.request(method, f"{BASE}/{made['id']}", json={"rateLimit": None, "isActive": False})
        assert answer.status_code == 200
        body = answer.json()
        assert (body["name"], body["rate_limit"], body["status"]) == ("ERP", None, "disabled")
        assert body["disabled_reason"]

    run(talk)


def test_states_change_by_post():
    async def talk(http: Http) -> None:
        path = f"{BASE}/{(await created(http))['id']}"

        async def post(action: str, body: dict[str, Any] | None = None) -> Any:
            answer = await http.post(f"{path}/{action}", json=body) if body is not None else await http.post(f"{path}/{action}")
            return answer.json()["status"] if answer.status_code == 200 else answer.status_code

        assert await post("pause") == "paused"
        assert await post("resume") == "active"
        assert await post("disable") == "disabled"
        assert await post("pause") == 409
        assert await post("resume") == 409
        assert await post("enable") == "active"
        assert await post("disable", {"reason": "Noise."}) == "disabled"
        assert (await http.get(path)).json()["disabled_reason"] == "Noise."
        assert await post("enable", {"missed": "send"}) == "active"
        assert await post("enable", {"missed": "all"}) == 422

    run(talk)


def test_rotation_answers_like_creation():
    async def talk(http: Http) -> None:
        made = await created(http)
        answer = await http.post(f"{BASE}/{made['id']}/rotate-secret", json={"overlapHours": 2})
        assert answer.status_code == 200
        body = answer.json()
        assert body["secret"].startswith("whsec_")
        assert body["secret"] != made["secret"]
        assert body["previous_secret_expires_at"] is not None
        bare = await http.post(f"{BASE}/{made['id']}/rotate-secret")
        assert bare.status_code == 200
        assert (await http.post(f"{BASE}/{made['id']}/rotate-secret", json={"overlap_hours": 169})).status_code == 422

    run(talk)


def test_a_deletion_answers_nothing_and_then_404():
    async def talk(http: Http) -> None:
        path = f"{BASE}/{(await created(http))['id']}"
        answer = await http.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
        for method in ("GET", "DELETE"):
            assert (await http.request(method, path)).status_code == 404
        assert (await http.patch(path, json={"timeout": 3})).status_code == 404

    run(talk)


def test_a_key_that_only_reads_changes_nothing():
    async def talk(http: Http) -> None:
        assert (await http.get(BASE)).status_code == 200
        answer = await http.post(BASE, json=BODY)
        assert answer.status_code == 403
        assert answer.json()["requiredScopes"] == ["webhooks:write", "webhooks:manage"]
        assert (await http.delete(f"{BASE}/whk_1")).status_code == 403

    run(talk, "webhooks:read")


def test_the_same_idempotency_key_makes_one_webhook_and_shows_its_secret_once():
    async def talk(http: Http) -> None:
        headers = {"Idempotency-Key": "one"}
        first = await http.post(BASE, json=BODY | {"name": "ERP", "timeout": 5}, headers=headers)
        again = await http.post(BASE, json={"timeout": 5, "name": "ERP"} | BODY, headers=headers)
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json() | {"secret": None}
        other = await http.post(BASE, json=BODY | {"name": "Other", "timeout": 5}, headers=headers)
        assert other.status_code == 409
        assert len((await http.get(BASE)).json()["data"]) == 1

    run(talk)


def test_texts_that_no_database_keeps_are_refused():
    async def talk(http: Http) -> None:
        path = f"{BASE}/{(await created(http))['id']}"
        json_headers = {"content-type": "application/json"}
        for content in (b'{"timeout":3,"name":"a\\u0000b"}', b'{"metadata":{"\\ud800":1}}', b'{"\\udfff":1}'):
            answer = await http.patch(path, content=content, headers=json_headers)
            assert answer.status_code == 422, content
        for answer in (
            await http.get(BASE, params={"q": "a\0"}),
            await http.get(f"{BASE}/whk_%00"),
            await http.post(f"{path}/disable", json={"reason": "a\0"}),
        ):
            assert answer.status_code in {200, 400, 404, 422}

    run(talk)


def test_lists_are_filtered_and_paged():
    async def talk(http: Http) -> None:
        for name in ("One", "Two", "Three"):
            await created(http, name=name)
        first = (await http.get(BASE, params={"limit": 2, "q": "t"})).json()
        assert [item["name"] for item in first["data"]] == ["Three", "Two"]
        second = (await http.get(BASE, params={"limit": 2, "q": "t", "cursor": first["next_cursor"]})).json()
        assert [item["name"] for item in second["data"]] == ["One"]
        assert (await http.get(BASE, params={"status": "paused"})).json()["data"] == []
        assert (await http.get(BASE, params={"status": "odd"})).status_code == 422

    run(talk)
