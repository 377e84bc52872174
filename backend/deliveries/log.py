"""Deliveries read as a log, for whoever may read logs: pages that cost the same at any size, what comes, and all of them."""

from __future__ import annotations

import dataclasses
from typing import Final

from sqlmodel import Session, col

from backend.core import pagination, permissions
from backend.core.actor import Actor
from backend.core.pagination import Sought
from backend.deliveries import queries
from backend.deliveries.queries import Filter
from backend.models import Delivery

ID_PREFIX: Final = "dlv"
_NONE: Final = Filter()


def list_log(
    session: Session, *, actor: Actor, wanted: Filter, limit: int = pagination.DEFAULT_LIMIT, cursor: str | None = None
) -> pagination.Page[Delivery]:
    """Deliveries, newest first. Raises `Invalid`."""
    return pagination.sift(session, sought(actor, wanted), limit=limit, cursor=cursor)


def tail_log(
    session: Session, *, actor: Actor, wanted: Filter, cursor: str, limit: int = pagination.DEFAULT_LIMIT
) -> pagination.Tail[Delivery]:
    """Deliveries that were made since `cursor`, oldest first. Raises `Invalid`."""
    return pagination.follow(session, sought(actor, wanted), limit=limit, cursor=cursor)


def sought(actor: Actor, wanted: Filter) -> Sought[Delivery]:
    """The deliveries that a filter means. Raises `Invalid`."""
    permissions.require(actor, permissions.LOGS_READ)
    # What has an index, and what is looked for among that.
    others = Filter(
        event_type=wanted.event_type, kind=wanted.kind, status_code=wanted.status_code, error_class=wanted.error_class, q=wanted.q
    )
    indexed = dataclasses.replace(wanted, event_type=None, kind=None, status_code=None, error_class=None, q=None)
    clause = None if others == _NONE else queries.matching(actor.workspace_id, others).whereclause
    return Sought(queries.matching(actor.workspace_id, indexed), [] if clause is None else [clause], col(Delivery.id), ID_PREFIX)
