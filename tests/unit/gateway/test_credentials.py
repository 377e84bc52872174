"""What a request presents, judged by its shape."""

from __future__ import annotations

import pytest

from backend.core import tokens
from backend.core.errors import Unauthenticated
from backend.gateway.credentials import Credential, Kind, read, without_key

# The same in every process that runs tests, since the names of tests hold them.
KEY, OTHER = (body + tokens.checksum(body) for body in ("xdk_" + "A" * 46, "xdk_" + "B" * 46))


@pytest.mark.parametrize(
    ("authorization", "header", "query", "found"),
    [
        (None, None, b"", None),
        (None, None, b"a=1&b=api_key", None),
        (f"Bearer {KEY}", None, b"", Credential(Kind.KEY, KEY)),
        (f"  BEARER   {KEY}  ", None, b"", Credential(Kind.KEY, KEY)),
        (None, KEY, b"", Credential(Kind.KEY, KEY)),
        (None, None, f"x=1&api_key={KEY}".encode(), Credential(Kind.KEY, KEY, in_query=True)),
        (None, None, f"apiKey={KEY}".encode(), Credential(Kind.KEY, KEY, in_query=True)),
        (f"Bearer {KEY}", OTHER, f"api_key={OTHER}".encode(), Credential(Kind.KEY, KEY)),
        (None, KEY, f"api_key={OTHER}".encode(), Credential(Kind.KEY, KEY)),
        ("Bearer a.b.c", None, b"", Credential(Kind.ACCESS_TOKEN, "a.b.c")),
    ],
)
def test_the_authorization_header_comes_first_and_the_query_last(
    authorization: str | None, header: str | None, query: bytes, found: Credential | None
):
    given = [text.encode() if text is not None else None for text in (authorization, header)]
    assert read(given[0], given[1], query) == found


@pytest.mark.parametrize(
    "text",
    ["Bearer", "Bearer ", "Basic eA==", KEY, f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", "Bearer a.b", "Bearer " + "a." * 2 + "b" * 5000],
)
def test_what_nobody_was_given_is_refused_without_looking_it_up(text: str):
    with pytest.raises(Unauthenticated) as refused:
        read(text.encode(), None, b"")
    assert refused.value.reason == "malformed"
    assert KEY[8:-1] not in refused.value.detail


def test_an_access_token_is_not_taken_from_the_query():
    with pytest.raises(Unauthenticated):
        read(None, None, b"api_key=a.b.c")


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        (b"api_key=x", b""),
        (b"a=1&api_key=x&b=2&apiKey=y", b"a=1&b=2"),
        (b"a=api_key", b"a=api_key"),
    ],
)
def test_the_key_is_taken_out_of_the_query(query: bytes, rest: bytes):
    assert without_key(query) == rest
