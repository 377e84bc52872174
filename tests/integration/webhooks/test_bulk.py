"""One action on many webhooks over the API: by ids and by filter, each with its outcome."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.talks import Http
from tests.integration.webhooks.test_routes import BASE, created, run

pytestmark = pytest.mark.usefixtures("database", "redis")
BULK = f"{BASE}/bulk"


async def act(http: Http, action: str, **body: Any) -> dict[str, Any]:
    answer = await http.post(BULK, json={"action": action, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def made(http: Http, number: int) -> list[str]:
    return [(await created(http, name=f"Hook {each}"))["id"] for each in range(number)]


def outcomes(answer: dict[str, Any]) -> list[tuple[str, bool, str | None]]:
    return [(item["id"], item["ok"], item["status"]) for item in answer["data"]]


def test_each_webhook_has_its_outcome_and_a_refused_one_leaves_the_others_alone():
    async def talk(http: Http) -> None:
        first, second, third = await made(http, 3)
        await act(http, "disable", ids=[second], reason="Too slow")
        answer = await act(http, "pause", ids=[third, second, "whk_unknown", first])
        assert outcomes(answer) == [(third, True, "paused"), (second, False, None), ("whk_unknown", False, None), (first, True, "paused")]
        assert (answer["action"], answer["succeeded"], answer["failed"], answer["has_more"]) == ("pause", 2, 2, False)
        refusals = [item["error"] for item in answer["data"] if not item["ok"]]
        assert [(each["status"], each["code"]) for each in refusals] == [(409, "conflict"), (404, "not_found")]
        assert "Enable it before you pause it" in refusals[0]["detail"]
        read = (await http.get(f"{BASE}/{second}")).json()
        assert (read["status"], read["disabled_reason"]) == ("disabled", "Too slow")
        assert [(await http.get(f"{BASE}/{each}")).json()["status"] for each in (first, third)] == ["paused", "paused"]

    run(talk)


def test_a_filter_means_what_the_list_shows():
    async def talk(http: Http) -> None:
        first, second, third = await made(http, 3)
        await act(http, "pause", ids=[first, third])
        answer = await act(http, "resume", filter={"status": "paused"})
        assert outcomes(answer) == [(third, True, "active"), (first, True, "active")]
        answer = await act(http, "disable", filter={"q": "Hook 1"})
        assert outcomes(answer) == [(second, True, "disabled")]
        everything = await act(http, "enable", filter={}, missed="send")
        assert {item["status"] for item in everything["data"]} == {"active"}
        assert len(everything["data"]) == 3

    run(talk)


def test_events_are_added_and_removed_and_none_at_all_is_refused():
    async def talk(http: Http) -> None:
        (webhook,) = await made(http, 1)
        answer = await act(http, "add_events", ids=[webhook], events=["lead.created", "order.created"])
        assert answer["data"][0]["events"] == ["order.created", "contact.*", "lead.created"]
        again = await act(http, "add_events", ids=[webhook], events=["lead.created"])
        assert again["data"][0]["events"] == ["order.created", "contact.*", "lead.created"]
        answer = await act(http, "remove_events", ids=[webhook], events=["order.created", "contact.*"])
        assert answer["data"][0]["events"] == ["lead.created"]
        answer = await act(http, "remove_events", ids=[webhook], events=["lead.created"])
        assert answer["data"][0]["error"]["status"] == 422
        assert answer["data"][0]["error"]["errors"][0]["path"] == "events"
        answer = await act(http, "add_events", ids=[webhook], events=["no.such.event"])
        assert "no.such.event" in answer["data"][0]["error"]["detail"]
        assert (await http.get(f"{BASE}/{webhook}")).json()["events"] == ["lead.created"]

    run(talk)


def test_rotation_gives_each_its_new_secret_and_deletion_leaves_nothing():
    async def talk(http: Http) -> None:
        identifiers = await made(http, 2)
        answer = await act(http, "rotate", ids=identifiers, overlap_hours=1)
        secrets = [item["secret"] for item in answer["data"]]
        assert len(set(secrets)) == 2
        assert all(secret.startswith("whsec_") for secret in secrets)
        assert (await http.get(f"{BASE}/{identifiers[0]}")).json()["previous_secret_expires_at"] is not None
        answer = await act(http, "delete", ids=identifiers)
        assert outcomes(answer) == [(each, True, None) for each in identifiers]
        assert (await http.get(BASE)).json()["data"] == []
        assert [item["error"]["status"] for item in (await act(http, "delete", ids=identifiers))["data"]] == [404, 404]

    run(talk)


def test_deleting_needs_the_scope_for_it():
    async def talk(http: Http) -> None:
        (webhook,) = await made(http, 1)
        answer = await http.post(BULK, json={"action": "delete", "ids": [webhook]})
        assert answer.status_code == 403
        assert "webhooks:delete" in answer.json()["requiredScopes"]
        assert outcomes(await act(http, "pause", ids=[webhook])) == [(webhook, True, "paused")]

    run(talk, "webhooks:write")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"action": "pause"}, ""),
        ({"action": "pause", "ids": ["whk_1"], "filter": {}}, ""),
        ({"action": "pause", "ids": []}, "ids"),
        ({"action": "pause", "ids": ["whk_1"] * 201}, "ids"),
        ({"action": "pause", "ids": ["whk_1"], "cursor": "x"}, "cursor"),
        ({"action": "pause", "ids": ["whk_1"], "events": ["order.created"]}, "events"),
        ({"action": "add_events", "ids": ["whk_1"]}, "events"),
        ({"action": "rotate", "ids": ["whk_1"], "overlap_hours": 169}, "overlap_hours"),
        ({"action": "explode", "ids": ["whk_1"]}, "action"),
        ({"action": "pause", "filter": {"status": "odd"}}, "status"),
    ],
)
def test_an_order_that_means_nothing_is_refused_with_its_path(body: dict[str, Any], path: str):
    async def talk(http: Http) -> None:
        answer = await http.post(BULK, json=body)
        assert answer.status_code == 422, answer.text
        assert path in [error["path"] for error in answer.json()["errors"]] or not path

    run(talk)
