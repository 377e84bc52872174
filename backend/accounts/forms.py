"""The console's forms: set-up, sign-in, sign-out, switching workspace. A websocket cannot set a cookie, so these are posts.

Each answers 303: onward with the cookie, or back to the form with `?error=<code>`, which the console shows in words;
what is wrong with the fields is their names, separated by commas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from backend.accounts import attempts, cookies, doors, members, service, sessions
from backend.accounts.sessions import SessionInfo
from backend.core import web
from backend.core.errors import Conflict, CrossdockError, Forbidden, Invalid, RateLimited, Unauthenticated

router = APIRouter(prefix="/auth", include_in_schema=False)
_MAX_FIELD = 2000


@router.post("/setup")
async def set_up(request: Request, caller: web.CurrentCaller) -> Response:
    """Make the first administrator and sign in."""
    form = await _form(request)
    try:
        token, info = await doors.set_up(
            token=form("token"), email=form("email"), name=form("name"), password=form("password"),
            workspace=form("workspace") or "Default", caller=caller,
        )  # fmt: skip
    except CrossdockError as error:
        return _back("/setup", error, token=form("token"))
    return _signed_in("/", token, info)


@router.post("/login")
async def sign_in(request: Request, caller: web.CurrentCaller) -> Response:
    """Sign in and go on to where the visitor wanted to be."""
    form = await _form(request)
    onward = _own_path(form("next"))
    try:
        token, info = await doors.sign_in(email=form("email"), password=form("password"), workspace=None, caller=caller)
    except CrossdockError as error:
        return _back("/login", error, next=onward)
    return _signed_in(onward, token, info)


@router.post("/logout")
async def sign_out(request: Request) -> Response:
    """End this session."""
    await _form(request)
    await web.in_transaction(service.sign_out, write=True, token=_token(request))
    return _signed_out()


@router.post("/logout-everywhere")
async def sign_out_everywhere(request: Request, caller: web.CurrentCaller) -> Response:
    """End every session of this user, in every browser and client."""
    await _form(request)
    info = await doors.session_of(_token(request))
    if info is not None:
        actor = sessions.actor_for(info, ip=caller.ip, request_id=caller.request_id)
        await web.in_transaction(service.sign_out_everywhere, write=True, actor=actor)
    return _signed_out()


@router.post("/workspace")
async def switch_workspace(request: Request, caller: web.CurrentCaller) -> Response:
    """Let this session act in another workspace. `name` instead of `workspace_id` makes a new one first."""
    form = await _form(request)
    info = await doors.session_of(_token(request))
    if info is None:
        return _signed_out()
    actor = sessions.actor_for(info, ip=caller.ip, request_id=caller.request_id)
    try:
        chosen = form("workspace_id")
        if form("name"):
            made = await web.in_transaction(service.create_workspace, write=True, actor=actor, name=form("name"))
            chosen = made.id
        token, moved = await web.in_transaction(service.switch_workspace, write=True, actor=actor, workspace_id=chosen)
    except CrossdockError as error:
        return _back("/settings/workspaces/new" if form("name") else "/", error)
    return _signed_in(_own_path(form("next")), token, moved)


@router.post("/accept-invitation")
async def accept_invitation(request: Request, caller: web.CurrentCaller) -> Response:
    """Join a workspace as a new user and sign in."""
    form = await _form(request)
    token, email, password = form("token"), form("email"), form("password")
    try:
        await doors.accept_invitation(token=token, email=email, name=form("name"), password=password)
        session_token, info = await doors.sign_in(email=email, password=password, workspace=None, caller=caller)
    except CrossdockError as error:
        return _back("/invitation", error, token=token)
    return _signed_in("/", session_token, info)


@router.post("/join")
async def join(request: Request, caller: web.CurrentCaller) -> Response:
    """Join a workspace as the user who is signed in."""
    form = await _form(request)
    info = await doors.session_of(_token(request))
    if info is None:
        return _signed_out()
    actor = sessions.actor_for(info, ip=caller.ip, request_id=caller.request_id)
    try:
        token, moved = await web.in_transaction(members.join, write=True, token=form("token"), actor=actor)
    except CrossdockError as error:
        return _back("/invitation", error, token=form("token"))
    return _signed_in("/", token, moved)


async def _form(request: Request) -> Callable[[str], str]:
    """The fields of a form that our own page posted. Raises `Forbidden` for one that another site's page did."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    if foreign or site in {"cross-site", "same-site"}:
        raise Forbidden("This form was sent by another site's page. Open the console and use its own.", reason="origin")
    fields = await request.form(max_files=0, max_fields=20)

    def field(name: str) -> str:
        value: Any = fields.get(name, "")
        text = value if isinstance(value, str) else ""
        return text[:_MAX_FIELD] if name == "password" else text.strip()[:_MAX_FIELD]

    return field


def _token(request: Request) -> str:
    return cookies.read(request.headers.get("cookie", ""))


def _own_path(path: str) -> str:
    """A path of ours to go on to; anything that a browser could take for another site becomes the overview."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable()
    return path if safe else "/"


def _signed_in(path: str, token: str, info: SessionInfo) -> Response:
    answer = RedirectResponse(path, 303)
    answer.headers["set-cookie"] = cookies.issue(token, info.expires_at)
    return answer


def _signed_out() -> Response:
    answer = RedirectResponse("/login", 303)
    answer.headers["set-cookie"] = cookies.clear()
    return answer


def _back(path: str, error: CrossdockError, **kept: str) -> Response:
    query = {"error": _code(error), **{name: value for name, value in kept.items() if value}}
    return RedirectResponse(f"{path}?{urlencode(query)}", 303)


def _code(error: CrossdockError) -> str:
    if isinstance(error, Unauthenticated):
        return "token" if error.reason in {"setup_token", "invitation"} else error.reason
    if isinstance(error, Invalid):
        return ",".join(dict.fromkeys(each.path for each in error.errors))
    if isinstance(error, RateLimited):
        return "busy" if isinstance(error, attempts.BeingChecked) else "locked"
    return "taken" if isinstance(error, Conflict) else error.code
