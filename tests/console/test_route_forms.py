"""The form of a route: texts become a mapping, and a mapping becomes texts again."""

from __future__ import annotations

import pytest

from backend.core.errors import Invalid
from console.pages.routes import forms


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
