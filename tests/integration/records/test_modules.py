"""Modules: defined and changed with every mistake told, asking before data is lost, and their records following."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import col, select

from backend.core import db
from backend.core.actor import Role
from backend.core.errors import Conflict, CrossdockError, Forbidden, Invalid, NotFound
from backend.event_types import service as event_types
from backend.models import AuditEntry, Module, Record, RecordUnique, RecordValue
from backend.records import chores, definition, jobs, modules, uniqueness
from backend.records import service as records
from backend.records.definitions import ModuleInput
from tests.factories import accounts
from tests.integration.records.steps import change, define, install, make, page, published, read, redefine, remove, titles
from tests.integration.records.test_records import at_once, count

pytestmark = pytest.mark.usefixtures("database", "redis")
SMALL: list[dict[str, Any]] = [{"name": "title", "type": "text"}, {"name": "note", "type": "text"}]


def fields_of(actor: Any, name: str = "things") -> list[dict[str, Any]]:
    with db.transaction() as session:
        return modules.describe(modules.get(session, actor=actor, name=name))["fields"]


def test_a_module_brings_its_three_event_types_and_says_so() -> None:
    actor = accounts.workspace()
    row = define(actor, "gl_entries", SMALL, label="Ledger")
    assert (row.singular, row.label) == ("gl_entry", "Ledger")
    with db.transaction() as session:
        known = {info.name: info for info in event_types.all_types(session, actor=actor)}
    assert {"gl_entry.created", "gl_entry.updated", "gl_entry.deleted"} <= known.keys()
    assert known["gl_entry.created"].sample == {
        "id": known["gl_entry.created"].sample["id"],
        "module": "gl_entries",
        "title": "Text",
        "note": "Text",
    }
    ((name, data),) = published(actor)
    assert (name, data["name"], data["fields"]) == ("module.created", "gl_entries", ["title", "note"])


def test_every_mistake_in_a_definition_is_told_at_once() -> None:
    actor = accounts.workspace()
    broken: list[dict[str, Any]] = [
        {"name": "id", "type": "text"},
        {"name": "First Name", "type": "txt"},
        {"name": "status", "type": "select"},
        {"name": "tags", "type": "multi-select", "options": ["a", "A"]},
        {"name": "title", "type": "text", "requird": True, "max_length": 0},
        {"name": "owner", "type": "reference", "module": "nowhere"},
        {"name": "flag", "type": "boolean", "unique": True},
        {"name": "amount", "type": "number", "default": "ten"},
    ]
    with pytest.raises(Invalid) as refused:
        define(actor, "webhooks", broken, singular="order", rules=[{"when": "becomes", "field": "x"}, {"when": "often"}])
    paths = {error.path for error in refused.value.errors}
    assert paths >= {
        "name", "singular", "fields[0].name", "fields[1].name", "fields[1].type", "fields[2].options", "fields[3].options[1]",
        "fields[4].requird", "fields[4].max_length", "fields[6].unique",
    }  # fmt: skip
    with pytest.raises(Invalid) as refused:
        define(
            actor,
            "ok",
            [broken[5], broken[7]],
            rules=[{"when": "created", "publish": "nothing.known"}, {"when": "created", "publish": "webhook.failing"}],
        )
    assert {error.path for error in refused.value.errors} == {
        "fields[0].module",
        "fields[1].default",
        "rules[0].publish",
        "rules[1].publish",
    }
    assert count(Module) == 0


def test_a_name_is_taken_once_even_at_the_same_moment() -> None:
    actor = accounts.workspace()
    results = at_once(6, lambda _index: define(actor, "things", SMALL))
    assert sum(isinstance(result, Conflict) for result in results) == 5
    assert count(Module) == 1
    with pytest.raises(Invalid, match="names the events of the module things"):
        define(actor, "thing", SMALL)


def test_renaming_a_field_with_data_asks_first_and_keeps_the_data() -> None:
    actor = accounts.workspace()
    define(actor, fields=[*SMALL, {"name": "code", "type": "text", "unique": True}])
    old = make(actor, title="One", note="kept", code="A")
    fields = [field | ({"name": "remark"} if field["name"] == "note" else {}) for field in fields_of(actor)]
    with pytest.raises(Conflict, match="Renaming note to remark would change 1 record"):
        redefine(actor, fields=fields)
    redefine(actor, fields=fields, confirm=True)
    assert read(actor, old["id"]) == {name: value for name, value in old.items() if name != "note"} | {"remark": "kept"}
    make(actor, title="Two", remark="new")
    assert titles(actor, remark="kept") == ["One"]
    assert titles(actor, sort="remark") == ["One", "Two"]
    with pytest.raises(Conflict):
        make(actor, title="Three", code="A")


def test_removing_a_field_with_data_asks_first_and_leaves_nothing_of_it() -> None:
    actor = accounts.workspace()
    define(actor, fields=[*SMALL, {"name": "code", "type": "text", "unique": True}])
    made = make(actor, title="One", note="to be forgotten", code="A")
    keep = [field for field in fields_of(actor) if field["name"] == "title"]
    with pytest.raises(Conflict, match=r"Removing note would delete its values in 1 record\. Removing code"):
        redefine(actor, fields=keep)
    redefine(actor, fields=keep, confirm=True)
    assert "note" not in read(actor, made["id"])
    with db.transaction() as session:
        assert "forgotten" not in session.exec(select(Record.body)).one()
        assert {value.field for value in session.exec(select(RecordValue)).all()} == {"", "title"}
        assert session.exec(select(RecordUnique)).all() == []
    redefine(actor, fields=[*keep, {"name": "note", "type": "number"}])
    assert read(actor, made["id"])["note"] is None
    assert change(actor, made["id"], note=5)["note"] == 5


def test_a_type_changes_only_to_one_that_the_values_are() -> None:
    actor = accounts.workspace()
    define(actor, fields=[*SMALL, {"name": "email", "type": "email"}])
    make(actor, title="One", email="ada@example.com")

    def with_type(name: str, kind: str) -> list[dict[str, Any]]:
        return [field | ({"type": kind} if field["name"] == name else {}) for field in fields_of(actor)]

    with pytest.raises(Conflict, match="title is a text field with values in 1 record, which are no number values"):
        redefine(actor, fields=with_type("title", "number"), confirm=True)
    redefine(actor, fields=with_type("email", "text"))
    redefine(actor, fields=with_type("note", "number"))
    assert titles(actor, email="ada@example.com") == ["One"]


def test_a_field_becomes_unique_only_if_its_values_are() -> None:
    actor = accounts.workspace()
    define(actor, fields=SMALL)
    for title in ("One", "One", "Two"):
        make(actor, title=title)
    unique = [field | {"unique": True} for field in fields_of(actor) if field["name"] == "title"]
    make(actor, title="ONE")  # a value of its own, though lists find it by the same key
    first, second = sorted(row.id for row in page(actor, title="One").data if row.document["title"] == "One")
    with pytest.raises(Conflict, match=f"title cannot be unique: records have the same value: {first} and {second}. Change them"):
        redefine(actor, fields=unique, confirm=True)
    change(actor, first, title="Three")
    redefine(actor, fields=unique, confirm=True)
    with pytest.raises(Conflict):
        make(actor, title="Two")
    redefine(actor, fields=[fields_of(actor)[0] | {"unique": False}])
    make(actor, title="Two")


def test_a_field_of_many_records_is_unique_at_once_and_their_values_are_claimed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uniqueness, "BATCH", 2)
    monkeypatch.setattr(chores, "_AT_ONCE", 1)
    actor = accounts.workspace()
    define(actor, fields=SMALL)
    made = [make(actor, title=f"{number}")["id"] for number in range(7)]
    make(actor, note="without a title")
    unique = [fields_of(actor)[0] | {"unique": True}, fields_of(actor)[1]]
    row = redefine(actor, fields=unique)
    assert (count(RecordUnique), uniqueness.becoming(row)) == (2, ["title"])
    with pytest.raises(Conflict, match=f"the record {made[6]} has this value already"):
        make(actor, title="6")
    with pytest.raises(Conflict, match=f"the record {made[5]} has this value already"):
        change(actor, made[6], title="5")
    with db.transaction(write=True) as session:
        found = records.upsert(session, actor=actor, module="things", by="title", values={"title": "6", "note": "found"})
    assert (found.id, found.created) == (made[6], False)
    change(actor, made[4], title="four")
    make(actor, title="4")
    with db.transaction(write=True) as session:  # one batch more: what is there is claimed once
        chores.step(session, session.exec(select(Module)).one())
    remove(actor, made[3])
    jobs.tidy()
    with db.transaction() as session:
        row = session.exec(select(Module)).one()
        assert (row.chores, uniqueness.becoming(row)) == ([], [])
        assert {each.record_id for each in session.exec(select(RecordUnique)).all()} == {
            record.id for record in page(actor).data if record.document["title"] is not None
        }
    make(actor, title="3")
    redefine(actor, fields=[unique[0] | {"unique": False}, unique[1]])
    make(actor, title="3")
    with pytest.raises(Conflict, match="Try again in a few seconds"):
        redefine(actor, fields=unique)
    jobs.tidy()
    assert count(RecordUnique) == 0


def test_values_that_only_the_walk_finds_to_be_alike_leave_the_field_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uniqueness, "BATCH", 2)
    monkeypatch.setattr(uniqueness, "_SCANNED", 3)
    monkeypatch.setattr(chores, "_AT_ONCE", 1)
    actor = accounts.workspace()
    define(actor, fields=SMALL)
    made = [make(actor, title=title)["id"] for title in ("1", "2", "3", "4", "5", "5")]
    assert redefine(actor, fields=[fields_of(actor)[0] | {"unique": True}, fields_of(actor)[1]]).fields[0]["unique"]
    jobs.tidy()
    assert not fields_of(actor)[0]["unique"]
    assert count(RecordUnique) == 0
    with db.transaction() as session:
        entry = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
    assert entry is not None
    assert entry.action == "module.updated"
    assert f"{made[4]} and {made[5]}" in (entry.reason or "")
    make(actor, title="5")


def test_many_records_follow_a_change_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "BATCH", 3)
    monkeypatch.setattr(chores, "_AT_ONCE", 1)
    actor = accounts.workspace()
    define(actor, fields=SMALL)
    for number in range(10):
        make(actor, title=f"{number}", note="old")
    redefine(actor, fields=[fields_of(actor)[0], {"name": "amount", "type": "number"}], confirm=True)
    with pytest.raises(Conflict, match="prepared to be sorted by amount"):
        page(actor, sort="amount")
    change(actor, page(actor, title="4").data[0].id, amount=4)
    make(actor, title="10", amount=10)
    jobs.tidy()
    assert titles(actor, sort="-amount")[:2] == ["10", "4"]
    assert len(titles(actor, sort="amount")) == 11
    with db.transaction() as session:
        assert not any("old" in body for body in session.exec(select(Record.body)).all())
        assert session.exec(select(Module.chores)).one() == []
        assert {value.field for value in session.exec(select(RecordValue)).all()} == {"", "title", "amount"}


def test_deleting_a_module_with_records_asks_first_and_takes_them_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "BATCH", 2)
    actor = accounts.workspace()
    define(actor, fields=SMALL)
    for number in range(12):
        make(actor, title=f"{number}")

    def delete(*, confirm: bool) -> None:
        with db.transaction(write=True) as session:
            modules.delete(session, actor=actor, name="things", confirm=confirm)

    with pytest.raises(Conflict, match="12 records"):
        delete(confirm=False)
    delete(confirm=True)
    with pytest.raises(NotFound):
        page(actor)
    with db.transaction() as session:
        assert "thing.created" not in event_types.known_names(session, actor.workspace_id)
    define(actor, fields=SMALL)
    make(actor, title="New")
    jobs.tidy()
    assert (count(Module), count(Record)) == (1, 1)
    assert titles(actor) == ["New"]
    with db.transaction() as session:
        assert "thing.created" in event_types.known_names(session, actor.workspace_id)


def test_a_change_that_is_sent_back_as_it_was_read_changes_nothing() -> None:
    actor = accounts.workspace()
    install(actor, "crm")
    with db.transaction() as session:
        shown = modules.describe(modules.get(session, actor=actor, name="tasks"))
    before = published(actor)
    row = redefine(actor, "tasks", **{part: shown[part] for part in (*modules.CHANGEABLE, "name")})
    assert row.revision == 1
    assert published(actor) == before
    with pytest.raises(Invalid, match="name: of a module cannot change"):
        redefine(actor, "tasks", name="jobs")


@pytest.mark.parametrize("name", ["crm", "erp", "social", "restaurant"])
def test_a_starter_set_is_installed_once_and_leaves_what_is_there(name: str) -> None:
    actor = accounts.workspace()
    with db.transaction() as session:
        found = {one.name: (one, there) for one, there in modules.list_starter_sets(session, actor=actor)}
    assert found[name][1] == frozenset()
    mine = found[name][0].modules[0].name
    define(actor, mine, SMALL)
    for _ in range(2):
        with db.transaction(write=True) as session:
            done = modules.install(session, actor=actor, name=name)
    assert done.made == ()
    assert set(done.kept) == {one.name for one in found[name][0].modules}
    assert [field["name"] for field in fields_of(actor, mine)] == ["title", "note"]


def test_who_may_define() -> None:
    owner = accounts.workspace()
    with db.transaction(write=True) as session:
        support = accounts.member(session, owner.workspace_id, Role.SUPPORT)
    for refused in (support, accounts.key_actor(owner.workspace_id, "modules:read", "records:manage")):
        with pytest.raises(Forbidden):
            define(refused, fields=SMALL)
    define(accounts.key_actor(owner.workspace_id, "modules:write"), fields=SMALL)
    with db.transaction() as session:
        assert [row.name for row in modules.all_modules(session, actor=support)] == ["things"]


def test_records_are_written_by_the_definition_in_force() -> None:
    """Whoever writes while a field becomes unique either comes first and is counted, or is refused."""
    actor = accounts.workspace()
    define(actor, fields=SMALL)
    make(actor, title="One")

    def work(index: int) -> Any:
        if index == 0:
            return redefine(actor, fields=[{"name": "title", "type": "text", "unique": True}])
        return make(actor, title="One")

    results = at_once(4, work)
    with db.transaction() as session:
        is_unique = definition.of(session, actor.workspace_id, "things").fields[0].unique
        there = session.exec(select(RecordUnique)).all()
    assert len(there) == (1 if is_unique else 0)
    assert is_unique == (sum(isinstance(result, CrossdockError) for result in results) == 3)


def test_another_workspace_has_its_own_modules_of_the_same_name() -> None:
    first, second = accounts.workspace("First"), accounts.workspace("Second")
    define(first)
    made = make(first, title="Theirs", email="a@example.com")
    define(second, fields=SMALL)
    define(second, "pointers", [{"name": "to_thing", "type": "reference", "module": "things"}])
    assert titles(second) == []
    for attempt in (lambda: read(second, made["id"]), lambda: change(second, made["id"], title="x")):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(Invalid, match="refers to no record of things"):
        make(second, "pointers", to_thing=made["id"])
    assert read(first, made["id"]) == made
    with db.transaction(write=True) as session:
        modules.create(
            session, actor=second, input=ModuleInput(name="contacts", fields=[{"name": "email", "type": "email", "unique": True}])
        )
    assert make(second, "contacts", email="a@example.com")["email"] == "a@example.com"
