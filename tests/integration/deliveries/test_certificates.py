"""Receivers whose certificates are not accepted: what is wrong with each is told with its date or names."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from backend.core.egress import EgressPolicy
from backend.core.egress_tls import read_certificate
from backend.deliveries import advice
from backend.deliveries.values import ErrorClass, Exchange
from tests.fakes import raw_receiver
from tests.integration.deliveries.exchanges import claim, failure, send
from tests.integration.deliveries.shifts import LOOPBACK

LONG_AGO, LAST_YEAR, FAR = (datetime(year, 11, 12, 10, 15, tzinfo=UTC) for year in (2001, 2025, 2095))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that the sender knows."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def context(issued: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(made)
    return made


def attempts(tls: ssl.SSLContext) -> tuple[Exchange, Exchange]:
    """What comes of a delivery with the certificate checked, and then of one without, to the same receiver."""
    with raw_receiver.running(tls=tls) as receiver:
        checked, unchecked = send(claim(receiver.url), claim(receiver.url, verify_ssl=False))
    assert (unchecked.error_class, unchecked.status_code, unchecked.body) == (None, 200, b"ok")
    assert unchecked.tls_ms is not None
    assert unchecked.tls_ms > 0
    assert len(receiver.received) == 1
    return checked, unchecked


def told(exchange: Exchange) -> tuple[str, str]:
    """The sentence and the advice of a TLS failure."""
    assert failure(exchange) is ErrorClass.TLS
    assert exchange.address == "127.0.0.1"
    return exchange.error or "", advice.advise(exchange.error_class, error=exchange.error) or ""


def test_a_known_authority_is_accepted(authority: trustme.CA):
    checked, _ = _both_accepted(context(authority.issue_cert("127.0.0.1")))
    assert checked.status_code == 200


def test_a_certificate_that_has_expired_is_told_with_its_date(authority: trustme.CA):
    checked, _ = attempts(context(authority.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LAST_YEAR)))
    error, step = told(checked)
    assert error == "The receiver's certificate was not accepted: it expired on 12 November 2025 10:15 UTC."
    assert step.startswith("The receiver's certificate has expired.")
    assert checked.total_ms > (checked.connect_ms or 0)


def test_a_certificate_of_the_future_is_told_with_its_date(authority: trustme.CA):
    checked, _ = attempts(context(authority.issue_cert("127.0.0.1", not_before=FAR, not_after=FAR + timedelta(days=9))))
    error, step = told(checked)
    assert error == "The receiver's certificate was not accepted: it is not yet valid, but from 12 November 2095 10:15 UTC."
    assert step.startswith("The receiver's certificate is not valid yet.")


def test_a_certificate_for_another_host_is_told_with_the_names_that_it_has(authority: trustme.CA):
    names = ["expired.test", "10.0.0.1", *(f"{letter}.test" for letter in "abcde")]
    checked, _ = attempts(context(authority.issue_cert(*names)))
    error, step = told(checked)
    assert "it is for expired.test, 10.0.0.1, a.test, b.test, c.test and 2 more, not for 127.0.0.1." in error
    assert step.startswith("The receiver's certificate is for another host name.")


def test_an_authority_that_is_not_known_is_told_unless_checks_are_off():
    checked, _ = attempts(context(trustme.CA().issue_cert("127.0.0.1")))
    error, step = told(checked)
    assert "unable to get local issuer certificate" in error
    assert "whole chain" in step


def test_a_self_signed_certificate_is_told_unless_checks_are_off(tmp_path: Path):
    checked, _ = attempts(_self_signed(tmp_path))
    error, step = told(checked)
    assert "self-signed certificate" in error
    assert "switch off certificate checks" in step


def test_a_receiver_that_hangs_when_its_certificate_is_looked_at_again_costs_no_more_than_the_timeout(authority: trustme.CA):
    tls = context(authority.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LAST_YEAR))

    async def run() -> Exchange:
        accepted: list[asyncio.StreamWriter] = []

        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.append(writer)
            if len(accepted) == 1:  # aiohttp's connection gets a handshake, the next one silence
                await writer.start_tls(tls)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            found = await asyncio.to_thread(lambda: send(claim(f"https://127.0.0.1:{port}/", timeout=1.5))[0])
        for writer in accepted:
            writer.transport.abort()
        assert len(accepted) == 2
        return found

    error, step = told(asyncio.run(run()))
    assert error == "The receiver's certificate was not accepted: certificate has expired."
    assert step.startswith("The receiver's certificate has expired.")


def test_no_certificate_is_read_from_where_the_policy_does_not_let_anybody_go(authority: trustme.CA):
    with raw_receiver.running(tls=context(authority.issue_cert("127.0.0.1"))) as receiver:
        read = [
            asyncio.run(read_certificate(policy, "127.0.0.1", receiver.port, "127.0.0.1", seconds=5))
            for policy in (LOOPBACK, EgressPolicy())
        ]
    assert [certificate and certificate.names for certificate in read] == [("127.0.0.1",), None]


def test_no_certificate_comes_from_where_nobody_listens_or_speaks_tls():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
    with raw_receiver.running() as receiver:
        for each in (port, receiver.port):
            assert asyncio.run(read_certificate(LOOPBACK, "127.0.0.1", each, "127.0.0.1", seconds=0.5)) is None


def _both_accepted(tls: ssl.SSLContext) -> tuple[Exchange, Exchange]:
    with raw_receiver.running(tls=tls) as receiver:
        first, second = send(claim(receiver.url), claim(receiver.url))
    assert (first.error_class, second.error_class) == (None, None)
    assert first.tls_ms is not None
    assert (second.dns_ms, second.connect_ms, second.tls_ms) == (None, None, None)
    return first, second


def _self_signed(folder: Path) -> ssl.SSLContext:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, LAST_YEAR, FAR).sign(key, hashes.SHA256())
    path = folder / "self-signed.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path)
    return tls
