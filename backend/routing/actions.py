"""What a route can have an integration do: each action with its inputs, and how a mapping makes these of an event. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from backend.core import jsjson
from backend.core.errors import FieldError, Invalid
from backend.incoming import mapping, paths
from backend.incoming.mapping import Rule
from backend.integrations import messages
from backend.integrations.actions import check_email, plan_event
from backend.integrations.entry import Entry
from backend.integrations.messages import MessageKind

_BESIDE: Final = frozenset({"text", "channel"})  # what a message about data takes besides
_ADDRESSES: Final = re.compile(r"[,;\s]+")


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that an action takes; `many` are several in a list, or in one text with commas."""

    name: str
    label: str
    help: str = ""
    required: bool = False
    many: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a provider does. `call` is what its entry in the catalogue must have; `open` ones show further names as well."""

    id: str
    label: str
    call: str
    inputs: tuple[Input, ...]
    start: tuple[Mapping[str, Any], ...] = ()  # a mapping to begin with
    open: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()  # of each group one is needed

    @property
    def by_name(self) -> dict[str, Input]:
        """Its inputs by their names."""
        return {each.name: each for each in self.inputs}


@dataclass(slots=True)
class Composed:
    """What a mapping makes of an event: the inputs of the action, and everything that keeps it from being done."""

    inputs: dict[str, Any] = field(default_factory=dict[str, Any])
    errors: list[FieldError] = field(default_factory=list[FieldError])


_CHANNEL: Final = Input("channel", "Channel", "The one of the integration's settings if nothing is mapped.")
_NOTE: Final = Input("text", "Text below", "Shown below the data.")


def _about(kind: MessageKind, label: str) -> Action:
    """A message that shows data; without a mapping, that of the event."""
    shown = tuple(Input(name, name.replace("_", " ").capitalize()) for name in messages.shown_first(kind))
    return Action(kind.value, label, "message", (*shown, _NOTE, _CHANNEL), open=True)


def _same(name: str) -> dict[str, Any]:
    return {"source": f"data.{name}", "target": name}


ACTIONS: Final[Mapping[str, Action]] = {
    action.id: action
    for action in (
        Action(
            "message",
            "Send a message",
            "message",
            (Input("text", "Text", "What it says.", required=True), _CHANNEL),
            ({"source": "", "target": "text", "transform": [{"name": "template", "text": "{type}: {data.id}"}]},),
        ),
        _about(MessageKind.NEW_LEAD, "Tell of a new lead"),
        _about(MessageKind.NEW_TICKET, "Tell of a new ticket"),
        _about(MessageKind.FAILING_WEBHOOK, "Tell of a failing webhook"),
        Action(
            "calendar_event",
            "Make a calendar event",
            "event",
            (
                Input("summary", "Title"),
                Input("start", "Start", "A time, or a date."),
                Input("end", "End", "Half an hour after the start if nothing is mapped."),
                Input("description", "Description"),
                Input("attendees", "Attendees", "Mail addresses.", many=True),
                Input("task_id", "Task", "The id of a record of tasks, which gives what is not mapped; a task has one event for good."),
            ),
            ({"source": "data.subject", "target": "summary"}, {"source": "data.dueAt", "target": "start"}, _same("description")),
            one_of=(("summary", "task_id"), ("start", "task_id")),
        ),
        Action(
            "email",
            "Send a mail",
            "send",
            (
                Input("to", "To", "Mail addresses.", required=True, many=True),
                Input("subject", "Subject", required=True),
                Input("text", "Text", required=True),
                Input("cc", "Copy to", "Mail addresses.", many=True),
            ),
            (
                {"source": "data.email", "target": "to"},
                {"source": "", "target": "subject", "transform": [{"name": "template", "text": "{type}"}]},
                {"source": "", "target": "text", "transform": [{"name": "template", "text": "{type} at {timestamp}\n\n{data}"}]},
            ),
        ),
    )
}


def of(entry: Entry) -> tuple[Action, ...]:
    """What a provider can be made to do."""
    can = set(entry.actions) | ({"message"} if any(auth.kind == "webhook_url" for auth in entry.auth) else set[str]())
    return tuple(action for action in ACTIONS.values() if action.call in can)


def compose(action: Action, rules: Sequence[Rule], event: Mapping[str, Any], provider: str) -> Composed:
    """The inputs that a mapping makes of an event, the whole envelope, with every mistake.

    A message about data shows that of the event where the mapping says nothing but a text or a channel. In a text for Slack what the
    event says can mention and link nobody; what whoever made the mapping wrote can.
    """
    if provider == "slack" and action.call == "message" and not action.open:
        event = _escaped(event)
    try:
        with paths.bounded():
            mapped = mapping.apply(rules, event)
    except paths.TooCostly:
        return Composed(errors=[FieldError("mapping", "takes more work than an event is worth.", "Use plain paths, or fewer of them.")])
    shown = _data(action, event) if action.open and all(rule.target in _BESIDE for rule in rules) else {}
    values = {**shown, **mapped.values}
    return _composed(action, {name: value for name, value in values.items() if value not in (None, "")}, mapped.errors)


def missing(action: Action, targets: set[str]) -> list[FieldError]:
    """What a mapping to these targets leaves out, so that nothing could ever be done by it."""
    groups = [*((each.name,) for each in action.inputs if each.required), *action.one_of]
    return [
        FieldError("mapping", f"nothing is mapped to {' or '.join(group)}, which the action {action.id} needs.", f"Map it to {group[0]}.")
        for group in groups
        if not targets & set(group)
    ]


def arguments(action: Action, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the integration's function takes them."""
    if action.call != "message":
        return dict(inputs)
    about = {name: value for name, value in inputs.items() if name not in _BESIDE}
    kind = action.id if action.open else MessageKind.TEXT.value
    return {"kind": kind, "text": inputs.get("text"), "channel": inputs.get("channel"), "data": about if action.open else None}


def words(action: Action, inputs: Mapping[str, Any]) -> str:
    """What would be sent, for people to read. Raises `Invalid` for what could not be."""
    if action.call == "message":
        given = arguments(action, inputs)
        plain, _ = messages.compose(MessageKind(given["kind"]), given["text"], given["data"])
        return f"To {given['channel']}:\n{plain}" if given["channel"] else plain
    if action.call == "send":
        check_email(inputs["to"], inputs.get("cc", ()), inputs["subject"])
        copies = f"\nCopy to: {', '.join(inputs['cc'])}" if inputs.get("cc") else ""
        return f"To: {', '.join(inputs['to'])}{copies}\nSubject: {inputs['subject']}\n\n{inputs['text']}"
    if inputs.get("task_id") and not (inputs.get("summary") and inputs.get("start")):
        return f"The event of the task {inputs['task_id']}."
    begins, ends = plan_event(inputs.get("summary"), inputs.get("start"), inputs.get("end"), inputs.get("attendees", ()))
    shown = [str(inputs["summary"]), f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}", inputs.get("description", "")]
    return "\n".join(each for each in [*shown, ", ".join(inputs.get("attendees", ()))] if each)


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _escaped(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_escaped(each) for each in cast("list[Any]", value)]
    return messages.escape(value) if isinstance(value, str) else value


def _data(action: Action, event: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says of the things that the action shows; everything, where it says none of them."""
    data = cast("dict[str, Any]", event["data"])
    names = {each for name in action.by_name if name not in _BESIDE for each in (name, messages.camel(name))}
    return {name: value for name, value in data.items() if name in names} or {name: data[name] for name in data if name not in _BESIDE}


def _composed(action: Action, values: Mapping[str, Any], errors: Sequence[FieldError]) -> Composed:
    found = Composed(errors=list(errors))
    told = {error.path for error in errors}
    for name, value in values.items():
        spec = action.by_name.get(name)
        if spec is not None and spec.many:
            found.inputs[name] = _several(value)
        elif spec is None or not isinstance(value, list | dict):
            found.inputs[name] = value if spec is None else _plain(value)
        else:
            found.inputs[name] = jsjson.stringify(value)
    groups = [*((each.name,) for each in action.inputs if each.required), *action.one_of]
    found.errors += [
        FieldError(group[0], "is empty for this event.", "Map it to something that every such event has, or give a default.")
        for group in groups
        if not any(found.inputs.get(name) for name in group) and not told & set(group)
    ]
    if not found.errors:
        try:
            words(action, found.inputs)
        except Invalid as error:
            found.errors += error.errors
    return found


def _several(value: Any) -> list[str]:
    items = cast("list[Any]", value) if isinstance(value, list) else _ADDRESSES.split(str(value))
    return [str(item).strip() for item in items if str(item).strip()]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else jsjson.stringify(value)
