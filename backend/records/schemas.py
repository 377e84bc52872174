"""What the routes of modules and records take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, SkipValidation, model_serializer

from backend.core.web import Body, ListOut, Out
from backend.models import Module
from backend.records import modules, uniqueness
from backend.records.definitions import ModuleInput
from backend.records.fields import FieldType
from backend.records.modules import Installed
from backend.records.starters import StarterSet

_FIELDS = [
    {"name": "email", "type": "email", "required": True, "unique": True, "pii": True},
    {"name": "full_name", "type": "text", "max_length": 200},
    {"name": "status", "type": "select", "options": ["open", "done"], "default": "open"},
]
_RULES = [{"when": "becomes", "field": "status", "value": "done", "publish": "task.completed"}]


class FieldIn(Body):
    """A field of a module."""

    key: str = Field(default="", description="Of a field that exists, as it was answered: send it with another `name` to rename the field.")
    name: str = Field(description="In snake_case; camelCase is turned into it.", examples=["first_name"])
    type: FieldType = Field(description="What values it takes.", examples=["text"])
    label: str = Field(default="", max_length=100, description="What people read; made from the name if left out.")
    required: bool = Field(default=False, description="A record cannot be without it.")
    unique: bool = Field(default=False, description="No two records have the same value. Records can be upserted by it.")
    default: Any = Field(default=None, description="The value of a new record that is made without one.")
    options: list[str] = Field(default_factory=list[str], description="What a select or multi-select offers, 1 to 200.")
    max_length: int | None = Field(default=None, description="Characters at most, on text, email, url and phone; 1 to 100,000.")
    pii: bool = Field(default=False, description="Personal data, masked in logs. Records, events and deliveries have it.")
    module: str | None = Field(default=None, description="Where a reference points to: the name of a module.", examples=["contacts"])
    description: str = Field(default="", max_length=1000, description="What it is for.")


class RuleIn(Body):
    """A rule: a further event that a change of a record publishes."""

    when: Literal["created", "changes", "becomes", "due"] = Field(
        description="A record is made, a field gets another value, a field gets `value`, or the time in a field has come.",
        examples=["becomes"],
    )
    publish: str = Field(description="The event type to publish.", examples=["task.completed"])
    field: str = Field(default="", description="The field that is watched.", examples=["status"])
    value: Any = Field(default=None, description="With `becomes`: the value that sets it off.", examples=["done"])
    requires: list[str] = Field(default_factory=list[str], description="With `due`: fields that must have a value.")
    otherwise: str | None = Field(default=None, description="With `due`: the event type to publish if one of them has none.")
    set: dict[str, Any] = Field(default_factory=dict[str, Any], description="With `due`: what is written; `now` is the time.")
    otherwise_set: dict[str, Any] = Field(default_factory=dict[str, Any], description="With `due`: what is written if one has none.")


class ModuleUpdate(Body):
    """What is sent changes. The values are checked all together by the service, so that every mistake is told at once."""

    label: SkipValidation[str] = Field(default="", description="What people read; made from the name if left out.", examples=["Contacts"])
    singular: SkipValidation[str] = Field(
        default="",
        description="Names the module's events, such as `contact.created`; made from the name if left out.",
        examples=["contact"],
    )
    description: SkipValidation[str] = Field(default="", description="What the module is for.", examples=["People that the company knows."])
    event_names: SkipValidation[Literal["snake", "camel"]] = Field(
        default="snake", description="How the `data` of the module's events names fields: `first_name` or `firstName`."
    )
    fields: SkipValidation[list[FieldIn]] = Field(
        default_factory=list[FieldIn], description="All fields, in their order; one that is left out is removed.", examples=[_FIELDS]
    )
    rules: SkipValidation[list[RuleIn]] = Field(
        default_factory=list[RuleIn], description="Further events that changes publish, at most 50.", examples=[_RULES]
    )
    name: SkipValidation[str | None] = Field(default=None, description="Cannot change; may be sent back as it is.", examples=["contacts"])

    @model_serializer(mode="plain")
    def changes(self) -> dict[str, Any]:
        """The parts that were sent, unchecked, always in the same order."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class ModuleCreate(ModuleUpdate):
    """A new module."""

    model_config: ClassVar[ConfigDict] = ConfigDict(json_schema_extra={"required": ["name", "fields"]})
    name: SkipValidation[str | None] = Field(
        default=None,
        description="In snake_case, usually plural. It names the path of the records, and the scopes of keys.",
        examples=["contacts"],
    )

    def input(self) -> ModuleInput:
        """The same for the service, which checks it."""
        given: dict[str, Any] = {"name": ""}
        return ModuleInput(**given | self.changes())


class FieldOut(Out):
    """A field as it is defined."""

    key: str = Field(description="Stays when the field is renamed.")
    name: str
    label: str
    type: FieldType
    required: bool
    unique: bool
    default: Any
    options: list[str]
    max_length: int | None
    pii: bool
    module: str | None
    description: str


class ModuleOut(Out):
    """A module as it is defined."""

    id: str
    name: str
    label: str
    singular: str
    description: str
    event_names: str
    fields: list[FieldOut]
    rules: list[dict[str, Any]]
    event_types: list[str] = Field(description="The three types of events that the module brings, beside `record.…`.")
    becoming_unique: list[str] = Field(
        description="Unique fields of which the values that were there are still being gone through. New values are held to it already; "
        "if two records turn out to have the same value, the field is not unique any more, and the audit says which.",
        examples=[[]],
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Module) -> Self:
        """From its row."""
        more = {"becoming_unique": uniqueness.becoming(row), "created_at": row.created_at, "updated_at": row.updated_at}
        return cls.model_validate(modules.describe(row) | more)


class ModuleList(ListOut[ModuleOut]):
    """A page of modules, newest first."""


class StarterModule(Out):
    """A module of a starter set."""

    name: str
    label: str
    description: str
    fields: list[str] = Field(description="The names of its fields.")
    installed: bool = Field(description="Whether the workspace has a module of this name.")


class StarterSetOut(Out):
    """A starter set."""

    name: str
    label: str
    description: str
    modules: list[StarterModule]

    @classmethod
    def of(cls, found: StarterSet, there: frozenset[str]) -> Self:
        """From its data and the names of the modules that are there."""
        shown = [
            StarterModule(
                name=one.name,
                label=one.label,
                description=one.description,
                fields=[field["name"] for field in one.fields],
                installed=one.name in there,
            )
            for one in found.modules
        ]
        return cls(name=found.name, label=found.label, description=found.description, modules=shown)


class StarterSetList(ListOut[StarterSetOut]):
    """Every starter set."""


class InstalledOut(Out):
    """What installing did."""

    name: str
    made: list[str] = Field(description="The modules that were made.")
    kept: list[str] = Field(description="The modules that were there, and stay as they are.")

    @classmethod
    def of(cls, installed: Installed) -> Self:
        """From what the service says."""
        return cls(name=installed.name, made=list(installed.made), kept=list(installed.kept))


class RecordOut(Out):
    """A record: these, and a member for each field of its module, null where it has no value."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": "rec_01k5z7q0v6e3tbn8m2c4d9f1hj",
                    "module": "contacts",
                    "first_name": "Ada",
                    "email": "ada@example.com",
                    "created_at": "2026-01-31T09:30:00.000Z",
                    "updated_at": "2026-01-31T09:30:00.000Z",
                }
            ]
        },
    )
    id: str
    module: str
    created_at: datetime
    updated_at: datetime


class RecordList(ListOut[RecordOut]):
    """A page of records."""

    has_more: bool = Field(description="A page may be short, or empty, and more follow: few of the records looked through fit.")
