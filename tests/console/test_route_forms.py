"""The form of a route: texts become a mapping, and a mapping becomes texts again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.core import clock
from backend.core.errors import Invalid
from backend.models import RouteRun
from backend.routing import actions, inputs
from backend.routing.values import Held, ListedRun
from console.pages.routes import forms
from console.pages.routes.rows import run_row


def test_texts_become_a_mapping_and_come_back() -> None:
    form = {
        "name": "Orders",
        "event:order.created": "on",
        "other_events": "lead.*",
        "filter": '{"field": "data.total", "op": "gte", "value": 10}',
        "target": "int_1|message",
        "m:text": "New {data.id}",
        "m:channel": "#orders",
        "m:to": " {data.email} ",
        "m:cc": "",
        "mapping": '[{"source": "data.at", "target": "start", "transform": [{"name": "date"}]}]',
    }
    values = forms.values(form)
    assert (values["events"], values["integration_id"], values["action"]) == (["order.created", "lead.*"], "int_1", "message")
    texts, rest = forms.as_texts(values["mapping"])
    assert texts == {"text": "New {data.id}", "channel": "#orders", "to": "{data.email}"}
    assert rest == [{"source": "data.at", "target": "start", "transform": [{"name": "date"}]}]


def test_what_is_no_json_is_told_beside_its_field() -> None:
    with pytest.raises(Invalid) as caught:
        forms.values({"filter": "{", "mapping": '{"a": 1}'})
    assert {error.path for error in caught.value.errors} == {"filter", "mapping"}


def test_an_empty_form_is_told_what_to_choose() -> None:
    with pytest.raises(Invalid) as caught:
        inputs.clean(forms.values({"name": "Orders"}), inputs.Known(frozenset(), {}))
    told = {error.path: error.fix for error in caught.value.errors}
    assert told["events"] == "Choose at least one, such as order.created, order.* or * (all)."
    assert told["action"] == "Choose an integration, and what it is to do."


@pytest.mark.parametrize(
    ("held", "minutes", "state"),
    [(None, 1, "retrying"), (None, -1, "retrying"), (Held("The grant is over.", "Press Reconnect."), 1, "waiting")],
)
def test_a_run_says_when_it_is_next_only_if_that_is_known(held: Held | None, minutes: int, state: str) -> None:
    run = RouteRun(
        id="run_1",
        workspace_id="wsp_1",
        route_id="rte_1",
        event_id="evt_1",
        event_type="order.created",
        integration_id="int_1",
        status="retrying",
        due_at=clock.now() + timedelta(minutes=minutes),
    )
    row = run_row(ListedRun(run, held), actions.ACTIONS["message"])
    assert (row.state, row.due != "") == (state, held is None and minutes > 0)
