"""A provider on loopback that behaves as an entry of the catalogue says: tokens, test, pages, changes, limits, revocation."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from backend.integrations import catalogue, templates
from backend.integrations.entry import Auth, Call, Entry, OAuth, Push

ITEMS = 3  # on a page
CAPTURES = {
    "team_id": "T0001", "bot_user_id": "B0001", "location": "us", "realm_id": "4620816365", "dc": "us1", "stripe_user_id": "acct_1",
    "tenant_id": "45e4708e-d862-4111-ab3a-dd8cd03913e1",
}  # fmt: skip
HOSTS = {
    ("salesforce", "instance_url"): "acme.my.salesforce.com",
    ("pipedrive", "api_domain"): "acme.pipedrive.com",
    ("zoho_crm", "api_domain"): "www.zohoapis.com",
    ("zoho_crm", "accounts_server"): "accounts.zoho.com",
}
SAMPLES = {
    "number": 7,
    "boolean": True,
    "date": "2026-01-31",
    "datetime": "2026-01-31T09:30:00Z",
    "url": "https://example.com/x",
    "phone": "+49301234567",
}


def at(entry: Entry, base: str) -> Entry:
    """The entry with every https address led to the fake, its host as the first part of the path; pages have three items."""
    document = json.loads(entry.model_dump_json(by_alias=True).replace("https://", f"{base}/"))
    if document["sync"] is not None:
        document["sync"]["paging"]["size"] = ITEMS
    return Entry.model_validate(document)


def put(document: Any, path: str, value: Any) -> Any:
    """The document with `value` at `path`; `*` is the first of a list."""
    step, _, rest = path.partition(".")
    if not path:
        return value
    if step == "*" or step.isdigit():
        items = list(document or [])
        items += [None] * (int("0" if step == "*" else step) + 1 - len(items))
        items[int("0" if step == "*" else step)] = put(items[int("0" if step == "*" else step)], rest, value)
        return items
    found = dict(document or {})
    found[step.replace("~", ".")] = put(found.get(step.replace("~", ".")), rest, value)
    return found


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Provider:
    """The fake. `fail` is the status that the next call of the API answers with; `changed` says that an item changed."""

    entry: Entry
    auth: Auth
    base: str
    config: Mapping[str, Any]
    challenge: str = ""
    redirect_uri: str = ""
    fail: int = 0
    token_error: str = ""
    changed: bool = False
    access: str = "at-0000000000"
    refresh: str = "rt-0000000000"
    given: int = 0
    revoked: bool = False
    acts: bool = False
    wrong: list[str] = field(default_factory=list)
    syncs: list[Asked] = field(default_factory=list)
    acted: list[Asked] = field(default_factory=list)
    answers: list[tuple[int, Any]] = field(default_factory=list)  # to actions, in order; then {"ok": true, "id": "done"}
    places: list[str | None] = field(default_factory=list)
    pushed: list[Asked] = field(default_factory=list)  # what was written

    @property
    def values(self) -> dict[str, Any]:
        """What templates may name, with what is good now."""
        defaults = {each.name: each.default for each in self.auth.fields if each.default}
        hosts = {name: f"{self.base}/{host}" for (provider, name), host in HOSTS.items() if provider == self.entry.id}
        now = {"access_token": self.access, "refresh_token": self.refresh}
        return {**defaults, **CAPTURES, **hosts, **self.config, **now}

    def captures(self, source: str) -> dict[str, str]:
        """Values by the paths at which the provider tells them."""
        spec = self.auth.oauth
        return {each.path: self.values[each.name] for each in (spec.captures if spec else ()) if each.source == source}

    def answer(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers."""
        spec = self.auth.oauth
        if spec is not None and self._is(asked, spec.token_url):
            return self._token(asked, spec)
        if spec is not None and spec.revocation.call is not None and self._is(asked, spec.revocation.call.url):
            return self._revoke(asked, spec.revocation.call)
        for each in spec.captures if spec is not None else ():
            if each.call is not None and self._is(asked, each.call.url):
                return self._checked(asked, each.call) or (200, self._identity(put({}, each.path, self.values[each.name])), {})
        return self._api(asked)

    def _api(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        if self.acts and any(self._is(asked, call.url) and asked.method == call.method for call in self.entry.actions.values()):
            return self._act(asked)
        if self.fail:
            status, self.fail = self.fail, 0
            return status, {"error": "busy"}, {"retry-after": "0"} if status == 429 else {}
        if self.entry.push is not None and (told := self._write(asked, self.entry.push)) is not None:
            return told
        sync = self.entry.sync
        if sync is not None and sync.removal is not None and sync.removal.call is not None and self._fits(asked, sync.removal.call):
            return self._checked(asked, sync.removal.call) or (200, {}, {})
        return self._read(asked)

    def _read(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        sync, test = self.entry.sync, self.auth.test.call
        if sync is not None and any(self._is(asked, call.url) for call in (sync.call, sync.incremental.call) if call is not None):
            refused = self._checked(asked, sync.call)
            if refused is None:
                self.syncs.append(asked)
            return refused or self._page(asked)
        if test is not None and self._is(asked, test.url):
            return self._tested(asked, test)
        self.wrong.append(f"nothing is at {asked.method} {asked.path}")
        return 404, {}, {}

    def _write(self, asked: Asked, push: Push) -> tuple[int, Any, dict[str, str]] | None:
        """The answer to a call of a push, which nothing is there before; None for another."""
        if push.find is not None and self._fits(asked, push.find.call):
            return self._checked(asked, push.find.call) or (push.find.none[0] if "{match_in_path}" in push.find.call.url else 200, {}, {})
        write = next((each for each in push.create if self._fits(asked, each.call)), None)
        if write is None and (push.update is None or not self._fits(asked, push.update)):
            return None
        told: Any = put({}, push.done.path, push.done.equals[0]) if push.done.path else {}
        call = write.call if write is not None else push.update
        assert call is not None
        if call.method != "GET":
            self.pushed.append(asked)
            for name, path in write.gives.items() if write is not None else ():
                told = put(told, path, f"{name}-1")
        return self._checked(asked, call) or (200, told, {})

    def _fits(self, asked: Asked, call: Call) -> bool:
        """Whether a request is this call of the catalogue, whatever its variables hold."""
        own = dict.fromkeys(("external_id", "match_in_path", "match", "match_quoted", "record_id", "id"), "ANY")
        filled = templates.optional(call.url, {**self.values, **own})
        if filled is None or asked.method != call.method or not set(call.query) - {"page"} <= set(asked.query) | {"after"}:
            return False
        return re.fullmatch(re.escape(urlsplit(filled).path).replace("ANY", "[^/]+"), asked.path) is not None

    def _tested(self, asked: Asked, test: Call) -> tuple[int, Any, dict[str, str]]:
        """The test's answer; where a sync begins with the same call, with the place that it gives."""
        expect, sync = self.auth.test.expect, self.entry.sync
        if expect.text:
            return expect.status[0], expect.text[0], {}
        begins = sync is not None and sync.incremental.start is not None and self._is(asked, sync.incremental.start.url)
        told = put({}, sync.incremental.start_path, "1000") if sync is not None and begins else {}
        return self._checked(asked, test) or (expect.status[0], self._identity(told), {})

    def _act(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        self.acted.append(asked)
        status, told = self.answers.pop(0) if self.answers else (200, {"ok": True, "id": "done", "ts": "1.1"})
        return status, told, {}

    def _identity(self, document: Any) -> Any:
        """What the test answers, as the entry expects it."""
        test = self.auth.test
        document = put(document, "ok", True) if isinstance(document, dict) and self.entry.id == "slack" else document
        for path in (*test.account.id, *test.account.name)[:2]:
            if templates.dig(document, path) is None:
                document = put(document, path, f"account of {self.entry.id}")
        if test.expect.path is not None and templates.dig(document, test.expect.path) is None:
            document = put(document, test.expect.path, test.expect.equals[0] if test.expect.equals else "there")
        elif test.expect.path is not None and test.expect.equals:
            document = put(document, test.expect.path, test.expect.equals[0])
        return document

    def _token(self, asked: Asked, spec: OAuth) -> tuple[int, Any, dict[str, str]]:
        form = asked.form
        if self.token_error:
            word, self.token_error = self.token_error, ""
            return (200, {"ok": False, "error": word}, {}) if self.entry.id == "slack" else (400, {"error": word}, {})
        self._check_client(asked, spec)
        if form["grant_type"] == "authorization_code":
            verifier = form.get("code_verifier", "")
            hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            self._expect(form["code"] == "the-code", "another code")
            self._expect(form.get("redirect_uri") == self.redirect_uri, "another redirect URI")
            self._expect(hashed == self.challenge if spec.pkce else not verifier, "PKCE is not as the provider wants it")
        elif form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return 400, {"error": "invalid_grant"}, {}
        self.given += 1
        self.access = f"at-{self.given:010d}"
        told: dict[str, Any] = {"access_token": self.access, "token_type": "Bearer"}
        told |= {"expires_in": spec.refresh.access_seconds} if spec.refresh.access_seconds else {}
        if spec.refresh.kind == "rotating" or (spec.refresh.kind == "stable" and form["grant_type"] == "authorization_code"):
            self.refresh = f"rt-{self.given:010d}"
            told["refresh_token"] = self.refresh
        told |= {"ok": True} if self.entry.id == "slack" else {}
        for path in self.auth.test.account.id if self.auth.test.call is None else ():
            told = put(told, path, f"account of {self.entry.id}")
        for path, value in self.captures("token").items():
            told = put(told, path, value)
        return 200, told, {}

    def _check_client(self, asked: Asked, spec: OAuth) -> None:
        values, form = self.values, asked.form
        if spec.client_auth == "basic":
            pair = f"{values['client_id']}:{values['client_secret']}".encode()
            self._expect(
                asked.headers.get("authorization") == f"Basic {base64.b64encode(pair).decode()}", "the client is not in HTTP Basic"
            )
        elif spec.client_auth == "body":
            sent = (form.get("client_id"), form.get("client_secret"))
            self._expect(sent == (values["client_id"], values["client_secret"]), "the client is not in the body")
        wanted = templates.fill_all(spec.token_form, values)
        self._expect(wanted.items() <= form.items(), "the form lacks what the provider asks for")

    def _revoke(self, asked: Asked, call: Call) -> tuple[int, Any, dict[str, str]]:
        wanted = templates.request(call, self.values)
        for name, value in wanted.headers.items():
            self._expect(asked.headers.get(name.lower()) == value, f"the revocation lacks {name}")
        if wanted.form is not None:
            self._expect(asked.form == dict(wanted.form), "the revocation's form is another")
        if wanted.json is not None:
            self._expect(json.loads(asked.body) == wanted.json, "the revocation's body is another")
        self._expect(wanted.query.items() <= asked.query.items(), "the revocation's query is another")
        self.revoked = True
        return 200, {"ok": True}, {}

    def _checked(self, asked: Asked, call: Call) -> tuple[int, Any, dict[str, str]] | None:
        """A refusal of whoever is not authenticated as this provider asks for it."""
        values = self.values
        wanted = {**templates.fill_all(self.auth.headers, values), **templates.fill_all(call.headers, {**values, "since": None})}
        if self.auth.basic is not None:
            pair = ":".join(templates.fill(each, values) for each in self.auth.basic).encode()
            wanted["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        if all(asked.headers.get(name.lower()) == value for name, value in wanted.items()):
            return None
        return 401, {"error": "unauthorized"}, {}

    def _page(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        sync = self.entry.sync
        assert sync is not None
        way, paging, place = sync.incremental, sync.paging, self._place(asked)
        is_later = way.kind in {"token", "link"} and bool(self._token_of(asked) or "delta" in asked.query)
        if place in {None, "", str(paging.first)}:
            self.places = []
        if place not in self.places:
            self.places.append(place)
        number = 0 if is_later else self.places.index(place)
        numbers = [0] if is_later else range(number * ITEMS, min(number + 1, 2) * ITEMS)
        items = [self._item(number) for number in numbers]
        path = way.items if is_later and way.items is not None else sync.items
        document: Any = self._put_items({}, path, items)
        has_more = not is_later and number == 0 and paging.kind != "none"
        link = f"{asked.path}?fake_page=2"
        following = {"cursor": "c2", "link": link}.get(paging.kind)
        if has_more and following and paging.next:
            document = put(document, paging.next, following)
        if paging.more:
            document = put(document, paging.more, has_more)
        if paging.total:
            document = put(document, paging.total, 2 if paging.kind == "page" else 2 * ITEMS)
        if not has_more and way.path and way.kind in {"token", "link"}:
            document = put(document, way.path, "2000" if way.kind == "token" else f"{asked.path}?delta=1")
        if self.entry.id == "slack":
            document["ok"] = True
        if sync.format == "jsonl":
            return 200, "\n".join(json.dumps(item) for item in items), {}
        return 200, document, {}

    def _put_items(self, document: Any, path: str, items: list[Any]) -> Any:
        if "*" not in path:
            return put(document, path, items)
        before, _, rest = path.partition(".*.")
        return put(document, before, [put({}, rest.replace("*", "0"), item) for item in items])

    def _place(self, asked: Asked) -> str | None:
        """The value that stands where the sync's call has `{page}`."""
        sync = self.entry.sync
        assert sync is not None
        if "fake_page" in asked.query:
            return asked.query["fake_page"]
        for name, template in sync.call.query.items():
            if template == "{page}":
                return asked.query.get(name)
            if "{page}" in template:
                return asked.query[name].partition("STARTPOSITION ")[2].partition(" ")[0]
        body = json.loads(asked.body) if sync.call.json_body is not None else {}
        found = [name for name, template in (sync.call.json_body or {}).items() if template == "{page}"]
        return str(body[found[0]]) if found and found[0] in body else None

    def _token_of(self, asked: Asked) -> str | None:
        sync = self.entry.sync
        assert sync is not None
        call = sync.incremental.call or sync.call
        return next((asked.query.get(name) for name, template in call.query.items() if template == "{token}"), None)

    def _item(self, number: int) -> dict[str, Any]:
        sync = self.entry.sync
        assert sync is not None
        item: Any = {}
        for column in sync.columns:
            is_changed = self.changed and number == 0 and column.source not in sync.id
            text = f"{column.name} {number}{' again' if is_changed else ''}"
            value: Any = f"person{number}@example.com" if column.type == "email" else SAMPLES.get(column.type, text)
            value = value + (100 if is_changed else number) if column.type == "number" else value
            item = put(item, column.source, value)
        if sync.incremental.kind == "newest_first":
            is_newer = self.changed and number == 0
            item = put(item, sync.incremental.path, f"2026-01-{20 - number + (5 if is_newer else 0):02d}T00:00:00Z")
        for path in sync.id:
            if path not in {column.source for column in sync.columns} or templates.dig(item, path) is None or path == "id":
                item = put(item, path, f"item-{number}")
        return item

    def _is(self, asked: Asked, template: str) -> bool:
        """Whether a request is to this address of the catalogue."""
        filled = templates.optional(template, {"message_id": "m1", **self.values})
        return filled is not None and urlsplit(filled).path == asked.path

    def _expect(self, is_so: bool, otherwise: str) -> None:  # noqa: FBT001 - a condition
        if not is_so:
            self.wrong.append(otherwise)


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[Provider]]]:
    """Where fakes answer, and the list whose last one does."""
    providers: list[Provider] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            address = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(address.query, keep_blank_values=True))
            status, told, more = providers[-1].answer(Asked(self.command, address.path, query, headers, body))
            text = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class's names

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", providers
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def entries() -> dict[str, Entry]:
    """The catalogue as it is shipped."""
    return catalogue.entries()
