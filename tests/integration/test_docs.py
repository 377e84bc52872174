"""The documentation that is served: page, list of calls, guides and Postman collection, all from our own files."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field

from backend import app as application
from backend.core import errors, problems, queue, web
from backend.core.web import RouteEntry
from backend.docs import guides, page, postman
from backend.gateway import instance
from backend.logs import recorder

pytestmark = pytest.mark.usefixtures("database", "redis", "recording")
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
AS_JSON = {"accept": "application/json"}


@pytest.fixture
def recording() -> Iterator[None]:
    """The request log's thread, ended before the database is gone."""
    recorder.start()
    yield
    recorder.stop()


def get(*paths: str, headers: dict[str, str] | None = None) -> list[httpx.Response]:
    """What a stranger is answered."""

    async def fetch() -> list[httpx.Response]:
        transport = httpx.ASGITransport(application.create_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=headers) as client:
            try:
                return [await client.get(path) for path in paths]
            finally:
                await queue.close_async()

    instance.forget()
    return asyncio.run(fetch())


def test_the_page_loads_only_our_own_files_and_runs_no_code_of_its_own() -> None:
    (answer,) = get("/api/docs", headers=HTML)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == page.POLICY
    assert "unsafe" not in page.POLICY
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', answer.text)
    assert {place for place in loaded if not place.startswith(("/api/", "data:,"))} == set()
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=", answer.text)
    assets = [place for place in loaded if place.startswith(page.ASSETS_PATH)]
    assert {place.rpartition("/")[2] for place in assets} == {"docs.js", "docs.css", "swagger-ui-bundle.js", "swagger-ui.css"}
    served = get(*assets)
    assert [each.status_code for each in served] == [200] * len(assets)
    assert {each.headers["x-content-type-options"] for each in served} == {"nosniff"}


def test_whoever_accepts_json_gets_the_list_of_calls() -> None:
    answer, version = get("/api/docs", "/api/docs/v1", headers=AS_JSON)
    listed = answer.json()
    assert (listed["title"], listed["currentVersion"], listed["baseURL"]) == ("Crossdock API", "v1", "http://127.0.0.1:8000")
    assert listed["routes"] == version.json()["routes"]
    known = {(entry.method, entry.path): entry for entry in web.table(application.ROUTERS, application.PREFIX)}
    assert {(route["method"], route["path"]) for route in listed["routes"]} == known.keys()
    for route in listed["routes"]:
        assert route.keys() == {"path", "method", "description", "version", "auth", "rateLimit"}
        assert route["auth"] == (known[route["method"], route["path"]].permission is not web.PUBLIC)
        assert (route["version"], route["rateLimit"]) == ("v1", 100)
        assert route["description"]


def test_an_unknown_version_guide_or_file_is_a_problem() -> None:
    for answer in get("/api/docs/v9", "/api/docs/guides/none", "/api/docs/assets/routes.py", "/api/docs/assets/..%2Froutes.py"):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_guide_is_a_page_and_its_links_lead_somewhere() -> None:
    anchors: dict[str, set[str]] = {}
    links: set[str] = set()
    for guide, answer in zip(guides.every(), get(*(guide.path for guide in guides.every()), headers=HTML), strict=True):
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == page.POLICY
        anchors[guide.path] = set(re.findall(r'<h\d id="([^"]+)"', answer.text))
        links |= set(re.findall(r'href="(/api/docs/guides/[^"]+)"', answer.text))
    for link in links:
        path, _, anchor = link.partition("#")
        assert path in anchors
        assert not anchor or anchor in anchors[path], link
    (markdown,) = get(guides.every()[0].path, headers={"accept": "text/markdown"})
    assert markdown.text == guides.every()[0].markdown


def test_every_problem_links_to_its_explanation() -> None:
    kinds = list(_kinds(errors.CrossdockError))
    assert len(kinds) > 10
    explained = set(re.findall(r'<h2 id="([^"]+)"', guides.html(guides.find("errors") or guides.every()[1])))
    assert {kind.code for kind in kinds} == explained
    (answer,) = get("/api/v1/webhooks", headers=AS_JSON)
    assert answer.json()["type"] == f"http://127.0.0.1:8000{problems.EXPLAINED_AT}#unauthenticated"


def _kinds(root: type[errors.CrossdockError]) -> Iterator[type[errors.CrossdockError]]:
    if root.__module__ == errors.__name__:
        yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


class Strict(BaseModel):
    """A part of a Postman collection, format 2.1.0: nothing that the format does not have."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Entry(Strict):
    """A variable, query parameter or header."""

    key: str
    value: str
    type: Literal["string"] = "string"
    description: str = ""
    disabled: bool = False


class Bearer(Strict):
    """Authentication by a token."""

    type: Literal["bearer"]
    bearer: list[Entry]


class NoAuth(Strict):
    """None."""

    type: Literal["noauth"]


class Url(Strict):
    """An address in parts."""

    raw: str
    host: list[str]
    path: list[str]
    query: list[Entry]
    variable: list[Entry]


class RawBody(Strict):
    """A body as text."""

    mode: Literal["raw"]
    raw: str
    options: dict[str, dict[str, str]]


class FormBody(Strict):
    """A body as a form."""

    mode: Literal["urlencoded"]
    urlencoded: list[Entry]


class PostmanRequest(Strict):
    """A request."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    header: list[Entry]
    url: Url
    description: str
    body: Annotated[RawBody | FormBody, Field(discriminator="mode")] | None = None
    auth: Annotated[Bearer | NoAuth, Field(discriminator="type")] | None = None


class Item(Strict):
    """A request with its name."""

    name: str
    request: PostmanRequest
    response: list[Any]


class Folder(Strict):
    """Items together."""

    name: str
    description: str
    item: list[Item]


class Info(Strict):
    """What the collection is."""

    name: str
    description: str
    version: str
    schema_: str = Field(alias="schema")


class Collection(Strict):
    """The whole."""

    info: Info
    auth: Bearer
    variable: list[Entry]
    item: list[Folder]


def test_the_postman_collection_has_every_call_in_its_format() -> None:
    (answer,) = get("/api/postman.json")
    collection = Collection.model_validate(answer.json())
    assert collection.info.schema_ == postman.SCHEMA
    requests = [item.request for folder in collection.item for item in folder.item]
    called = {(request.method, re.sub(r":(\w+)", r"{\1}", "/" + "/".join(request.url.path))) for request in requests}
    documented = [*application.operations(), RouteEntry("POST", "/oauth/token", web.PUBLIC)]
    assert called == {(entry.method, entry.path) for entry in documented}
    for request in requests:
        named = {part[1:] for part in request.url.path if part.startswith(":")}
        assert {each.key for each in request.url.variable} == named
        assert all(each.value for each in request.url.variable), request.url.raw
        assert request.url.raw == "{{baseUrl}}/" + "/".join(request.url.path)
    assert [body for request in requests if isinstance(body := request.body, RawBody) and body.raw not in {"{}", "null"}]
    (form,) = [body.urlencoded for request in requests if isinstance(body := request.body, FormBody)]
    assert {each.key for each in form if not each.disabled} == {"grant_type", "client_id", "client_secret"}
    assert {each.key for each in collection.variable} == {"baseUrl", "apiKey"}
