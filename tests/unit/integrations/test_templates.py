"""Templates are filled once: what is filled in is never a template. Paths lead where they say."""

from __future__ import annotations

import pytest

from backend.core.errors import Invalid
from backend.integrations import catalogue, fields, paging, schedule, templates, writing
from backend.integrations.entry import Call, Incremental, Paging, Sync


def test_what_is_filled_in_is_no_template() -> None:
    values = {"text": "{client_secret}", "client_secret": "s3cret"}
    assert templates.fill("say {text}", values) == "say {client_secret}"
    assert templates.fill_document({"a": "{text}", "b": ["{text}!"]}, values) == {"a": "{client_secret}", "b": ["{client_secret}!"]}


def test_unknown_values_leave_their_member_out_and_stop_an_address() -> None:
    call = Call.model_validate(
        {"url": "https://{host|example.com}/x", "query": {"page": "{page}", "limit": "5"}, "headers": {"X": "{nothing}"}}
    )
    made = templates.request(call, {})
    assert (made.url, dict(made.query), dict(made.headers)) == ("https://example.com/x", {"limit": "5"}, {})
    with pytest.raises(templates.Unknown, match="host"):
        templates.request(Call(url="https://{host}/"), {})


def test_a_header_carries_no_line_break() -> None:
    made = templates.request(Call(url="https://example.com", headers={"X-A": "{value}"}), {"value": "a\r\nX-Evil: 1"})
    assert made.headers == {"X-A": "aX-Evil: 1"}


@pytest.mark.parametrize(
    ("path", "found"),
    [("a.b.1", 2), ("a.b", [1, 2]), ("a.none", None), ("@odata~next", "x"), ("a.b.9", None), ("list.*.n", 1), ("@odata~next.*", None)],
)
def test_paths_lead_where_they_say(path: str, found: object) -> None:
    assert templates.dig({"a": {"b": [1, 2]}, "@odata.next": "x", "list": [{"n": 1}, {"n": 2}]}, path) == found


def test_what_a_provider_says_can_be_stored() -> None:
    assert templates.dig_first({"id": "a\0b"}, ("id",)) == "a\ufffdb"


def spec(**paging_of: object) -> Sync:
    """A sync with this way from page to page."""
    call = Call(url="https://example.com/items")
    return Sync(
        resource="items", label="Items", module="items", call=call, id=("id",), columns=(), paging=Paging.model_validate(paging_of),
        incremental=Incremental(),
    )  # fmt: skip


def following(sync: Sync, place: paging.Place, document: object, ids: list[str]) -> paging.Place | None:
    """The place after a page."""
    return paging.after(sync, place, document, ids, url="https://example.com/items", ids=ids).next


def test_pages_follow_each_other_until_the_last() -> None:
    by_cursor = spec(kind="cursor", next="next")
    first = following(by_cursor, paging.Place(), {"next": "c2"}, ["1"])
    assert first is not None
    assert first.page == "c2"
    assert following(by_cursor, first, {"next": ""}, ["2"]) is None
    by_offset = spec(kind="offset", first=0, size=2)
    second = following(by_offset, paging.Place(page=0), {}, ["1", "2"])
    assert second is not None
    assert second.page == 2
    assert following(by_offset, second, {}, ["3"]) is None
    by_link = spec(kind="link", next="next")
    linked = following(by_link, paging.Place(), {"next": "/items?page=2"}, ["1"])
    assert linked is not None
    assert linked.url == "https://example.com/items?page=2"


def test_a_provider_that_gives_the_same_page_again_has_no_further_one() -> None:
    by_offset = spec(kind="offset", first=0, size=2)
    first = following(by_offset, paging.Place(page=0), {}, ["1", "2"])
    assert first is not None
    assert following(by_offset, first, {}, ["1", "2"]) is None


def test_a_place_is_the_same_after_it_was_stored() -> None:
    place = paging.Place(page=0, number=2, since="2026-01-01T00:00:00+00:00", counted={"seen": 0})
    assert paging.Place(**place.document()) == place


def test_tokens_are_refreshed_ahead_by_their_life() -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 11, 22, tzinfo=UTC)
    margins = {300: 60, 1800: 360, 3600: 720, 43_200: 900, 60: 30}
    for life, margin in margins.items():
        ends = now + timedelta(seconds=life)
        assert schedule.refresh_at("rotating", ends, now) == ends - timedelta(seconds=margin), life
    assert schedule.refresh_at("never", now, now) is None
    assert schedule.refresh_at("stable", None, now) is None
    waits = [(schedule.retry_at(failures, None, now) - now).total_seconds() for failures in (1, 2, 5, 50)]
    assert waits == [15, 30, 240, 1800]
    assert (schedule.retry_at(1, 90, now) - now).total_seconds() == 90


def test_an_object_goes_only_with_its_variable_and_what_is_emptied_is_sent_as_the_provider_takes_it() -> None:
    phones = {"phones": [{"$if": "phone", "value": "{phone}"}], "name": "{name}"}
    assert templates.fill_document(phones, {"phone": "1", "name": "Ada"}) == {"phones": [{"value": "1"}], "name": "Ada"}
    emptied = templates.fill_document(phones, {"phone": templates.EMPTY, "name": templates.EMPTY})
    assert templates.emptied(emptied, None) == {"phones": [], "name": None}


@pytest.mark.parametrize(("amount", "currency", "minor"), [(12.5, "EUR", 1250), (900, "jpy", 900), (1.234, "KWD", 1234), (0.1, "USD", 10)])
def test_amounts_are_counted_in_the_smallest_unit(amount: float, currency: str, minor: int) -> None:
    assert writing.in_minor_units(amount, currency) == minor


def test_an_amount_that_the_currency_does_not_have_is_refused() -> None:
    with pytest.raises(writing.Unfit, match="more digits"):
        writing.in_minor_units(1.005, "EUR")


def test_a_required_setting_may_be_left_out_of_a_change_but_not_emptied() -> None:
    entry = catalogue.get("custom")
    auth = entry.auth_of("oauth2")
    assert fields.sort_out(entry, auth, {"issuer": ""}, is_whole=False).config == {"issuer": None}
    with pytest.raises(Invalid) as wrong:
        fields.sort_out(entry, auth, {"token_address": ""}, is_whole=False)
    assert [each.path for each in wrong.value.errors] == ["token_address"]


def test_a_setting_that_is_wrong_is_not_called_missing_as_well() -> None:
    entry = catalogue.get("stripe")
    with pytest.raises(Invalid) as wrong:
        fields.sort_out(entry, entry.auth_of("api_key"), {"api_key": "hello"})
    assert [(each.path, each.message) for each in wrong.value.errors] == [("api_key", "does not look like one. One looks like rk_live_….")]
