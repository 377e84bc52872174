"""The egress address table, and which URLs may be sent to at all."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.egress_rules import UrlRefused, parse_url, verdict

BLOCKED = {
    "this network": ["0.0.0.0", "0.1.2.3", "::ffff:0.0.0.1"],
    "private": [
        "10.0.0.0",
        "10.254.0.0",
        "10.255.255.255",
        "172.16.10.65",
        "172.31.255.255",
        "192.168.10.65",
        "::ffff:10.0.0.1",
    ],
    "carrier-grade NAT": ["100.64.0.0", "100.100.0.0", "100.127.255.255", "::ffff:100.64.0.1"],
    "loopback": ["127.0.0.0", "127.0.0.1", "127.0.0.254", "127.254.254.254", "::1", "::ffff:127.0.0.1"],
    "link-local": ["169.254.0.0", "169.254.45.1", "169.254.170.2", "fe80::dead:beef", "febf:ffff::dead:beef", "fe80::1%eth0"],
    "cloud metadata": [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
    ],
    "protocol assignments": ["192.0.0.0", "192.0.0.255", "2001:1::1", "2001:3::1", "2001:4:112::1", "2001:1ff:ffff::1"],
    "documentation": [
        "192.0.2.0",
        "192.0.2.255",
        "198.51.100.65",
        "203.0.113.6",
        "2001:db8::1",
        "3fff::dead:beef",
        "3fff:fff:ffff::1",
        "::ffff:192.0.2.1",
    ],
    "6to4 relay": ["192.88.99.3"],
    "AS112": ["192.31.196.1", "192.175.48.1", "2620:4f:8000::1"],
    "AMT": ["192.52.193.1"],
    "benchmarking": ["198.18.0.0", "198.19.255.255", "2001:2::1"],
    "multicast": ["224.0.0.0", "224.1.2.3", "233.252.0.16", "239.255.255.255", "ff00::1", "ff02::1", "ffff::1"],
    "reserved": ["240.0.0.0", "240.240.240.240", "255.255.255.254", "1::1", "200::1", "4000::1", "8000::1", "fbff::1", "::1:0:0:0"],
    "broadcast": ["255.255.255.255", "::ffff:255.255.255.255"],
    "unspecified": ["::", "::0"],
    "IPv4-compatible": ["::127.0.0.1", "::8.8.8.8", "::2"],
    "unique local": ["fc00::1", "fdee:3a45:9057::1", "fd7a:115c:a1e0::1", "fdff:ffff::1"],
    "site-local": ["fec0::1", "feff::1"],
    "NAT64": ["64:ff9b::c0a8:0", "64:ff9b::808:808", "64:ff9b::7f00:1", "64:ff9b:1::dead:beef"],
    "6to4": ["2002:c000:204::dead:beef", "2002:c0a8:1::dead:beef", "2002:808:808::1", "2002:7f00:1::"],
    "Teredo": ["2001::1", "2001:0:53aa:64c::f5ff:fffe", "2001:0:7f00:1::"],
    "ORCHID": ["2001:10::1", "2001:1f:ffff::1", "2001:20::1", "2001:2f:ffff::1"],
    "ISATAP": ["2a00:1450::5efe:10.0.0.1", "2a00:1450::200:5efe:8.8.8.8"],
    "discard": ["100::1", "100::1:2:3:4"],
    "dummy": ["100:0:0:1::1"],
    "segment routing": ["5f00::dead:beef"],
}
ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "3ffe:ffff::1",
]


@pytest.mark.parametrize(("rule", "address"), [(rule, address) for rule in BLOCKED for address in BLOCKED[rule]])
def test_special_addresses_are_blocked_by_the_rule_that_names_them(rule: str, address: str) -> None:
    decision = verdict(address)
    assert not decision.allowed
    assert decision.rule.startswith(rule + " (")


@pytest.mark.parametrize("address", ALLOWED)
def test_public_addresses_are_allowed_up_to_the_edges(address: str) -> None:
    decision = verdict(address)
    assert decision.allowed
    assert decision.rule == "public address"


@given(st.ip_addresses(v=4).filter(lambda ip: not ip.is_global))
def test_nothing_that_the_standard_library_calls_special_is_allowed_in_ipv4(ip: ipaddress.IPv4Address) -> None:
    assert not verdict(ip).allowed


@given(st.ip_addresses(v=6).filter(lambda ip: not ip.is_global))
def test_nothing_that_the_standard_library_calls_special_is_allowed_in_ipv6(ip: ipaddress.IPv6Address) -> None:
    assert not verdict(ip).allowed


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_judged_as_what_it_maps(ip: ipaddress.IPv4Address) -> None:
    assert verdict(f"::ffff:{ip}") == verdict(ip)


@given(st.ip_addresses(v=4))
def test_every_other_embedded_form_is_blocked(ip: ipaddress.IPv4Address) -> None:
    high, low = divmod(int(ip), 65536)
    for text in (f"::{ip}", f"64:ff9b::{ip}", f"2002:{high:x}:{low:x}::1", f"2001:0:{high:x}:{low:x}::"):
        assert not verdict(text).allowed


def test_a_network_that_the_operator_names_wins() -> None:
    allow = [ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8")]
    assert verdict("10.1.2.3", allow).allowed
    assert "CROSSDOCK_EGRESS_ALLOW (10.1.0.0/16)" in verdict("10.1.2.3", allow).rule
    assert verdict("::ffff:10.1.2.3", allow).allowed
    assert verdict("fd00::1", allow).allowed
    assert not verdict("10.2.0.1", allow).allowed
    assert not verdict("127.0.0.1", allow).allowed


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4.5"])
def test_text_that_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        verdict(text)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("https://example.com", "example.com", 443, "/"),
        ("HTTP://Example.COM/Path?q=1#f", "example.com", 80, "/Path"),
        ("https://example.com:8443/a/b", "example.com", 8443, "/a/b"),
        ("https://b\u00fccher.example/x", "xn--bcher-kva.example", 443, "/x"),
        ("http://[2606:4700::1111]:8080/", "2606:4700::1111", 8080, "/"),
        ("http://8.8.8.8/", "8.8.8.8", 80, "/"),
        ("http://my_service.internal/", "my_service.internal", 80, "/"),
        ("http://localhost./", "localhost.", 80, "/"),
        ("http://\uff18.8.8.8/", "8.8.8.8", 80, "/"),
    ],
)
def test_the_target_of_a_url(url: str, host: str, port: int, path: str) -> None:
    target = parse_url(url)
    assert (target.host, target.port, target.path) == (host, port, path)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "https://"),
        ("example.com", "https://"),
        ("ftp://example.com", "https://"),
        ("file:///etc/passwd", "https://"),
        ("gopher://127.0.0.1:70/", "https://"),
        ("javascript:alert(1)", "https://"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://user@example.com/", "user name or password"),
        ("https://user:secret@example.com/", "user name or password"),
        ("https://good.example@127.0.0.1/", "user name or password"),
        ("https://exa mple.com/", "space"),
        ("https://example.com/\r\nHost: x", "control character"),
        ("https://example.com\\@127.0.0.1/", "backslash"),
        ("\thttps://example.com/", "control character"),
        ("https://example.com:0/", "Port 0"),
        ("https://example.com:65536/", "cannot be read"),
        ("https://example.com:x/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://[example.com]/", "cannot be read|IPv6"),
        ("https://[fe80::1%25eth0]/", "zone|cannot be read|IPv6"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://0x7f.1/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://0177.0.0.1/", "four decimal numbers"),
        ("http://127.0.0.1./", "four decimal numbers"),
        ("http://1.2.3.4.5/", "four decimal numbers"),
        ("http://example.0x1/", "four decimal numbers"),
        ("http://\uff11\uff12\uff17.1/", "four decimal numbers"),
        ("http://a..b/", "not valid"),
        ("http://-a.example/", "not valid"),
        ("http://a%2eb/", "not valid"),
        ("http://exa$mple/", "not valid"),
        ("http://" + "a" * 64 + ".example/", "not valid"),
        ("http://" + "a." * 130 + "example/", "not valid"),
        ("http://\u2024\u2024.example/", "valid"),
        ("https://example.com/" + "x" * 2048, "2048"),
    ],
)
def test_unusable_urls_are_refused_with_what_to_write(url: str, says: str) -> None:
    with pytest.raises(UrlRefused, match=says):
        parse_url(url)


def test_https_can_be_required() -> None:
    with pytest.raises(UrlRefused, match="plain http"):
        parse_url("http://example.com/", require_https=True)
    assert parse_url("https://example.com/", require_https=True).scheme == "https"


@given(st.text(max_size=40))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://{text}/x", f"http://a:{text}/"):
        try:
            target = parse_url(url)
        except UrlRefused:
            continue
        assert target.host.isascii()
        assert target.host == target.host.lower()
        assert 0 < target.port < 65536
