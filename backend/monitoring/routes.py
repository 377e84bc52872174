"""The monitoring routes: health for everybody, figures for who may read them."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import PlainTextResponse

from backend import __version__
from backend.core import pagination, permissions, web
from backend.core.parameters import Cursor, Limit
from backend.core.web import CurrentActor, ReadSession
from backend.monitoring import exposition, figures, health, providers, service
from backend.monitoring.health import State
from backend.monitoring.schemas import HealthOut, LiveOut, MetricsOut, ProviderStandingList, RateLimitList, metrics_of

router = web.Router(prefix="/monitoring", tags=["monitoring"])
root = web.Router(tags=["monitoring"])


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


@router.get("/rate-limits", **web.needs(permissions.METRICS_READ))
def list_rate_limits(
    session: ReadSession, actor: CurrentActor, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> RateLimitList:
    """Where each active key that has limits stands against them now, newest key first. Looking spends nothing."""
    return RateLimitList.model_validate(service.rate_limits(session, actor=actor, limit=limit, cursor=cursor))


@router.get("/providers", **web.needs(permissions.METRICS_READ))
def list_provider_standings(
    session: ReadSession, actor: CurrentActor, limit: Limit = pagination.DEFAULT_LIMIT, cursor: Cursor = None
) -> ProviderStandingList:
    """How each integration stands, newest first: its status with the reason, and the calls to its provider of the last 24 hours."""
    return ProviderStandingList.model_validate(providers.standings(session, actor=actor, limit=limit, cursor=cursor))


@root.get("/metrics", response_class=PlainTextResponse, **web.needs(permissions.METRICS_READ))
def read_prometheus(session: ReadSession, actor: CurrentActor) -> Response:
    """The figures of the workspace in Prometheus's text format, for a scraper that sends a key with `metrics:read` as bearer token."""
    found = service.metrics(session, actor=actor)
    return Response(exposition.render(figures.families(found, version=__version__)), media_type=exposition.MEDIA_TYPE)
