"""The group committer of publishing: requests that arrive within the same few milliseconds share one commit."""

from __future__ import annotations

from collections.abc import Sequence

from backend.core import db
from backend.core.committing import Group, GroupCommitter
from backend.events import service
from backend.events.service import Command, Published


class Committer(GroupCommitter[Command, Published]):
    """Publishes commands in groups, each for itself. Raises `Unavailable` if the commit fails."""

    def __init__(self) -> None:
        super().__init__("committer", _publish)


def _publish(group: Group[Command]) -> Sequence[Published | BaseException]:
    with db.transaction(write=True) as session:
        group.fill()
        return service.publish_many(session, group.items)


committer = Committer()
