"""`/api/v1/integrations/sandbox`: the switches of the sandbox provider."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backend.core import permissions, web
from backend.core.web import Body, Out
from backend.sandbox import service

router = web.Router(prefix="/integrations/sandbox", tags=["integrations"])


class SandboxUpdate(Body):
    """What is sent changes."""

    deny_consent: bool = Field(default=False, description="Whoever presses Allow is denied.")
    drop_scope: str = Field(default="", max_length=40, description="A scope that is left out of new tokens.", examples=["messages"])
    token_error: Literal["", "429", "500", "slow", "invalid_client"] = Field(
        default="", description="How the token endpoint fails.", examples=["500"]
    )
    api_error: Literal["", "429", "500", "slow"] = Field(default="", description="How the API fails.", examples=["429"])
    access_ttl: int = Field(default=900, description="Seconds that new access tokens live, 5 to 86,400.", examples=[60])
    contacts: int = Field(default=1000, description="How many contacts its API has, up to 20,000.", examples=[1000])


class ContactsChange(Body):
    """How many contacts change, or are deleted."""

    number: int = Field(default=10, description="The first so many.", examples=[10])


class SandboxOut(Out):
    """The workspace's account at the sandbox."""

    deny_consent: bool
    drop_scope: str
    token_error: str
    api_error: str
    access_ttl: int
    contacts: int
    grants: int = Field(description="Grants that have not ended.")

    @classmethod
    def of(cls, standing: service.Standing) -> SandboxOut:
        """From what the service says."""
        figures = {"access_ttl": standing.access_ttl, "contacts": standing.contacts, "grants": standing.grants}
        return cls.model_validate({**standing.switches, **figures})


@router.get("", **web.needs(permissions.INTEGRATIONS_READ))
def read_sandbox(session: web.ReadSession, actor: web.CurrentActor) -> SandboxOut:
    """The switches by which the sandbox fails as real providers do, and its grants."""
    return SandboxOut.of(service.account(session, actor=actor))


@router.change("", **web.needs(permissions.INTEGRATIONS_WRITE))
def update_sandbox(body: SandboxUpdate, session: web.WriteSession, actor: web.CurrentActor) -> SandboxOut:
    """Set its switches."""
    return SandboxOut.of(service.set_switches(session, actor=actor, changes=body.model_dump(exclude_unset=True)))


@router.post("/expire", **web.needs(permissions.INTEGRATIONS_WRITE))
def expire_sandbox_tokens(session: web.WriteSession, actor: web.CurrentActor) -> SandboxOut:
    """End every access token of the sandbox now; the next call refreshes."""
    return SandboxOut.of(service.expire_tokens(session, actor=actor))


@router.post("/revoke", **web.needs(permissions.INTEGRATIONS_WRITE))
def revoke_sandbox_grants(session: web.WriteSession, actor: web.CurrentActor) -> SandboxOut:
    """Withdraw every grant at the sandbox, as a person does in the account's settings."""
    return SandboxOut.of(service.revoke_grants(session, actor=actor))


@router.post("/change-contacts", **web.needs(permissions.INTEGRATIONS_WRITE))
def change_sandbox_contacts(session: web.WriteSession, actor: web.CurrentActor, body: ContactsChange | None = None) -> SandboxOut:
    """Change some contacts, so that the next sync has something to bring."""
    return SandboxOut.of(service.change_contacts(session, actor=actor, number=(body or ContactsChange()).number))


@router.post("/delete-contacts", **web.needs(permissions.INTEGRATIONS_WRITE))
def delete_sandbox_contacts(session: web.WriteSession, actor: web.CurrentActor, body: ContactsChange | None = None) -> SandboxOut:
    """Delete some contacts, so that the next sync learns of it."""
    return SandboxOut.of(service.delete_contacts(session, actor=actor, number=(body or ContactsChange()).number))
