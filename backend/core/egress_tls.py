"""What a server's certificate says, read through the guard: for telling what is wrong with one that was not accepted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from backend.core.egress import EgressBlocked, EgressPolicy

_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Certificate:
    """The dates between which a certificate is valid, and the host names and addresses that it is for."""

    valid_from: datetime
    valid_until: datetime
    names: tuple[str, ...]


async def read_certificate(policy: EgressPolicy, address: str, port: int, host: str, *, seconds: float) -> Certificate | None:
    """The certificate that the server at `address` shows for `host`, unverified; None if it cannot be had within `seconds`.

    Nothing is sent but the handshake, and only to an address that the policy permits.
    """
    try:
        policy.permitted(host, [address])
        async with asyncio.timeout(seconds):
            return _parsed(await _shown(address, port, host))
    except (OSError, EgressBlocked, ValueError, TypeError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None  # ValueError and TypeError: the server decides what is in it


async def _shown(address: str, port: int, host: str) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
        _, writer = await asyncio.open_connection(sock=opened, ssl=context, server_hostname=host)
    except BaseException:
        opened.close()
        raise
    try:
        session: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return session.getpeercert(binary_form=True) or b""
    finally:
        writer.transport.abort()


def _parsed(der: bytes) -> Certificate:
    certificate = x509.load_der_x509_certificate(der)
    names: list[str] = []
    with contextlib.suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(name.value) for name in found if isinstance(name, x509.DNSName | x509.IPAddress)]
    shown = tuple(name for name in names if name.isprintable() and 0 < len(name) <= _LONGEST_NAME)
    return Certificate(certificate.not_valid_before_utc, certificate.not_valid_after_utc, shown)
