"""`/api/docs`, `/api/openapi.json` and `/api/postman.json`: for everybody, since they say nothing of what is stored."""

from __future__ import annotations

from typing import Any, Final

import anyio.to_thread
import orjson
from fastapi import Request, Response

from backend.core import web
from backend.core.errors import NotFound
from backend.docs import catalogue, guides, page, postman
from backend.docs.page import Link
from backend.gateway import instance
from backend.settings import settings

router = web.Router(tags=["docs"])

_TITLE: Final = "Crossdock API"
_HTML: Final = {"content-security-policy": page.POLICY, "cache-control": "no-cache", "referrer-policy": "same-origin", "vary": "Accept"}
_ASSET: Final = {"cache-control": "public, max-age=3600", "vary": "Accept-Encoding"}


@router.get("/docs", **web.needs(web.PUBLIC))
async def read_docs(request: Request) -> Response:
    """The interactive page; the list of calls for whoever accepts JSON and no HTML."""
    accepted = request.headers.get("accept", "")
    if "application/json" in accepted and "text/html" not in accepted:
        listed = {
            "title": _TITLE,
            "currentVersion": catalogue.CURRENT,
            "baseURL": settings().public_url,
            "routes": await _routes(request, catalogue.CURRENT),
        }
        return _json(listed)
    return Response(page.reference(_links()), headers=_HTML, media_type="text/html")


@router.get("/docs/{version}", **web.needs(web.PUBLIC))
async def read_version(version: str, request: Request) -> Response:
    """The list of calls of one version."""
    if version not in catalogue.VERSIONS:
        raise NotFound(f"There is no version {version[:40]!r} of this API. Use {' or '.join(catalogue.VERSIONS)}.")
    return _json({"title": _TITLE, "version": version, "baseURL": settings().public_url, "routes": await _routes(request, version)})


@router.get("/docs/guides/{name}", **web.needs(web.PUBLIC))
async def read_guide(name: str, request: Request) -> Response:
    """A guide as a page; its Markdown for whoever accepts that and no HTML."""
    guide = guides.find(name)
    if guide is None:
        raise NotFound(f"There is no guide {name[:40]!r}. There are {', '.join(guides.NAMES)}.")
    accepted = request.headers.get("accept", "")
    if "text/markdown" in accepted and "text/html" not in accepted:
        return Response(guide.markdown, headers={"vary": "Accept"}, media_type="text/markdown")
    shown = page.guide(guide.title, guides.html(guide), _links(), current=guide.path)
    return Response(shown, headers=_HTML, media_type="text/html")


@router.get("/docs/assets/{name}", **web.needs(web.PUBLIC))
async def read_asset(name: str, request: Request) -> Response:
    """A file of these pages."""
    asset = page.asset(name)
    if asset is None:
        raise NotFound(f"The documentation has no file {name[:40]!r}.")
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers={**_ASSET, "content-encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.content, headers=_ASSET, media_type=asset.media_type)


@router.get("/openapi.json", **web.needs(web.PUBLIC))
async def read_schema(request: Request) -> Response:
    """The OpenAPI document."""
    return _json(await _schema(request))


@router.get("/postman.json", **web.needs(web.PUBLIC))
async def read_postman(request: Request) -> Response:
    """Every call as a Postman collection, version 2.1."""
    return _json(postman.collection(await _schema(request), base_url=settings().public_url))


async def _routes(request: Request, version: str) -> list[dict[str, Any]]:
    current = await instance.current()
    return list(catalogue.routes(await _schema(request), version, current.endpoint_limits))


async def _schema(request: Request) -> dict[str, Any]:
    """In a thread, since what is made for the first caller takes a second, for which nobody else shall wait."""
    return await anyio.to_thread.run_sync(request.app.openapi)


def _links() -> list[Link]:
    shown = [Link(guide.path, guide.title) for guide in guides.every()]
    return [Link("/api/docs", "Reference"), *shown, Link("/api/openapi.json", "OpenAPI"), Link("/api/postman.json", "Postman")]


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), headers={"vary": "Accept"}, media_type="application/json")
