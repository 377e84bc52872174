"""Where a secret may have come to lie, and in which guises: what is searched after a story."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import quote, quote_plus

from redis import Redis

from tests.acceptance.installation import Installation


def guises(secret: str | bytes) -> dict[str, bytes]:
    """A secret as it could stand in a file: raw, hex, base64 at each alignment, URL-encoded, escaped for JSON."""
    raw = secret.encode() if isinstance(secret, str) else secret
    found = {"raw": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode()}
    for offset in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            encoded = encode(b"\0" * offset + raw).rstrip(b"=")
            found[f"{name}/{offset}"] = encoded[(offset * 8 + 5) // 6 : -1]  # without what the neighbours have a part in
    if isinstance(secret, str):
        found["url"], found["form"] = quote(secret, safe="").encode(), quote_plus(secret).encode()
        found["json"] = json.dumps(secret)[1:-1].encode()
        found["json in json"] = json.dumps(json.dumps(secret)[1:-1])[1:-1].encode()
        found["python"] = repr(secret)[1:-1].encode()
        found["utf-16"] = secret.encode("utf-16-le")
    return found


def traces(secrets: dict[str, str | bytes], places: Iterator[tuple[str, bytes]]) -> list[str]:
    """Each `secret as guise in place` that is found."""
    wanted = [(name, guise, needle) for name, secret in secrets.items() for guise, needle in guises(secret).items()]
    return sorted({f"{name} as {guise} in {place}" for place, content in places for name, guise, needle in wanted if needle in content})


def files(folder: Path, *, but: frozenset[str] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, those named in `but` left out."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in but:
            yield str(path.relative_to(folder)), path.read_bytes()


def redis_keys(redis: Redis) -> Iterator[tuple[str, bytes]]:
    """Every key with its value, as they are and as Redis would save them."""
    readers = {
        b"string": redis.get, b"hash": redis.hgetall, b"set": redis.smembers, b"zset": lambda key: redis.zrange(key, 0, -1),
        b"list": lambda key: redis.lrange(key, 0, -1), b"stream": redis.xrange,
    }  # fmt: skip
    for key in redis.scan_iter():
        reader = readers.get(cast("bytes", redis.type(key)))
        yield f"key {key!r}", key + repr(reader(key) if reader else None).encode() + (redis.dump(key) or b"")


def logs(installation: Installation) -> Iterator[tuple[str, bytes]]:
    """Every line that any process has written, but the one that hands out the set-up link."""
    for number, line in enumerate(list(installation.lines)):
        if line.get("event") != "ready":
            yield f"line {number}", json.dumps(line, ensure_ascii=False).encode() + json.dumps(line).encode()


def processes(installation: Installation) -> Iterator[tuple[str, bytes]]:
    """What anybody on the machine sees of the processes."""
    for process in installation.descendants():
        yield f"process {process.name()}", " ".join(process.cmdline()).encode()
