"""The monitoring routes: health for everybody, figures for who may read them."""

from __future__ import annotations

from fastapi import Response

from backend.core import permissions, web
from backend.core.web import CurrentActor, ReadSession
from backend.monitoring import health, service
from backend.monitoring.health import State
from backend.monitoring.schemas import HealthOut, LiveOut, MetricsOut, metrics_of

router = web.Router(prefix="/monitoring", tags=["monitoring"])


@router.get("/health", **web.needs(web.PUBLIC))
async def read_health(response: Response) -> HealthOut:
    """How the installation is: `ok`, `degraded` (works, but not all of it) or `down` (503), and each part of it."""
    found = await health.look()
    response.status_code = 503 if found.status is State.DOWN else 200
    return HealthOut.model_validate(found)


@router.get("/health/live", **web.needs(web.PUBLIC))
async def read_live() -> LiveOut:
    """Whether this process answers."""
    return LiveOut(status=State.OK)


@router.get("/health/ready", **web.needs(web.PUBLIC))
async def read_ready(response: Response) -> LiveOut:
    """Whether this process can serve: 503 while it has no database."""
    found = await health.look()
    response.status_code = 503 if found.status is State.DOWN else 200
    return LiveOut(status=found.status)


@router.get("/metrics", **web.needs(permissions.METRICS_READ))
def read_metrics(session: ReadSession, actor: CurrentActor) -> MetricsOut:
    """The figures of the workspace: requests and deliveries of the last 24 hours, what is unfinished now, and the workers."""
    return metrics_of(service.metrics(session, actor=actor))
