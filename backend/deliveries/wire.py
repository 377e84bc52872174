"""The body of a message as it goes over the wire, fixed when its event is accepted. Pure."""

from __future__ import annotations

from datetime import datetime

from backend.core import clock


def text(*, event_id: str, type_name: str, occurred_at: datetime, workspace_id: str, data: str) -> str:
    """The body: `{"id","event","type","timestamp","workspaceId","tenantId","data"}` around `data`, which is JSON text.

    Ids and type names are plain ASCII without quotes, so that nothing here needs escaping.
    """
    return (
        f'{{"id":"{event_id}","event":"{type_name}","type":"{type_name}","timestamp":"{clock.rfc3339(occurred_at)}",'
        f'"workspaceId":"{workspace_id}","tenantId":"{workspace_id}","data":{data}}}'
    )
