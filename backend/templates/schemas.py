"""What the calls about templates take and answer."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from backend.core.web import Body, ListOut, Out
from backend.templates.service import Installed, Offered


class TemplateInstall(Body):
    """What a template asks for."""

    inputs: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        description="By the names that GET /api/v1/templates tells.",
        examples=[{"integration": "int_01k5z7q0v6e3tbn8m2c4d9f1hr", "channel": "#sales"}],
    )


class TemplateInputOut(Out):
    """Something that a template asks for."""

    name: str = Field(examples=["channel"])
    label: str = Field(examples=["Channel"])
    kind: str = Field(description="integration, text or secret.", examples=["text"])
    help: str = Field(examples=["Such as #sales."])
    required: bool
    default: str = Field(examples=[""])
    integrations: list[str] | None = Field(description="Of an integration: the ids of which each would do.", examples=[None])


class TemplateOut(Out):
    """A common case, whose webhook, mapping and routes are made at once."""

    name: str = Field(examples=["new_lead_to_slack"])
    title: str = Field(examples=["New lead to Slack"])
    description: str = Field(examples=["What is posted to an address becomes a lead, and the team is told of it."])
    makes: list[str] = Field(description="incoming_webhook, route.", examples=[["incoming_webhook", "route"]])
    events: list[str] = Field(description="Those that its routes take.", examples=[["lead.created"]])
    inputs: list[TemplateInputOut]

    @classmethod
    def of(cls, offered: Offered) -> Self:
        """From the service's answer."""
        one = offered.template
        inputs = [
            TemplateInputOut(
                name=each.name,
                label=each.label,
                kind=each.kind,
                help=each.help,
                required=each.required,
                default=each.default,
                integrations=[found.integration.id for found in offered.integrations[each.name]] if each.kind == "integration" else None,
            )
            for each in one.inputs
        ]
        makes = [*(["incoming_webhook"] if one.incoming is not None else []), *("route" for _ in one.routes)]
        events = [name for route in one.routes for name in route["events"]]
        return cls(name=one.name, title=one.title, description=one.description, makes=makes, events=events, inputs=inputs)


class TemplateList(ListOut[TemplateOut]):
    """Every template."""


class MadeOut(Out):
    """Something that was made."""

    kind: str = Field(description="module, incoming_webhook or route.", examples=["route"])
    id: str = Field(examples=["rte_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    name: str = Field(examples=["New leads to Slack"])
    path: str = Field(description="Its call in this API.", examples=["/api/v1/routes/rte_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    page: str = Field(description="Its page in the console.", examples=["/settings/routes/rte_01k5z7q0v6e3tbn8m2c4d9f1hn"])


class SecretOnceOut(Out):
    """An address with its token, which is shown this once."""

    id: str = Field(description="Of the incoming webhook.", examples=["inc_01k5z7q0v6e3tbn8m2c4d9f1hn"])
    name: str = Field(examples=["Lead form"])
    url: str = Field(examples=["https://example.com/api/v1/webhooks/incoming/xdi_4fQ0cVb7Hq2mZ0rXc5VbN8sLk3JhGf6Dp"])
    token: str = Field(examples=["xdi_4fQ0cVb7Hq2mZ0rXc5VbN8sLk3JhGf6Dp"])


class TemplateInstalledOut(Out):
    """What installing a template made."""

    template: str = Field(examples=["new_lead_to_slack"])
    made: list[MadeOut]
    secrets: list[SecretOnceOut] | None = Field(description="Shown this once; null in a repeated answer.")
    next_steps: list[str] = Field(examples=[["Post a form to the address."]])

    @classmethod
    def of(cls, done: Installed) -> Self:
        """From the service's answer."""
        return cls(
            template=done.template.name,
            made=[MadeOut.model_validate(each) for each in done.made],
            secrets=[SecretOnceOut.model_validate(each) for each in done.secrets],
            next_steps=list(done.template.next_steps),
        )
