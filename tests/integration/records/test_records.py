"""Records: made, changed, upserted and deleted, with everything by which they are found, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import func, select

from backend.core import db, ids
from backend.core.actor import Role
from backend.core.errors import Conflict, CrossdockError, Forbidden, Invalid, NotFound, TooLarge
from backend.models import AuditEntry, Record, RecordUnique, RecordValue
from backend.records import service as records
from tests.factories import accounts
from tests.integration.records.steps import change, define, install, make, page, published, read, remove

pytestmark = pytest.mark.usefixtures("database", "redis")


def count(table: Any) -> int:
    with db.transaction() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def at_once(number: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work` returns or raises, called by so many threads at the same moment."""
    results: list[Any] = [None] * number
    barrier = threading.Barrier(number)

    def run(index: int) -> None:
        barrier.wait()
        try:
            results[index] = work(index)
        except CrossdockError as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_record_is_read_as_it_was_written_with_defaults_and_null_for_the_rest() -> None:
    actor = accounts.workspace()
    define(actor)
    first = make(
        actor, title="First", amount=10.0, due_at="2026-01-31T10:30:00+01:00", email="Ada@Example.com", tags=["blue", "RED", "blue"]
    )
    made = make(actor, title="Second", parent=first["id"], extra={"a": [1, None]}, isOpen=False, day="2026-02-28")
    assert first == {
        "id": first["id"], "module": "things", "title": "First", "amount": 10, "is_open": True, "day": None,
        "due_at": "2026-01-31T09:30:00.000Z", "email": "ada@example.com", "site": None, "phone": None, "status": "open",
        "tags": ["blue", "red"], "parent": None, "extra": None, "created_at": first["created_at"], "updated_at": first["created_at"],
    }  # fmt: skip
    assert ids.is_id(first["id"], "rec")
    assert (made["parent"], made["extra"], made["is_open"], made["day"]) == (first["id"], {"a": [1, None]}, False, "2026-02-28")
    assert read(actor, made["id"]) == made
    assert [one.document for one in page(actor).data] == [made, first]


def test_every_mistake_is_told_at_once_and_no_value_is_repeated() -> None:
    actor = accounts.workspace()
    define(actor)
    with pytest.raises(Invalid) as refused:
        make(actor, amount="ten", day="31.1.2026", email="secret-value", status="opne", tittle="x", parent=ids.new("rec"), id="rec_1")
    found = {error.path: (error.message, error.fix) for error in refused.value.errors}
    assert found.keys() == {"amount", "day", "email", "status", "tittle", "parent", "id", "title"}
    assert found["title"][0] == "is required."
    assert found["status"][1] == "Did you mean open?"
    assert found["tittle"][1] == "Did you mean title?"
    assert "secret-value" not in str(refused.value)
    assert count(Record) == 0


def test_a_change_keeps_what_is_not_sent_and_null_empties() -> None:
    actor = accounts.workspace()
    define(actor)
    made = make(actor, title="One", amount=1, email="a@example.com")
    changed = change(actor, made["id"], amount=2, email=None)
    assert changed == {**made, "amount": 2, "email": None, "updated_at": changed["updated_at"]}
    assert change(actor, **{**changed, "record_id": changed["id"], "title": "Two"})["title"] == "Two"
    with pytest.raises(Invalid, match="title: is required"):
        change(actor, made["id"], title=None)
    make(actor, title="Other", email="a@example.com")  # the value is free again


def test_a_change_that_changes_nothing_says_nothing() -> None:
    actor = accounts.workspace()
    define(actor)
    made = make(actor, title="One")
    before = published(actor)
    assert change(actor, made["id"], title="One") == made
    assert published(actor) == before


def test_deleting_leaves_nothing_behind() -> None:
    actor = accounts.workspace()
    define(actor)
    made = make(actor, title="One", email="a@example.com", tags=["red"])
    change(actor, made["id"], title="Another one", tags=["green", "blue"], email="b@example.com")
    assert count(RecordValue) > 0
    remove(actor, made["id"])
    assert [count(table) for table in (Record, RecordValue, RecordUnique)] == [0, 0, 0]
    with pytest.raises(NotFound):
        read(actor, made["id"])
    with pytest.raises(NotFound):
        remove(actor, made["id"])


def test_of_fifty_creates_of_the_same_unique_value_one_succeeds() -> None:
    actor = accounts.workspace()
    define(actor)
    results = at_once(50, lambda index: make(actor, title=f"No. {index}", email="same@example.com"))
    made = [result for result in results if isinstance(result, dict)]
    assert len(made) == 1
    refused = [result for result in results if isinstance(result, Conflict)]
    assert len(refused) == 49
    assert all(made[0]["id"] in error.detail and "email" in error.detail and "same@" not in error.detail for error in refused)
    assert (count(Record), count(RecordUnique)) == (1, 1)
    assert [name for name, _ in published(actor) if name == "record.created"] == ["record.created"]


def test_upserts_at_the_same_moment_make_one_record_and_lose_no_change() -> None:
    actor = accounts.workspace()
    define(actor)
    fields = [{"amount": 1}, {"phone": "+44 20 7946 0123"}, {"site": "https://example.com"}, {"day": "2026-01-31"}, {"status": "done"}]

    def upsert(index: int) -> records.RecordInfo:
        values = {"title": "One", "email": "SAME@example.com", **fields[index % len(fields)]}
        with db.transaction(write=True) as session:
            return records.upsert(session, actor=actor, module="things", by="email", values=values)

    results = at_once(20, upsert)
    assert [result for result in results if isinstance(result, CrossdockError)] == []
    assert sum(result.created for result in results) == 1
    (only,) = page(actor).data
    for part in fields:
        assert part.items() <= only.document.items()


def test_an_upsert_needs_a_unique_field_its_value_and_to_only_update_a_match() -> None:
    actor = accounts.workspace()
    define(actor)

    def upsert(by: str, *, may_create: bool = True, **values: Any) -> None:
        with db.transaction(write=True) as session:
            records.upsert(session, actor=actor, module="things", by=by, values=values, may_create=may_create)

    with pytest.raises(Invalid, match="no unique field"):
        upsert("title", title="One")
    with pytest.raises(Invalid, match="email: is missing"):
        upsert("email", title="One")
    with pytest.raises(Invalid, match="no record of things has"):
        upsert("email", may_create=False, title="One", email="a@example.com")
    assert count(Record) == 0


def test_the_same_moment_changes_of_two_fields_are_both_kept() -> None:
    actor = accounts.workspace()
    define(actor)
    made = make(actor, title="One")
    values: list[dict[str, Any]] = [{"amount": 7}, {"phone": "+44 1234"}]
    at_once(2, lambda index: change(actor, made["id"], **values[index]))
    assert (read(actor, made["id"])["amount"], read(actor, made["id"])["phone"]) == (7, "+44 1234")


def test_a_record_that_is_too_large_is_refused() -> None:
    actor = accounts.workspace()
    define(actor, fields=[{"name": "title", "type": "text"}, *({"name": f"t{n}", "type": "text"} for n in range(20))])
    with pytest.raises(TooLarge, match="102,400"):
        make(actor, **{f"t{number}": "x" * 9000 for number in range(20)})


def test_who_may_do_what() -> None:
    owner = accounts.workspace()
    define(owner)
    install(owner)
    made = make(owner, title="One")
    with db.transaction(write=True) as session:
        support = accounts.member(session, owner.workspace_id, Role.SUPPORT)
    assert read(support, made["id"])["title"] == "One"
    for refused in (
        lambda: make(support, title="Two"),
        lambda: change(support, made["id"], title="x"),
        lambda: remove(support, made["id"]),
    ):
        with pytest.raises(Forbidden):
            refused()
    reader = accounts.key_actor(owner.workspace_id, "things:read")
    assert read(reader, made["id"])
    with pytest.raises(Forbidden) as told:
        page(reader, "contacts")
    assert told.value.required_scopes == ("contacts:read", "contacts:manage", "records:read", "records:manage")
    with pytest.raises(Forbidden):
        make(reader, title="Two")
    for scopes in ("things:write", "records:write", "things:manage", "records:manage"):
        make(accounts.key_actor(owner.workspace_id, scopes), title="Two")
    remove(accounts.key_actor(owner.workspace_id, "records:delete"), made["id"])


def test_the_audit_trail_names_the_fields_but_not_their_values() -> None:
    actor = accounts.workspace()
    define(actor)
    made = make(actor, title="A secret title", email="ada@example.com")
    change(actor, made["id"], email="eve@example.com")
    remove(actor, made["id"])
    with db.transaction() as session:
        query = select(AuditEntry).where(AuditEntry.target_kind == "record").order_by(AuditEntry.id)
        entries = session.exec(query).all()
    assert [entry.action for entry in entries] == ["record.created", "record.updated", "record.deleted"]
    assert entries[1].after == {"module": "things", "fields": ["email"]}
    assert "example.com" not in str([entry.model_dump() for entry in entries])
