"""What the browser is told of routes, their runs, and templates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from backend.core import clock
from backend.core.errors import CrossdockError
from backend.incoming import paths
from backend.integrations import catalogue
from backend.routing import actions
from backend.routing.actions import Action
from backend.routing.values import Capable, Listed, ListedRun, Tried
from backend.templates.service import Installed, Made, Offered
from console import words
from console.pages.routes import forms

STATES: Final = ("active", "waiting", "disabled")
RUN_STATES: Final = ("pending", "sending", "retrying", "done", "failed", "skipped")
RUN_LOOKS: Final = (*RUN_STATES, "waiting")  # for the integration, without losing a try
_SHOWN: Final = 160


@dataclass
class RouteRow:
    """A route in the list, and on its own page."""

    id: str = ""
    name: str = ""
    state: str = ""
    is_active: bool = True
    events: str = ""
    does: str = ""
    via: str = ""
    integration_path: str = ""
    held: str = ""
    held_step: str = ""
    done: str = ""
    failed: str = ""
    has_failed: bool = False
    last: str = ""
    last_status: str = ""


@dataclass
class RunRow:
    """A run of a route; `told` is what came of it, `step` what to do."""

    id: str
    state: str
    event: str
    event_path: str
    told: str
    step: str
    sent: str
    attempts: str
    at: str
    due: str
    can_run: bool


@dataclass
class ChoiceRow:
    """Something that can be chosen: an action of an integration, an integration."""

    value: str
    label: str


@dataclass
class ChoiceGroup:
    """Choices under a heading."""

    name: str
    choices: list[ChoiceRow] = field(default_factory=list)


@dataclass
class InputRow:
    """An input of an action, with the text that it is made of."""

    name: str
    label: str
    about: str
    value: str
    is_required: bool = False
    is_long: bool = False


@dataclass
class LeafRow:
    """A value of an event: where it is, as a text for an input, and what it is."""

    path: str
    value: str


@dataclass
class TriedRow:
    """What a route would make of an event."""

    source: str = ""
    event: str = ""
    refused: str = ""
    text: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass
class AskedRow:
    """Something that a template asks for."""

    name: str
    label: str
    kind: str
    about: str
    value: str
    is_required: bool
    choices: list[ChoiceRow] = field(default_factory=list)


@dataclass
class TemplateRow:
    """A template of the gallery; `lacks` says what must be connected first."""

    name: str = ""
    title: str = ""
    about: str = ""
    makes: str = ""
    lacks: str = ""


@dataclass
class MadeRow:
    """Something that a template made."""

    kind: str
    name: str
    path: str


def route_row(listed: Listed) -> RouteRow:
    """A route as it is shown."""
    row, held = listed.route, listed.held
    state = "disabled" if not row.is_active else "waiting" if held is not None else "active"
    return RouteRow(
        id=row.id,
        name=row.name,
        state=state,
        is_active=row.is_active,
        events=", ".join(row.event_types),
        does=actions.ACTIONS[row.action].label,
        via=listed.integration.name if listed.integration is not None else "a deleted integration",
        integration_path=f"/settings/integrations/{row.integration_id}" if listed.integration is not None else "",
        held=held.reason if held is not None and row.is_active else "",
        held_step=held.next_step if held is not None and row.is_active else "",
        done=words.number(row.done_count),
        failed=words.number(row.failed_count),
        has_failed=row.failed_count > 0,
        last=words.moment(row.last_run_at),
        last_status=row.last_status,
    )


def run_row(listed: ListedRun, action: Action) -> RunRow:
    """A run as it is shown."""
    row = listed.run
    told = row.message if row.status == "done" else listed.error
    is_held = listed.held is not None and row.status != "sending"
    is_due_later = row.due_at is not None and row.due_at > clock.now()
    return RunRow(
        id=row.id,
        state="waiting" if is_held else row.status,
        event=row.event_type,
        event_path=f"/settings/events/{row.event_id}",
        told=told,
        step=listed.next_step if row.status != "done" else "",
        sent=_sent(action, row.sent),
        attempts=words.number(row.attempt_count),
        at=words.moment(row.finished_at or row.created_at),
        due=words.moment(row.due_at) if row.status == "retrying" and is_due_later and not is_held else "",
        can_run=row.status in {"failed", "skipped", "retrying", "done"},
    )


def targets(found: Sequence[Capable]) -> list[ChoiceGroup]:
    """What can be done, by integration."""
    return [
        ChoiceGroup(
            _named(each.integration.name, each.integration.provider),
            [ChoiceRow(f"{each.integration.id}|{action.id}", f"{action.label} through {each.integration.name}") for action in each.actions],
        )
        for each in found
    ]


def input_rows(action: Action | None, mapping: Sequence[Mapping[str, Any]]) -> tuple[list[InputRow], str]:
    """The inputs of an action with the texts of a mapping; and the rest of the mapping as JSON."""
    if action is None:
        return [], ""
    texts, rest = forms.as_texts(mapping)
    beside = {str(rule["target"]): rule for rule in mapping if rule["target"] not in action.by_name}
    rows = [
        InputRow(each.name, each.label, each.help, texts.get(each.name, ""), each.required, is_long=each.name in {"text", "description"})
        for each in action.inputs
    ]
    kept = [*rest, *(rule for name, rule in beside.items() if name in texts)]
    return rows, json.dumps(kept, indent=2, ensure_ascii=False) if kept else ""


def leaf_rows(event: Mapping[str, Any]) -> list[LeafRow]:
    """The values of an event, its data first."""
    found = [*paths.leaves(event["data"], "data"), ("type", event["type"]), ("timestamp", event["timestamp"]), ("id", event["id"])]
    return [LeafRow("{" + path + "}", json.dumps(value, ensure_ascii=False)[:_SHOWN]) for path, value in found]


def tried_row(tried: Tried) -> TriedRow:
    """What a route would make of an event."""
    sources = {"event": "the newest event", "data": "the data given", "sample": "the type's sample, since there is no event yet"}
    return TriedRow(
        source=sources[tried.source],
        event=str(tried.event["type"]),
        refused=tried.refused,
        text=tried.words,
        problems=[f"{each.path} {each.message} {each.fix}".strip() for each in tried.errors],
    )


def template_row(offered: Offered) -> TemplateRow:
    """A template of the gallery."""
    one = offered.template
    makes = [*(["an incoming webhook"] if one.incoming is not None else []), *("a route" for _ in one.routes)]
    lacking = [each.help for each in one.inputs if each.kind == "integration" and not offered.integrations[each.name]]
    return TemplateRow(one.name, one.title, one.description, " and ".join(makes), lacking[0] if lacking else "")


def asked_rows(offered: Offered) -> list[AskedRow]:
    """What a template asks for."""
    return [
        AskedRow(
            name=each.name,
            label=each.label,
            kind=each.kind,
            about=each.help,
            value=each.default,
            is_required=each.required,
            choices=[
                ChoiceRow(found.integration.id, _named(found.integration.name, found.integration.provider))
                for found in offered.integrations.get(each.name, [])
            ],
        )
        for each in offered.template.inputs
    ]


def made_rows(done: Installed) -> list[MadeRow]:
    """What a template made."""
    kinds = {"module": "Module", "incoming_webhook": "Incoming webhook", "route": "Route"}

    def row(made: Made) -> MadeRow:
        return MadeRow(kinds[made.kind], made.name, made.page)

    return [row(each) for each in done.made]


def action_of(target: str) -> Action | None:
    """The action that `integration|action` names."""
    return actions.ACTIONS.get(target.partition("|")[2])


def _named(name: str, provider: str) -> str:
    known = catalogue.get(provider).name
    return name if name == known else f"{name} ({known})"


def _sent(action: Action, inputs: Mapping[str, Any] | None) -> str:
    if not inputs:
        return ""
    try:
        return actions.words(action, inputs)[:_SHOWN]
    except (CrossdockError, KeyError):  # inputs that did not fit, or of the action that the route had before
        return json.dumps(inputs, ensure_ascii=False)[:_SHOWN]
