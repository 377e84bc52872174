"""What an application answers to errors: its own tree, what the framework finds wrong, and what the router refuses."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from backend.core import errors, problems, validation

_BY_STATUS: dict[int, type[errors.CrossdockError]] = {
    413: errors.TooLarge,
    415: errors.UnsupportedMedia,
}


def install(app: FastAPI) -> None:
    """Answer every known error of `app` as problem details."""
    app.add_exception_handler(errors.CrossdockError, _refuse)
    app.add_exception_handler(RequestValidationError, _explain)
    app.add_exception_handler(HTTPException, _translate)
    app.add_exception_handler(RecursionError, _shorten)
    app.add_exception_handler(Exception, _admit)


def answer(request: Request, error: errors.CrossdockError) -> Response:
    """The answer to an error met while `request` was served."""
    state = request.scope.setdefault("state", {})
    state["error"] = problems.told(error)  # for the request log
    request_id = state.get("request_id", "")
    body = problems.render(error, instance=request.url.path, request_id=request_id)
    return Response(body, error.status, problems.headers(error))


def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.CrossdockError)  # noqa: S101 - what it is registered for
    return answer(request, error)


def _explain(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    return answer(request, validation.from_framework(error.errors()))


def _translate(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    if error.status_code == 405:
        allowed = tuple(method.strip() for method in (error.headers or {}).get("Allow", "").split(",") if method.strip())
        told = f"{request.url.path} has no {request.method}. Use {' or '.join(allowed) or 'another method'}."
        return answer(request, errors.MethodNotAllowed(told, allowed))
    if error.status_code == 404:
        return answer(request, errors.NotFound(f"There is nothing at {request.url.path}."))
    if error.status_code == 400 and error.__cause__ is not None:  # what the framework raises where it cannot read a body
        return answer(request, validation.from_reading(error.__cause__))
    return answer(request, _BY_STATUS.get(error.status_code, errors.BadRequest)(str(error.detail)))


def _shorten(request: Request, error: Exception) -> Response:
    """Only what a caller sends can be nested without end."""
    return answer(request, validation.from_reading(error))


def _admit(request: Request, _error: Exception) -> Response:
    """What nobody expected, told without the inside; the framework raises it again, so the gateway logs it."""
    request_id = request.scope.get("state", {}).get("request_id", "")
    told = f"Something went wrong on our side; it is in the log as {request_id}. Try again, or ask the operator."
    return answer(request, errors.CrossdockError(told))
