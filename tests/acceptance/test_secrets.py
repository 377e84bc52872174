"""No secret lies anywhere but where it is handed out: the main story, then a search of everything for everything."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from backend.accounts import cookies
from backend.core import tokens
from console.build import OUTPUT
from tests.acceptance import leaks
from tests.acceptance.installation import Installation, installation
from tests.acceptance.partner import Partner
from tests.console.conftest import Tab, Web, tab
from tests.console.handlers import STATE, find
from tests.fakes.receiver import listening
from tests.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EMAIL = "ada@example.com"
PASSWORD = 'corr"ct hörse/b&ttery+stäple 7\\'  # each encoding makes something else of it
WRONG = 'another "passw&rd" of hers, mistyped/9'
HEADER = 'p4rtner-Value/of+1 "quoted" & more=='
PAGES = ("/", "/settings/api-keys", "/settings/webhooks", "/settings/deliveries", "/settings/receiver", "/settings/members")
# Where a file of the installation's own holds its own key; nothing else may.
KEY_FILE = "encryption.key"


class Story:
    """What was handed out, by what it is; and everything that was said afterwards."""

    def __init__(self, running: Installation) -> None:
        self.running = running
        self.web = Web(running.address, "", Path())
        self.secrets: dict[str, str | bytes] = {"password": PASSWORD, "mistyped password": WRONG, "header value": HEADER}
        self.handed_out: list[list[str]] = []
        self.said: list[tuple[str, bytes]] = []

    def keep(self, name: str, secret: str) -> str:
        """Remember a secret; of a signing secret its bytes too."""
        self.secrets[name] = secret
        if secret.startswith("whsec_"):
            self.secrets[f"{name}'s bytes"] = base64.b64decode(secret.removeprefix("whsec_") + "==")
        return secret

    def hear(self, answer: httpx.Response) -> httpx.Response:
        """Remember an answer that hands nothing out."""
        self.said.append(
            (f"{answer.request.method} {answer.request.url.path}", answer.content + str(answer.headers.multi_items()).encode())
        )
        return answer


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The main story, told once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("secrets") / "data"
    with listening() as receiver, installation(folder, port, CROSSDOCK_EGRESS_ALLOW="127.0.0.0/8") as running:
        told = Story(running)
        session = _set_up(told)
        partner = _sign_in_to_the_api(told)
        webhook_id = asyncio.run(_in_the_console(told, session, receiver.url))
        _over_the_api(told, partner, webhook_id)
        eventually(lambda: len(receiver.requests) >= 3)
        assert {received.headers["x-partner"] for received in receiver.requests} == {HEADER}
        _read_everything(told, partner)
        asyncio.run(_look_at_every_page(told, session))
        partner.http.close()
        yield told


def test_what_is_handed_out_travels_in_one_frame(story: Story):
    assert [len(frames) for frames in story.handed_out] == [1, 1, 1]


def test_no_secret_comes_back_in_an_answer_or_a_frame(story: Story):
    assert len(story.said) > 40
    assert leaks.traces(story.secrets, iter(story.said)) == []


def test_no_secret_is_in_a_log_a_command_line_or_the_pages(story: Story):
    assert leaks.traces(story.secrets, leaks.logs(story.running)) == []
    assert leaks.traces(story.secrets, leaks.processes(story.running)) == []
    assert leaks.traces(story.secrets, leaks.files(OUTPUT)) == []


def test_no_secret_is_in_the_database_or_in_redis(story: Story):
    folder = story.running.data_dir
    with story.running.redis() as redis:
        assert redis.dbsize()
        assert leaks.traces(story.secrets, leaks.redis_keys(redis)) == []
    names = {name for name, _ in leaks.files(folder)}
    assert {name for name in names if name.endswith("-wal")}
    assert {name for name in names if name.endswith(".aof")}
    assert leaks.traces(story.secrets, leaks.files(folder, but=frozenset({KEY_FILE}))) == []


def test_the_search_finds_what_is_there(story: Story):
    places = [("a file", b"..." + base64.b64encode(b"x" + PASSWORD.encode() + b"yz")), ("a log", json.dumps({"x": WRONG}).encode())]
    assert leaks.traces(story.secrets, iter(places)) == [
        "mistyped password as json in a log", "password as base64/1 in a file", "password as base64url/1 in a file"
    ]  # fmt: skip
    planted = 'planted "by" this test alone'
    with story.running.redis() as redis:
        redis.hset("planted", mapping={"x": planted})
        found = leaks.traces({"it": planted}, leaks.redis_keys(redis))
        redis.delete("planted")
    assert any(trace.startswith("it as raw in key b'planted'") for trace in found)
    assert leaks.traces({"link": story.secrets["set-up token"]}, iter([("ready", json.dumps(story.running.events("ready")).encode())]))


def _set_up(told: Story) -> str:
    link = told.running.events("ready")[0]["setup_link"]
    token = told.keep("set-up token", parse_qs(urlsplit(link).query)["token"][0])
    told.keep("own key", (told.running.data_dir / KEY_FILE).read_text().strip())
    wrong = {"token": token, "email": EMAIL, "name": "Ada", "password": "short", "workspace": "Acme"}
    assert "error=password" in _post(told, "/auth/setup", wrong).headers["location"]
    answer = _post(told, "/auth/setup", {**wrong, "password": PASSWORD})
    assert answer.headers["location"] == "/"
    told.keep("first session", cookies.read(answer.headers["set-cookie"]))
    told.hear(_post(told, "/auth/login", {"email": EMAIL, "password": WRONG, "next": "/settings/webhooks"}))
    answer = _post(told, "/auth/login", {"email": EMAIL, "password": PASSWORD})
    return told.keep("session", cookies.read(answer.headers["set-cookie"]))


def _post(told: Story, path: str, form: dict[str, str]) -> httpx.Response:
    return httpx.post(told.running.address + path, data=form)


def _sign_in_to_the_api(told: Story) -> Partner:
    stranger = Partner(told.running.address)
    told.hear(stranger.send("POST", "/auth/token", email=EMAIL, password=WRONG))
    first = stranger.call("POST", "/auth/token", email=EMAIL, password=PASSWORD)
    second = stranger.call("POST", "/auth/refresh", refresh_token=first["refresh_token"])
    third = stranger.call("POST", "/auth/refresh", refresh_token=second["refresh_token"])
    for number, pair in enumerate((first, second, third)):
        told.keep(f"access token {number}", pair["access_token"])
        told.keep(f"refresh token {number}", pair["refresh_token"])
    stranger.http.close()
    return Partner(told.running.address, third["access_token"])


async def _in_the_console(told: Story, session: str, url: str) -> str:
    async with tab(told.web, f"{cookies.NAME}={session}") as page:
        await page.send(find("new_key_state.create"), {"form": {"name": "Shop", "scope:events:write": "on"}}, path="/settings/api-keys/new")
        await _handed_out(told, page, "key from the console", "xdk_")
        form = {"url": url, "event:order.created": "on", "headers": f"X-Partner: {HEADER}", "name": "Partner"}
        await page.send(find("new_webhook_state.create"), {"form": form}, path="/settings/webhooks/new")
        await _handed_out(told, page, "signing secret from the console", "whsec_")
        await page.send(find("members_state.invite"), {"form": {"role": "viewer", "email": ""}}, path="/settings/members")
        await _handed_out(told, page, "invitation", "token=")
        await page.send(find("webhooks_state.load"), path="/settings/webhooks")
        await page.until(lambda seen: "whk_" in str(seen.deltas))
        return str(page.deltas).partition("whk_")[1] + str(page.deltas).partition("whk_")[2][:26]


async def _handed_out(told: Story, page: Tab, name: str, beginning: str) -> None:
    """Wait for what is handed out; keep it, and the frames that hold it."""
    await page.until(lambda seen: seen.was_told(beginning))
    text = json.dumps(page.events)
    rest = text.partition(beginning)[2]
    secret = rest[: next(index for index, letter in enumerate(rest) if not (letter.isalnum() or letter in "+/=_-"))]
    told.keep(name, secret if beginning == "token=" else beginning + secret)
    frames = [json.dumps(update) for update in page.updates]
    told.handed_out.append([frame for frame in frames if secret in frame])
    told.said += [(f"frame after {name}", frame.encode()) for frame in frames if secret not in frame]
    page.forget()


def _over_the_api(told: Story, partner: Partner, webhook_id: str) -> None:
    keep, hear = told.keep, told.hear
    made = partner.http.post("/api-keys", json={"name": "Script", "scopes": ["events:write"]}, headers={"Idempotency-Key": "make-it-once"})
    keep("key", made.json()["key"])
    hear(partner.http.post("/api-keys", json={"name": "Script", "scopes": ["events:write"]}, headers={"Idempotency-Key": "make-it-once"}))
    key_id = made.json()["id"]
    keep("rotated key", partner.call("POST", f"/api-keys/{key_id}/rotate", overlap_hours=1)["key"])
    in_address = keep("key in the address", partner.call("POST", f"/api-keys/{key_id}/regenerate")["key"])
    keep("rotated signing secret", partner.call("POST", f"/webhooks/{webhook_id}/rotate-secret", overlap_hours=1)["secret"])
    brought = "whsec_" + base64.b64encode(b"a secret of another system, 32 b").decode()
    keep("brought signing secret", brought)
    other = partner.call(
        "POST", "/webhooks", url="https://partner.example.com/h", events=["lead.*"], secret=brought, headers={"X-P": HEADER}
    )
    hear(partner.send("PATCH", f"/webhooks/{other['id']}", headers={"X-P": HEADER, "X-Q": HEADER}))
    hear(partner.send("PATCH", f"/webhooks/{other['id']}", headers={"X-P": HEADER + "\n"}))
    event = {"type": "order.created", "data": {"order_id": "4711"}}
    address = told.running.address
    for answer in (
        httpx.post(f"{address}/api/v1/events?api_key={in_address}", json=event),
        httpx.post(f"{address}/api/v1/events", json=event, headers={"X-API-Key": in_address}),
        httpx.post(f"{address}/api/v1/events", json=event, headers={"Authorization": f"Bearer {told.secrets['key from the console']}"}),
    ):
        assert answer.status_code == 202, answer.text
        hear(answer)
    unknown, broken = keep("key of elsewhere", tokens.new_api_key()), keep("broken key", in_address[:-12] + "0" * 12)
    for path in (
        f"/api/v1/events?api_key={unknown}",
        f"/api/v1/events?api_key={broken}",
        f"/api/v1/webhooks?api_key={in_address}",
        f"/api/v1/nothing?api_key={in_address}",
    ):
        hear(httpx.get(address + path))
    for token in (unknown, broken, in_address):
        hear(httpx.get(f"{address}/api/v1/webhooks", headers={"Authorization": f"Bearer {token}"}))
        hear(httpx.post(f"{address}/api/v1/events", content=b"{", headers={"Authorization": f"Bearer {token}"}))


def _read_everything(told: Story, partner: Partner) -> None:
    """Ask for whatever can be read: every list, and everything that a list names."""
    schema = httpx.get(f"{told.running.address}/api/openapi.json")
    told.hear(schema)
    paths = [path.removeprefix("/api/v1") for path, calls in schema.json()["paths"].items() if "get" in calls]
    known: dict[str, set[str]] = {}
    for path in sorted(paths, key=lambda path: path.count("{")):
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        if len(names) > 1:
            continue
        for value in known.get(names[0], set()) if names else [""]:
            answer = told.hear(partner.http.get(path.format(**{names[0]: value}) if names else path))
            kind = {
                "api-keys": "key_id",
                "webhooks": "webhook_id",
                "deliveries": "delivery_id",
                "events": "event_id",
                "requests": "request_id",
            }
            is_json = answer.headers.get("content-type", "").startswith("application/json")  # exports are not
            data = answer.json().get("data") if answer.is_success and is_json else None
            if not names and isinstance(data, list):
                known.setdefault(kind.get(path.rpartition("/")[2], "name"), set()).update(
                    str(row.get("id") or row.get("name")) for row in data[:20]
                )
    assert {"key_id", "webhook_id", "delivery_id", "event_id", "request_id"} <= known.keys()


async def _look_at_every_page(told: Story, session: str) -> None:
    for path in PAGES:
        async with tab(told.web, f"{cookies.NAME}={session}") as page:
            await page.send(f"{STATE}.hydrate_and_load", {"vars": {}, "hashes": []}, path=path)
            await page.send(find("door_state.load"), path="/login?next=/fence")
            await page.until(lambda seen: "/fence" in str(seen.deltas))
            await page.send(find("door_state.load"), path="/login?next=/another")
            await page.until(lambda seen: "/another" in str(seen.deltas))
            told.said += [(f"frame of {path}", json.dumps(update).encode()) for update in page.updates]
