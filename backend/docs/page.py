"""The documentation's pages as HTML: what they share, what they load and from where, and what they may do."""

from __future__ import annotations

import functools
import gzip
import importlib.resources
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

ASSETS_PATH: Final = "/api/docs/assets"
# Only our own files, no code in the page, nowhere to send a form, no frame around it. Swagger UI draws its icons from data: addresses.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OURS: Final = Path(__file__).parent / "static"
_SWAGGER_UI: Final = "fastapi_offline"  # the package that carries Swagger UI's files (Apache-2.0)
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
{styles}
{scripts}
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
<a class="brand" href="/api/docs">Crossdock API</a>
<nav aria-label="Documentation"><ul>{links}</ul></nav>
<button type="button" id="theme" aria-pressed="false" hidden>Dark</button>
</header>
<main id="content" tabindex="-1">{content}</main>
</body>
</html>
"""
_REFERENCE: Final = """<h1 class="hidden">API reference</h1>
<div id="reference" data-schema="/api/openapi.json"></div>
<noscript><p>Trying calls out needs JavaScript. Every call is described in
<a href="/api/openapi.json">the OpenAPI document</a> and the guides above.</p></noscript>"""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the pages: its bytes, the same packed by gzip, and its media type."""

    content: bytes
    packed: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the pages' navigation."""

    path: str
    title: str


def reference(links: list[Link]) -> str:
    """The interactive page: every call, to be tried out with a key."""
    return _page("Crossdock API reference", _REFERENCE, links, current="/api/docs", is_reference=True)


def guide(title: str, content: str, links: list[Link], *, current: str) -> str:
    """A guide; `content` is its HTML."""
    return _page(f"{title} – Crossdock API", f'<article class="guide">{content}</article>', links, current=current)


@functools.cache
def asset(name: str) -> Asset | None:
    """A file that the pages load, by its name; None if there is no such file."""
    folder = _FILES.get(name)
    if folder is None:
        return None
    content = _folder(folder).joinpath(name).read_bytes()
    return Asset(content, gzip.compress(content), _TYPES[Path(name).suffix])


_FILES: Final = {"docs.css": "", "docs.js": "", "swagger-ui-bundle.js": _SWAGGER_UI, "swagger-ui.css": _SWAGGER_UI}


def _folder(package: str) -> Path:
    return Path(str(importlib.resources.files(package))) / "static" if package else _OURS


def _page(title: str, content: str, links: list[Link], *, current: str, is_reference: bool = False) -> str:
    styles = [*(["swagger-ui.css"] if is_reference else []), "docs.css"]
    scripts = [*(["swagger-ui-bundle.js"] if is_reference else []), "docs.js"]
    return _PAGE.format(
        title=escape(title),
        styles="\n".join(f'<link rel="stylesheet" href="{ASSETS_PATH}/{name}">' for name in styles),
        scripts="\n".join(f'<script src="{ASSETS_PATH}/{name}" defer></script>' for name in scripts),
        links="".join(_link(link, current) for link in links),
        content=content,
    )


def _link(link: Link, current: str) -> str:
    mark = ' aria-current="page"' if link.path == current else ""
    return f'<li><a href="{escape(link.path)}"{mark}>{escape(link.title)}</a></li>'
