"""`/api/v1/templates`: common cases, installed at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from backend.core import permissions, web
from backend.idempotency import answers
from backend.idempotency.answers import KeyHeader
from backend.templates import service
from backend.templates.schemas import TemplateInstall, TemplateInstalledOut, TemplateList, TemplateOut

router = web.Router(prefix="/templates", tags=["routes"])


@router.get("", **web.needs(permissions.INTEGRATIONS_READ))
def list_templates(session: web.ReadSession, actor: web.CurrentActor) -> TemplateList:
    """Common cases: what each makes and asks for, and which integrations would do."""
    return TemplateList.whole(service.list_templates(session, actor=actor), TemplateOut.of)


@router.post("/{template}/install", **web.needs(permissions.INTEGRATIONS_WRITE))
def install_template(
    template: Annotated[str, Path(description="The name of a template.", examples=["new_lead_to_slack"])],
    body: TemplateInstall,
    session: web.WriteSession,
    actor: web.CurrentActor,
    response: Response,
    idempotency_key: KeyHeader = None,
) -> TemplateInstalledOut:
    """Make the webhook, mapping and routes of a template, all or none. The answer names them, and holds new addresses this once."""

    def make() -> TemplateInstalledOut:
        return TemplateInstalledOut.of(service.install(session, actor=actor, name=template, inputs=body.inputs))

    return answers.once(
        session,
        actor=actor,
        route=f"POST /api/v1/templates/{template}/install",
        key=idempotency_key,
        body=body,
        response=response,
        make=make,
        answer=TemplateInstalledOut,
        secrets=("secrets",),
        status_code=200,
    )
