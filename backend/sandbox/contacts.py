"""The sandbox's contacts as its API writes them: made, changed and deleted, kept over the made-up ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from backend.core import clock, ids
from backend.models import SandboxAccount, SandboxItem
from backend.sandbox import data

KIND: Final = "contact"
FIELDS: Final = ("first_name", "last_name", "full_name", "email", "phone", "company")


class Refused(Exception):
    """The API does not do that: a status, a word and a sentence."""

    def __init__(self, status: int, word: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.word, self.sentence = status, word, sentence


def page(session: Session, account: SandboxAccount, **asked: Any) -> dict[str, Any]:
    """A page of contacts, as `data.contacts` says."""
    return data.contacts(account, _written(session, account), **asked)


def find(session: Session, account: SandboxAccount, email: str) -> dict[str, Any]:
    """The contacts with a mail address, as a page."""
    number = data.number_of(email)
    made_up = [_read(session, account, f"sbc_{number:05d}")] if 0 < number <= account.contacts else []
    rows = session.exec(_items(account).where(col(SandboxItem.body)["email"].as_string() == email)).all()
    every = {str(each["id"]): each for each in [*made_up, *(dict(row.body) for row in rows)] if each is not None}
    found = [_shown(each) for each in every.values() if each.get("email") == email and not each.get("deleted")]
    return {"contacts": found, "total": len(found), "next_page_token": None}


def make(session: Session, account: SandboxAccount, body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Make a contact; with the key of a request that was answered already, that answer again. Raises `Refused`."""
    fields = _checked(body)
    told = hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()
    identifier = f"sbi_{hashlib.sha256(f'{account.workspace_id}:{key}'.encode()).hexdigest()[:26]}" if key else ids.new("sbi")
    there = session.get(SandboxItem, identifier)
    if there is not None:
        if there.body.get("_sent") != told:
            raise Refused(400, "idempotency_error", "This key came with other contents before.")
        return _shown(there.body)
    if fields.get("email") and find(session, account, fields["email"])["contacts"]:
        raise Refused(409, "conflict", "There is a contact with this mail address.")
    contact = {"id": identifier, **dict.fromkeys(FIELDS), **fields, "updated_at": clock.rfc3339(clock.now()), "_sent": told}
    session.add(SandboxItem(id=identifier, workspace_id=account.workspace_id, kind=KIND, body=contact))
    return _shown(contact)


def change(session: Session, account: SandboxAccount, identifier: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Change the given fields of a contact. Raises `Refused`."""
    return _shown(_write(session, account, identifier, _checked(body, is_new=False)))


def delete(session: Session, account: SandboxAccount, identifier: str) -> dict[str, Any]:
    """Delete a contact; it is told of as deleted. Raises `Refused`."""
    return _shown(_write(session, account, identifier, {"deleted": True}))


def touch(session: Session, account: SandboxAccount, number: int) -> None:
    """Change those of the first `number` made-up contacts over which something was written."""
    at = clock.rfc3339(clock.now())
    for row in session.exec(_items(account)).all():
        if 0 < data.number_of(str(row.body["id"])) <= number and not row.body.get("deleted"):
            company = str(row.body.get("company") or "").partition(" (")[0]
            row.body = {**row.body, "company": f"{company} ({at})", "updated_at": at}


def delete_some(session: Session, account: SandboxAccount, number: int) -> int:
    """Delete the first `number` made-up contacts that are there; how many were."""
    gone = {identifier for identifier, contact in _written(session, account).items() if contact.get("deleted")}
    every = (f"sbc_{each:05d}" for each in range(1, account.contacts + 1))
    chosen = [identifier for identifier in every if identifier not in gone][:number]
    for identifier in chosen:
        delete(session, account, identifier)
    return len(chosen)


def _write(session: Session, account: SandboxAccount, identifier: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    found = _read(session, account, identifier)
    if found is None or found.get("deleted"):
        raise Refused(404, "not_found", "There is no such contact.")
    contact = {**found, **changes, "updated_at": clock.rfc3339(clock.now())}
    row = session.get(SandboxItem, _row_id(account, identifier))
    if row is None:
        session.add(SandboxItem(id=_row_id(account, identifier), workspace_id=account.workspace_id, kind=KIND, body=contact))
    else:
        row.body = contact
    return contact


def _read(session: Session, account: SandboxAccount, identifier: str) -> dict[str, Any] | None:
    row = session.get(SandboxItem, _row_id(account, identifier))
    if row is not None:
        return dict(row.body) if row.workspace_id == account.workspace_id and row.kind == KIND else None
    number = data.number_of(identifier)
    return data.contact(account, number) if 0 < number <= account.contacts else None


def _row_id(account: SandboxAccount, identifier: str) -> str:
    """Of a made-up contact that was changed, one row for each workspace."""
    number = data.number_of(identifier)
    return f"sbi_{account.workspace_id.partition('_')[2]}_{number:05d}" if number else identifier[:64]


def _written(session: Session, account: SandboxAccount) -> dict[str, dict[str, Any]]:
    rows = session.exec(_items(account).order_by(col(SandboxItem.id))).all()
    return {str(row.body["id"]): _shown(row.body) for row in rows}


def _items(account: SandboxAccount) -> SelectOfScalar[SandboxItem]:
    return select(SandboxItem).where(SandboxItem.workspace_id == account.workspace_id, SandboxItem.kind == KIND)


def _shown(contact: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in contact.items() if not name.startswith("_")}


def _checked(body: Mapping[str, Any], *, is_new: bool = True) -> dict[str, Any]:
    fields = {name: value for name, value in body.items() if name in FIELDS}
    wrong = [name for name, value in fields.items() if value is not None and (not isinstance(value, str) or len(value) > 400)]
    if wrong or (is_new and not any(fields.values())):
        told = f"{wrong[0]} is no text." if wrong else "A contact needs a name or a mail address."
        raise Refused(422, "invalid", told)
    return fields
