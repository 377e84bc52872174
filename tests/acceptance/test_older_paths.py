"""Every endpoint of the five older systems' documents answers by its own path and method, in their words, to their own examples."""

from __future__ import annotations

import functools
from typing import Any

import httpx
import pytest

from tests.acceptance.installation import Installation
from tests.acceptance.older.calls import ANY, Call
from tests.acceptance.older.other_paths import FOOD, NEXUS, SOCIAL
from tests.acceptance.older.own_paths import CLIENT, CRM
from tests.acceptance.partner import Partner
from tests.fakes.receiver import Receiver, listening
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
CALLS = (*CRM, *CLIENT, *NEXUS, *SOCIAL, *FOOD)
STARTER_SETS = ("crm", "erp", "social")


def test_every_endpoint_of_the_older_documents_answers_as_they_say(shared: Installation) -> None:
    admin = Partner.newcomer(shared)
    with listening() as receiver:
        for name in STARTER_SETS:
            admin.call("POST", f"/modules/starter-sets/{name}/install")
        known: dict[str, str] = {"contacts": admin.call("GET", "/modules/contacts")["id"]}
        known |= {"user": admin.http.headers["authorization"].removeprefix("Bearer ")}
        wrong: list[str] = []
        with httpx.Client(base_url=shared.address, timeout=30, headers={"accept": "application/json"}) as http:
            for call in CALLS:
                if "delivery" in "".join(call.saves):
                    eventually(functools.partial(_is_settled, http, call, known, receiver))
                answer = _ask(http, call, known, receiver)
                found = _problems(call, answer)
                wrong += [f"{call.document} {call.method} {call.path}: {each}" for each in found]
                if not found and not call.not_yet:
                    known |= {name: _member(answer.json(), place) for name, place in call.saves.items()}
        assert not wrong, "\n".join(wrong)


def _ask(http: httpx.Client, call: Call, known: dict[str, str], receiver: Receiver) -> httpx.Response:
    """Make the call with the document's own body; a webhook's URL and a module's id are those that this machine has."""
    ours = {"url": receiver.url, "module_id": known["contacts"]}
    body = {**call.body, **{name: value for name, value in ours.items() if name in call.body}} if call.body else call.body
    header, _, name = call.by.partition(" ")
    if call.by == "user":
        header, name = "Authorization", "user"
    credential = known[name] if name else ""
    headers = {header: f"Bearer {credential}" if header == "Authorization" else credential} if name else {}
    return http.request(call.method, call.path.format(**known), json=body, headers=headers)


def _is_settled(http: httpx.Client, call: Call, known: dict[str, str], receiver: Receiver) -> bool:
    """Whether there is a delivery, and it is not on its way: one that is cannot be retried."""
    found = _ask(http, call, known, receiver).json()["data"]
    return bool(found) and found[0]["status"].lower() not in {"pending", "waiting", "sending"}


def _problems(call: Call, answer: httpx.Response) -> list[str]:
    if call.not_yet:
        if answer.status_code == 404 and answer.json()["detail"].startswith("There is nothing at"):
            return []
        return [f"answers {answer.status_code} by now, so take away the mark that says: {call.not_yet}"]
    if answer.status_code != call.status:
        return [f"answers {answer.status_code} instead of {call.status}: {answer.text[:400]}"]
    shown = answer.json() if answer.content else {}
    return [
        f"shows {shown.get(name, 'no such member')!r} as {name} instead of {value!r}"
        for name, value in call.shows.items()
        if name not in shown or (value is not ANY and shown[name] != value)
    ]


def _member(value: Any, place: str) -> str:
    for step in place.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
    return value
