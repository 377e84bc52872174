"""The URL tester: every address that a URL leads to, and the rule that decides."""

from __future__ import annotations

import pytest

from backend.core.errors import Invalid
from backend.settings import settings
from backend.webhooks import service


def test_a_literal_address_is_judged_by_its_rule():
    (found,) = service.check_url("https://10.1.2.3/hook")
    assert (found.address, found.allowed) == ("10.1.2.3", False)
    assert "private" in found.rule
    (public,) = service.check_url("http://93.184.216.34:8080/")
    assert public.allowed


def test_every_address_of_a_name_is_shown():
    found = service.check_url("http://localhost:9000/hook")
    assert {each.address for each in found} <= {"127.0.0.1", "::1"}
    assert found
    assert not any(each.allowed for each in found)
    assert all("loopback" in each.rule for each in found)


def test_an_allowed_network_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CROSSDOCK_EGRESS_ALLOW", "10.1.0.0/16")
    settings.cache_clear()
    (found,) = service.check_url("https://10.1.2.3/hook")
    assert found.allowed
    assert "10.1.0.0/16" in found.rule


def test_our_own_receiver_is_allowed_and_nothing_else_of_ours():
    (own,) = service.check_url("http://127.0.0.1:8000/receiver/rcv_abc")
    assert (own.allowed, own.rule) == (True, "our own receiver")
    (other,) = service.check_url("http://127.0.0.1:8000/api/v1/webhooks")
    assert not other.allowed


@pytest.mark.parametrize("url", ["", "ftp://example.com", "https://user@example.com/", "https://nowhere.invalid/"])
def test_what_leads_nowhere_is_said(url: str):
    with pytest.raises(Invalid) as refused:
        service.check_url(url)
    assert [error.path for error in refused.value.errors] == ["url"]


def test_plain_http_is_refused_where_https_is_required(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CROSSDOCK_REQUIRE_HTTPS", "on")
    settings.cache_clear()
    with pytest.raises(Invalid, match="https://"):
        service.check_url("http://93.184.216.34/")
    assert service.check_url("https://93.184.216.34/")
    assert service.check_url("http://127.0.0.1:8000/receiver/rcv_abc")[0].allowed
