"""Every scheme accepts what its vendor signs, and refuses everything else with a sentence about the step that failed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.incoming import schemes
from backend.incoming.verification import Verdict
from tests.unit.incoming.sources import NOW, SOURCES, STANDARD, URL, Source, b64, check, judged, mac, request

BODY = b'{"id":1,"name":"\xc3\xa9"}'
EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.scheme)
# A source whose signature covers the body only by a hash in the address says nothing of a body otherwise.
OF_BODIES = pytest.mark.parametrize("source", [each for each in SOURCES if each.scheme != "twilio"], ids=lambda source: source.scheme)
TIMED = pytest.mark.parametrize("source", [each for each in SOURCES if each.timed], ids=lambda source: source.scheme)
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
TWILIO = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = {"content-type": "application/x-www-form-urlencoded"}
CALL = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
# Vectors that vendors publish in their documentation or their own libraries' tests, and RFC 4231; the rest made by their rules.
VECTORS = {
    "standard webhooks": (
        "standard_webhooks",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        request(
            {
                "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "webhook-timestamp": "1614265330",
                "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            },
            b'{"test": 2432232314}',
            at=1614265330,
        ),
        {},
    ),
    "github": (
        "github",
        "It's a Secret to Everybody",
        request({"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}, b"Hello, World!"),
        {},
    ),
    "slack": (
        "slack",
        "8f742231b10e8888abcd99yyyzzz85a5",
        request(
            {
                "x-slack-request-timestamp": "1531420618",
                "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            },
            SLACK_BODY,
            at=1531420618,
        ),
        {},
    ),
    "twilio form": ("twilio", "12345", request({**FORM, "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, CALL, url=TWILIO), {}),
    "twilio json": (
        "twilio",
        "12345",
        request(
            {"x-twilio-signature": "a9nBmqA0ju/hNViExpshrM61xv4="},
            b'{"property": "value", "boolean": true}',
            url=TWILIO + "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
        ),
        {},
    ),
    "twilio repeated": (
        "twilio",
        "12345",
        request(
            {**FORM, "x-twilio-signature": "IK+Dwps556ElfBT0I3Rgjkr1wJU="},
            b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
            url="https://mycompany.com/myapp.php?foo=1&bar=2",
        ),
        {},
    ),
    "sha512": (
        "hmac",
        "Convoy",
        request(
            {"x-sig": "gzBjgvU2HTU1HW3kWZjyO1L0C8+Wvv5OkvE3wPG/SnEZOIsjjY+dUCrHfm8aiEmkd4JyZn7YjVMMrIBQvR/uLQ=="}, b"Test Payload Body"
        ),
        {"header": "x-sig", "algorithm": "sha512", "encoding": "base64"},
    ),
    "rfc 4231, case 2": (
        "hmac",
        "Jefe",
        request({"x-sig": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}, b"what do ya want for nothing?"),
        {"header": "x-sig"},
    ),
    "shopify": ("shopify", "hush", request({"x-shopify-hmac-sha256": "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="}, b'{"id":1}'), {}),
    "xero": ("xero", "hush", request({"x-xero-signature": "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="}, b'{"id":1}'), {}),
    "uber eats": (
        "uber_eats",
        "client-secret",
        request({"x-uber-signature": "95d6daa8142c82b073f20475ff2946080dd82451327eef826d9318f6a65afd60"}, b'{"id":1}'),
        {},
    ),
    "deliveroo": (
        "deliveroo",
        "hush",
        request(
            {
                "x-deliveroo-sequence-guid": "guid-1",
                "x-deliveroo-hmac-sha256": "de4afb224753e117f137320e6fa30c2dec32f9b217ae7ef7701bcad10b6f4886",
            },
            b'{"id":1}',
        ),
        {},
    ),
    "hubspot": (
        "hubspot",
        "client-secret",
        request(
            {
                "x-hubspot-request-timestamp": "1614265330000",
                "x-hubspot-signature-v3": "zxKVOBYikO8tBnZms61I5phTLZH58RZVvUi1teI9mWc=",
            },
            b'{"id":1}',
            url="https://example.com/hs",
            at=1614265330,
        ),
        {},
    ),
}


def failed(verdict: Verdict) -> tuple[str, str]:
    assert verdict.failed is not None
    assert verdict.failed.text.endswith((".", "`."))
    return verdict.failed.name, verdict.failed.text


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_vectors_are_accepted_and_no_byte_may_change(name: str) -> None:
    scheme, secret, received, settings = VECTORS[name]
    assert check(scheme, (secret,), received, **settings).failed is None
    assert failed(check(scheme, (secret + "x",), received, **settings))[0] in {"signature", "secret"}
    if name not in {"twilio form", "twilio repeated"}:
        changed = request(list(received.headers), received.body + b" ", url=received.urls[0], at=received.at)
        assert failed(check(scheme, (secret,), changed, **settings))[0] == "signature"


@EACH
def test_what_a_source_signs_is_accepted(source: Source) -> None:
    for body in (BODY, b"", b'{"emoji":"\xf0\x9f\x8e\x89"}'):
        assert judged(source, source.sign(source.secret, body, NOW), body).failed is None


@EACH
def test_another_secret_is_refused(source: Source) -> None:
    other = STANDARD[:-4] + "AAA=" if source.scheme == "standard_webhooks" else source.secret + "x"
    assert failed(judged(source, source.sign(other, BODY, NOW), BODY))[0] == "signature"


@EACH
def test_either_of_two_secrets_will_do_while_a_source_changes_them(source: Source) -> None:
    other = STANDARD[:-4] + "AAA=" if source.scheme == "standard_webhooks" else source.secret + "x"
    for secret in (source.secret, other):
        assert judged(source, source.sign(secret, BODY, NOW), BODY, secrets=(source.secret, other)).failed is None


@OF_BODIES
def test_a_changed_byte_is_refused(source: Source) -> None:
    name, text = failed(judged(source, source.sign(source.secret, BODY, NOW), BODY.replace(b"1", b"2")))
    assert (name, "changed" in text) == ("signature", True)


@OF_BODIES
def test_white_space_that_was_added_is_told_as_such(source: Source) -> None:
    name, text = failed(judged(source, source.sign(source.secret, BODY, NOW), BODY + b"\n"))
    assert name == "signature"
    assert "white space" in text


@TIMED
@pytest.mark.parametrize(("late", "is_taken"), [(300, True), (301, False), (-300, True), (-301, False), (86_400, False)])
def test_a_time_beyond_five_minutes_is_refused_either_way(source: Source, late: int, *, is_taken: bool) -> None:
    verdict = judged(source, source.sign(source.secret, BODY, NOW), BODY, at=NOW + late)
    if is_taken:
        assert verdict.failed is None
    else:
        name, text = failed(verdict)
        assert name == "freshness"
        assert ("ago" if late > 0 else "in the future") in text


@EACH
def test_a_missing_header_is_refused_by_its_name(source: Source) -> None:
    headers = source.sign(source.secret, BODY, NOW)
    for missing in [name for name in headers if name not in {"x-github-delivery", "content-type"}]:
        name, text = failed(judged(source, {each: value for each, value in headers.items() if each != missing}, BODY))
        assert (name, missing in text) == ("headers", True)
        assert failed(judged(source, {**headers, missing: ""}, BODY))[0] == "headers"


@EACH
def test_a_repeated_header_is_refused(source: Source) -> None:
    headers = [*source.sign(source.secret, BODY, NOW).items()]
    name, text = failed(judged(source, [*headers, (source.header, "0" * 64)], BODY))
    assert name == "headers"
    assert "2 times" in text


@EACH
def test_a_signature_in_another_encoding_is_refused(source: Source) -> None:
    headers = source.sign(source.secret, BODY, NOW)
    value = headers[source.header]
    for wrong in (value[:-3], "x" + value, value + "00", value.replace("=", "%3D") + "!", "ä" * 20):
        assert failed(judged(source, {**headers, source.header: wrong}, BODY))[0] in {"format", "timestamp", "signature", "headers"}


def test_the_wrong_encoding_is_named() -> None:
    digest = hashlib.sha256(b"x")
    name, text = failed(
        check("github", ("s",), request({"x-hub-signature-256": "sha256=" + base64.b64encode(digest.digest()).decode()}, BODY))
    )
    assert (name, "written in base64" in text) == ("format", True)
    name, text = failed(check("shopify", ("s",), request({"x-shopify-hmac-sha256": digest.hexdigest()}, BODY)))
    assert (name, "written in hex" in text) == ("format", True)


def test_the_usual_mistakes_are_told_apart() -> None:
    stripe = next(source for source in SOURCES if source.scheme == "stripe")
    body_alone = {"stripe-signature": f"t={NOW},v1={hashlib.sha256().hexdigest()}"}
    assert failed(judged(stripe, body_alone, BODY))[0] == "signature"
    assert failed(check("stripe", (), request(stripe.sign("s", BODY, NOW), BODY))) == (
        "secret",
        "No secret is stored for this source. Add the one that it signs with.",
    )
    standard = next(source for source in SOURCES if source.scheme == "standard_webhooks")
    assert failed(judged(standard, standard.sign(standard.secret, BODY, NOW), BODY, secrets=("not base64 !",)))[0] == "secret"


def test_svix_names_are_the_standard_ones() -> None:
    standard = next(source for source in SOURCES if source.scheme == "standard_webhooks")
    headers = {name.replace("webhook-", "svix-"): value for name, value in standard.sign(standard.secret, BODY, NOW).items()}
    assert judged(standard, headers, BODY).failed is None
    assert failed(judged(standard, [*headers.items(), ("webhook-id", "msg_2")], BODY))[0] == "headers"


def test_twilio_signs_with_and_without_the_port() -> None:
    twilio = next(source for source in SOURCES if source.scheme == "twilio")
    received = request(twilio.sign(twilio.secret, BODY, NOW), BODY)
    both = type(received)("POST", (URL.replace(".com", ".com:443"), URL), received.headers, BODY, NOW)
    assert check("twilio", (twilio.secret,), both).failed is None


def test_twilio_without_a_hash_of_its_body_signs_forms_alone() -> None:
    signed = {"x-twilio-signature": b64(mac("tw", URL.encode(), "sha1"))}
    assert "nothing signs it" in failed(check("twilio", ("tw",), request(signed, BODY)))[1]
    assert check("twilio", ("tw",), request(signed, b"")).failed is None


def test_a_secret_of_no_bytes_signs_nothing() -> None:
    standard = next(source for source in SOURCES if source.scheme == "standard_webhooks")
    assert failed(judged(standard, standard.sign("whsec_", BODY, NOW), BODY, secrets=("whsec_",)))[0] == "secret"


def test_a_body_is_hashed_once_however_many_signatures_a_stranger_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []
    digest = hmac.digest
    monkeypatch.setattr(hmac, "digest", lambda key, message, name: hashed.append(message) or digest(key, message, name))
    many = "t=1757000000," + ",".join(f"v1={number:064x}" for number in range(31))
    body = b" " + BODY + b"\n"
    assert failed(check("stripe", ("c2VjcmV0", "b3RoZXI="), request({"stripe-signature": many}, body)))[0] == "signature"
    assert len(hashed) <= 12


def test_basic_authentication() -> None:
    def sent(text: bytes) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(text).decode()}

    assert check("basic", ("p:w",), request(sent(b"ada:p:w"), BODY), username="ada").failed is None
    assert failed(check("basic", ("pw",), request(sent(b"ada:other"), BODY), username="ada"))[0] == "signature"
    assert failed(check("basic", ("pw",), request(sent(b"bob:pw"), BODY), username="ada"))[0] == "signature"
    assert failed(check("basic", ("pw",), request({}, BODY), username="ada"))[0] == "headers"
    for wrong in ("Bearer abc", "Basic !!", "Basic " + base64.b64encode(b"nocolon").decode(), "Basic"):
        assert failed(check("basic", ("pw",), request({"authorization": wrong}, BODY), username="ada"))[0] == "format"


def test_a_header_that_holds_the_secret() -> None:
    settings = {"header": "X-Gitlab-Token"}
    assert check("header", ("s3",), request({"x-gitlab-token": "s3"}, BODY), **settings).failed is None
    assert failed(check("header", ("s3",), request({"x-gitlab-token": "s4"}, BODY), **settings))[0] == "signature"
    assert failed(check("header", ("s3",), request([("x-gitlab-token", "s3"), ("x-gitlab-token", "s3")], BODY), **settings))[0] == "headers"
    assert check("header", ("s3",), request({"authorization": "Key s3"}, BODY), header="Authorization", prefix="Key ").failed is None
    assert failed(check("header", ("s3",), request({"authorization": "s3"}, BODY), header="Authorization", prefix="Key "))[0] == "format"


@EACH
@given(st.dictionaries(st.sampled_from(["", "a", "x-hub-signature-256", "stripe-signature"]), st.text()), st.data())
def test_hostile_headers_raise_nothing(source: Source, noise: dict[str, str], data: st.DataObject) -> None:
    alphabet = st.text(st.sampled_from(string.printable + "äÿ\0\ud800,=v1ts0 "), max_size=60)
    names = [*source.sign(source.secret, BODY, NOW), "content-type", "authorization"]
    headers = {name: data.draw(alphabet) for name in names} | noise
    body = data.draw(st.binary(max_size=40))
    verdict = judged(source, headers, body)
    assert verdict.failed is not None


def test_settings_of_a_scheme_are_checked() -> None:
    def wrong(**document: object) -> list[tuple[str, str]]:
        return [(error.path, error.message) for error in schemes.parse(document)[2]]

    assert wrong(scheme="githbu") == [("verification.scheme", "'githbu' is no scheme.")]
    assert wrong(scheme="hmac") == [("verification.header", "is needed by the scheme hmac.")]
    assert wrong(scheme="hmac", header="X", algorithm="md5")[0][0] == "verification.algorithm"
    assert wrong(scheme="hmac", header="X Y")[0][0] == "verification.header"
    assert wrong(scheme="hmac", header="X", signed="{timestamp}")[0] == (
        "verification.signed", "leaves out the body, so anybody could change it."
    )  # fmt: skip
    assert wrong(scheme="hmac", header="X", signed="{body}{what}")[0][0] == "verification.signed"
    assert wrong(scheme="github", header="X")[0][0] == "verification.header"
    assert wrong(scheme="stripe", tolerance=0)[0][0] == "verification.tolerance"
