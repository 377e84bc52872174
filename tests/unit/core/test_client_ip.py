"""The caller's address behind proxies."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.client_ip import resolve

PROXIES = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "::1/128", "fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "127.0.0.1, 198.51.100.7", "198.51.100.7"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("fd00::5", "[2001:DB8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "198.51.100.7:51234", "198.51.100.7"),
        ("10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("::ffff:203.0.113.9", "198.51.100.7", "203.0.113.9"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, , 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "1.2.3.4, garbage, 198.51.100.7", "198.51.100.7"),
        ("", "1.2.3.4", ""),
        ("/run/app.sock", "1.2.3.4", "/run/app.sock"),
    ],
)
def test_the_right_most_address_that_no_trusted_proxy_wrote_about_itself(peer: str, forwarded: str, expected: str) -> None:
    assert resolve(peer, forwarded, PROXIES) == expected


def test_without_trusted_proxies_the_header_is_never_read() -> None:
    assert resolve("10.0.0.1", "1.2.3.4", ()) == "10.0.0.1"


@given(st.lists(st.ip_addresses().map(str) | st.text(max_size=10)))
def test_what_a_caller_claims_never_wins_over_what_the_proxy_saw(claims: list[str]) -> None:
    claimed = ", ".join(claim.replace(",", "") for claim in [*claims, "198.51.100.7"])
    assert resolve("10.0.0.1", claimed, PROXIES) == "198.51.100.7"


@given(st.text(), st.text())
def test_any_text_is_survived(peer: str, forwarded: str) -> None:
    assert isinstance(resolve(peer, forwarded, PROXIES), str)
