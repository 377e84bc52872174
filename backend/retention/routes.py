"""`/api/v1/logs/retention`: for how long logs are kept."""

from __future__ import annotations

from backend.core import permissions, web
from backend.core.web import CurrentActor, ReadSession, WriteSession
from backend.retention import service
from backend.retention.schemas import InstanceDays, RetentionChange, RetentionOut
from backend.retention.service import Decided

router = web.Router(prefix="/logs/retention", tags=["logs"])


@router.get("", **web.needs(permissions.LOGS_READ))
def read_retention(session: ReadSession, actor: CurrentActor) -> RetentionOut:
    """For how many days the logs of the workspace are kept."""
    return _shown(service.read(session, actor=actor))


@router.change("", **web.needs(permissions.LOGS_KEEP))
def change_retention(body: RetentionChange, session: WriteSession, actor: CurrentActor) -> RetentionOut:
    """Keep logs for longer or shorter. What is older than that is removed within an hour, and cannot be brought back."""
    sent = body.model_dump(exclude_unset=True)
    instance = sent.pop("instance", None)
    return _shown(service.change(session, actor=actor, changes=sent, instance=instance))


def _shown(found: Decided) -> RetentionOut:
    instance = InstanceDays.model_validate(found.instance) if found.instance is not None else None
    return RetentionOut(**found.workspace.model_dump(), instance=instance)
