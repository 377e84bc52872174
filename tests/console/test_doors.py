"""What the web process answers to a browser before any script runs."""

from __future__ import annotations

import httpx
import pytest

from console.build import OUTPUT
from tests.console.conftest import Web, signed_in
from tests.factories import accounts


@pytest.mark.parametrize("page", ["/", "/settings/api-keys", "/settings/webhooks/whk_01", "/settings/deliveries?status=dead"])
def test_a_stranger_is_led_to_sign_in_and_back(web: Web, page: str) -> None:
    accounts.workspace()
    answer = httpx.get(f"{web.address}{page}")
    assert answer.status_code == 303
    target = answer.headers["location"]
    assert target == "/login" if page == "/" else target.startswith("/login?next=/settings/")


def test_a_page_is_never_stored_and_runs_only_our_scripts(web: Web) -> None:
    answer = httpx.get(f"{web.address}/settings/webhooks", headers={"Cookie": signed_in(accounts.workspace())})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "http" not in policy.replace(web.address.removeprefix("http://"), "")


def test_the_page_of_one_thing_is_a_page_and_an_unknown_path_is_none(web: Web) -> None:
    headers = {"Cookie": signed_in(accounts.workspace())}
    assert httpx.get(f"{web.address}/settings/deliveries/dlv_1", headers=headers).status_code == 200
    assert httpx.get(f"{web.address}/settings/nothing/here", headers=headers).status_code == 404


def test_built_files_are_kept_for_good_and_carry_no_address(web: Web) -> None:
    (settings,) = OUTPUT.glob("assets/reflex-env-*.js")
    answer = httpx.get(f"{web.address}/assets/{settings.name}")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "location.origin" in answer.text
    assert "://" not in answer.text


@pytest.mark.parametrize("path", ["/_health", "/_upload", "/_all_routes", "/_upload/x", "/__spa-fallback"])
def test_what_the_framework_would_tell_strangers_is_not_there(web: Web, path: str) -> None:
    assert httpx.get(f"{web.address}{path}").status_code == 404


def test_the_api_is_behind_the_same_port_and_answers_for_itself(web: Web) -> None:
    answer = httpx.get(f"{web.address}/api/v1/nothing")
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert "access-control-allow-origin" not in httpx.get(f"{web.address}/ping", headers={"Origin": "https://elsewhere.example"}).headers


def test_who_is_signed_in_does_not_see_the_door(web: Web) -> None:
    answer = httpx.get(f"{web.address}/login", headers={"Cookie": signed_in(accounts.workspace())})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
