"""Owns the web process's outer door: API by path prefix, pages only for who is signed in, headers that keep browsers safe."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from backend.accounts import cookies
from backend.settings import settings
from console import auth, downloads
from console.build import OUTPUT

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

API_PREFIXES: Final = ("/api", "/auth", "/oauth", "/receiver", "/sandbox", "/metrics")
_FILES: Final = ("/downloads",)
_FRAMEWORK: Final = ("/_event", "/ping")
_HIDDEN: Final = ("/_health", "/_upload", "/_all_routes", "/auth-codespace", "/__spa-fallback", "/404")
_HOST: Final = re.compile(r"[A-Za-z0-9.\-:\[\]]{1,255}")
_IMMUTABLE: Final = b"public, max-age=31536000, immutable"


def is_under(path: str, prefixes: tuple[str, ...]) -> bool:
    """Whether `path` is one of `prefixes` or below it."""
    return any(path == prefix or path.startswith(prefix + "/") for prefix in prefixes)


def same_origin(origin: str | None, environ: dict[str, Any]) -> bool:
    """Whether a websocket's Origin is the host that it was opened on, or the public address; none at all is no browser."""
    if origin is None:
        return True
    return urlsplit(origin).netloc.lower() == str(environ.get("HTTP_HOST", "")).lower() or origin in settings().own_origins


class Doors:
    """ASGI: `/api` and its like go to the API, the rest to the console, with the session checked before any page."""

    def __init__(self, *, api: Asgi, console: Asgi, is_page: Callable[[str], bool]) -> None:
        self._api = api
        self._console = console
        self._is_page = is_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatch one connection."""
        path = scope.get("path", "")
        if scope["type"] == "http":
            if is_under(path, API_PREFIXES):
                return await self._api(scope, receive, send)
            return await self._page(scope, receive, send)
        if scope["type"] == "websocket" and not is_under(path, ("/_event",)):
            return await send({"type": "websocket.close", "code": 1000})
        return await self._console(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        secured = _secured(scope, send)
        if is_under(path, _FILES):
            return await (await downloads.answer(scope))(scope, receive, secured)
        if is_under(path, _HIDDEN):
            return await _answer(secured, 404, b"Not found")
        if scope["method"] in ("GET", "HEAD") and not is_under(path, _FRAMEWORK) and self._is_page(path):
            target = await _where_to(path, scope)
            if target:
                return await _answer(secured, 303, b"", (b"location", target.encode()))
            if (OUTPUT / path.strip("/") / "index.html").is_file():
                scope = {**scope, "path": path.rstrip("/") + "/"}  # the file server would redirect there
        return await self._console(scope, receive, secured)


async def _where_to(path: str, scope: Scope) -> str:
    """The page to go to instead of `path`: sign-in for strangers, set-up on a new installation; empty if it may be shown."""
    cookie = b"; ".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
    info = await auth.lookup(cookies.read(cookie))
    place = path.rstrip("/") or "/"
    if info is not None:
        return "/" if place in ("/login", "/setup") else ""
    if place == "/invitation":
        return ""
    if await auth.setup_needed():
        return "" if place == "/setup" else "/setup"
    if place == "/login":
        return ""
    query = scope["query_string"].decode("latin-1")
    wanted = f"{place}?{query}" if query else place
    return "/login" if place in ("/", "/setup") else f"/login?next={quote(wanted, safe='/')}"


def _secured(scope: Scope, send: Send) -> Send:
    """`send` with the security headers, and with caching by kind: hashed files for good, pages and downloads never."""
    path: str = scope["path"]
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    extra = _headers(host if _HOST.fullmatch(host) else "")

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message.get("headers", []) if name.lower() != b"cache-control"]
            kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
            if path.startswith("/assets/") and message["status"] == 200:
                headers.append((b"cache-control", _IMMUTABLE))
            else:
                is_kept = not (kind.startswith(b"text/html") or is_under(path, _FILES))
                headers.append((b"cache-control", b"no-cache" if is_kept else b"no-store"))
            message = {**message, "headers": [*headers, *extra]}
        await send(message)

    return wrapped


def _headers(host: str) -> list[tuple[bytes, bytes]]:
    # The framework runs code strings that the server sends (toasts, the one-time secret) and carries inline scripts.
    policy = "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self' data:",
            f"connect-src 'self' ws://{host} wss://{host}" if host else "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
    headers = [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"same-origin"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    ]
    if settings().require_https:
        headers.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))
    return headers


async def _answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    sent = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": body})
