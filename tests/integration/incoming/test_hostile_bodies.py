"""Whatever somebody posts: no answer is a 500, no request is lost, and every rejection names its reason."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core import clock, db, ids
from backend.core.committing import Group
from backend.core.errors import Conflict
from backend.incoming import health, intake, replaying
from backend.incoming.intake import Answer
from backend.incoming.processing import REJECTED
from backend.incoming.storage import Arrival
from tests.integration.incoming import steps
from tests.integration.incoming.steps import Post

pytestmark = pytest.mark.usefixtures("database", "redis")

# A sixth of the profile's examples, each of so many bodies: 640 on each database, with `--hypothesis-profile=search` 20,000.
GROUP = 40
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

odd_text = st.text(st.characters(codec=None) | st.sampled_from('\0\ud800\udfff\ufeff\u202e\U0001f389é{}[]"\\,:'), max_size=20)
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**30), 2**63, 2**64, 1e308, 5e-324, -0.0])
values = st.recursive(
    st.none() | st.booleans() | numbers | odd_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(odd_text, inner, max_size=5),
    max_leaves=15,
)
fields = st.sampled_from(["email", "name", "amount", "anything", "id", "type", "items", "password"])
people = st.fixed_dictionaries(
    {"email": st.sampled_from(["ada@example.com", "bob@example.com", "no address"]) | values, "name": odd_text | values},
    optional={"amount": numbers | values, "anything": values, "id": odd_text | numbers},
)


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _doubled(value: Any) -> bytes:
    inner = _encoded(value)[1:-1].decode("utf-8", "surrogatepass")
    return ("{" + inner + "," + inner + "}").encode("utf-8", "surrogatepass")


def _nested(depth: int, *, around: bool) -> bytes:
    return b'{"email":"deep@example.com","name":"x","anything":' * around + b"[" * depth + b"]" * depth + b"}" * around


bodies = st.one_of(
    st.tuples(st.just(JSON), people.map(_encoded)),
    st.tuples(st.just(JSON), people.map(_doubled)),
    st.tuples(st.just(JSON), values.map(_encoded)),
    st.tuples(st.just(JSON), people.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))),
    st.tuples(st.just(JSON), people.map(lambda value: _encoded(value).replace(b"e", b"\xff"))),
    st.tuples(st.just(JSON), st.builds(_nested, st.sampled_from([5, 50, 200, 900, 1020, 5000, 100_000]), around=st.booleans())),
    st.tuples(st.sampled_from([JSON, "", "text/plain", "application/xml", "multipart/form-data", "\xff"]), st.binary(max_size=60)),
    st.tuples(st.just(FORM), st.lists(st.tuples(fields, st.text(max_size=10)), max_size=8).map(lambda pairs: urlencode(pairs).encode())),
    st.tuples(st.just(FORM), st.binary(max_size=60)),
)


def _arrival(token: str, media: str, body: bytes) -> Arrival:
    return Arrival(token, "POST", "", (("content-type", media),), body, "203.0.113.7", ids.new("req"), clock.now())


def _check(answer: Answer | BaseException) -> None:
    """What is said of a request is an outcome, or a reason with a sentence."""
    assert isinstance(answer, Answer), answer
    if answer.outcome.status == REJECTED:
        assert answer.outcome.error is not None
        assert 400 <= answer.outcome.error.status < 500, answer.outcome
        assert answer.outcome.reason
        assert answer.outcome.reason != "internal"
        assert str(answer.outcome.sentence).rstrip().endswith((".", "`.", "?")) or answer.outcome.sentence, answer.outcome.sentence


def test_thousands_of_hostile_bodies_lose_nothing_and_break_nothing() -> None:
    owner = steps.people()
    mapping = {"email": "email", "name": "name", "amount": "amount", "anything": "anything"}
    listed = [
        {"source": "items[*].{email: email, name: name}", "target": "anything"},
        {"source": "name", "target": "name", "transform": ["trim", "text"], "default": "x"},
    ]
    tokens = [
        steps.make(owner, field_mapping=mapping)[1],
        steps.make(owner, field_mapping=mapping, verification={"scheme": "none", "dedupe": "id"})[1],
        steps.make(owner, field_mapping=listed, action="create")[1],
        steps.make(owner, field_mapping=mapping, items="items")[1],
    ]
    sent: list[str] = []

    @settings(
        max_examples=settings().max_examples // 6,
        suppress_health_check=[
            *settings().suppress_health_check,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
            HealthCheck.function_scoped_fixture,
        ],
    )
    @given(st.lists(st.tuples(bodies, st.sampled_from(tokens)), min_size=GROUP, max_size=GROUP))
    def post(group: list[tuple[tuple[str, bytes], str]]) -> None:
        arrivals = [_arrival(token, media, body) for (media, body), token in group]
        answers = intake.take_all(Group(arrivals))
        assert len(answers) == len(arrivals)
        for answer in answers:
            _check(answer)
            assert isinstance(answer, Answer)
            sent.append(answer.request_id)

    post()
    kept = steps.stored(owner)
    assert {row.id for row in kept} == set(sent)
    assert len(sent) == len(set(sent)) >= 10 * GROUP
    assert not [row for row in kept if row.status == "received" or (row.status == REJECTED and not (row.reason and row.sentence))]
    assert {"accepted", "rejected"} <= {row.status for row in kept}


def test_hostile_bodies_over_http_are_answered_with_problems() -> None:
    owner = steps.people()
    webhook, token = steps.make(owner)
    cases = [
        (JSON, b"[" * 100_000), (JSON, b'{"a":' + b"9" * 6000 + b"}"), (JSON, b'{"email":"\\ud800","name":"\\u0000"}'), (JSON, b"\xff\xfe"),
        (JSON, b""), (FORM, b"a=%ff"), ("multipart/form-data", b"x"), (JSON, b'{"email":"ada@example.com","name":{"a":[[]]}}'), (JSON, b"[1,2]"),
    ]  # fmt: skip

    async def post_all(post: Post) -> None:
        answers = await asyncio.gather(*(post(token, body, {"content-type": media}) for media, body in cases))
        for answer in answers:
            assert 400 <= answer.status_code < 500, answer.text
            assert answer.json()["detail"]
        large = await post(token, b"x" * (1024 * 1024 + 1))
        assert large.status_code == 413

    steps.talk(post_all)
    rows = steps.stored(owner)
    assert [row.status for row in rows] == ["rejected"] * (len(cases) + 1)
    assert (rows[-1].reason, rows[-1].size, rows[-1].verified, len(rows[-1].sealed) < 2000) == ("too_large", 1024 * 1024 + 1, False, True)
    with db.transaction(write=True) as session:
        assert health.health(session, actor=owner, incoming_id=webhook.id).rejected["too_large"] == 1
        assert replaying.replay_failed(session, actor=owner, incoming_id=webhook.id, since=rows[0].created_at, dry_run=True) == len(cases)
        assert replaying.rehearse(session, actor=owner, incoming_id=webhook.id)[0].sentence == rows[-1].sentence
        with pytest.raises(Conflict, match="Have the source send it again"):
            replaying.replay(session, actor=owner, incoming_id=webhook.id, request_id=rows[-1].id)
