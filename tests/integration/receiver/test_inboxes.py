"""Inboxes of the built-in receiver: how many there are, what they keep, and who may use them."""

from __future__ import annotations

import pytest

from backend.core import db
from backend.core.actor import Actor, Role
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.models import ReceiverInbox
from backend.receiver import service
from tests.factories import accounts
from tests.integration.receiver.steps import make_inbox, tell


@pytest.fixture
def owner(database: db.Database) -> Actor:
    assert db.database() is database
    return accounts.workspace()


@pytest.fixture
def inbox(owner: Actor) -> ReceiverInbox:
    return make_inbox(owner)


def test_the_last_200_are_kept(owner: Actor, inbox: ReceiverInbox):
    arrivals = [service.Arrival(inbox.token, "POST", (), str(number).encode(), truncated=False, remote="") for number in range(250)]
    for start in range(0, 250, 50):
        with db.transaction(write=True) as session:
            service.store(session, arrivals[start : start + 50])
    with db.transaction() as session:
        kept = service.requests(session, actor=owner, inbox_id=inbox.id, limit=200)
    assert not kept.has_more
    assert [request.body for request in kept.data] == [str(number) for number in range(249, 49, -1)]


def test_an_inbox_is_made_once_and_its_number_bounded(owner: Actor, inbox: ReceiverInbox):
    assert make_inbox(owner).id == inbox.id
    with db.transaction(write=True) as session:
        for number in range(service.MAX_INBOXES - 1):
            service.create_inbox(session, actor=owner, name=f"Inbox {number}")
        with pytest.raises(Conflict):
            service.create_inbox(session, actor=owner)
        assert len(service.list_inboxes(session, actor=owner)) == service.MAX_INBOXES


def test_another_workspaces_inbox_does_not_exist(inbox: ReceiverInbox):
    stranger = accounts.workspace("Other")
    with db.transaction(write=True) as session:
        assert service.list_inboxes(session, actor=stranger) == []
        for call in (
            lambda: service.set_mode(session, actor=stranger, inbox_id=inbox.id, mode="fail"),
            lambda: service.requests(session, actor=stranger, inbox_id=inbox.id),
            lambda: service.clear(session, actor=stranger, inbox_id=inbox.id),
        ):
            with pytest.raises(NotFound):
                call()


def test_support_may_use_the_receiver_and_a_viewer_only_look(owner: Actor, inbox: ReceiverInbox):
    with db.transaction(write=True) as session:
        support = accounts.member(session, owner.workspace_id, Role.SUPPORT)
        viewer = accounts.member(session, owner.workspace_id, Role.VIEWER)
        assert service.set_mode(session, actor=support, inbox_id=inbox.id, mode="gone").mode == "gone"
        assert service.ensure_inbox(session, actor=viewer).id == inbox.id
        for call in (
            lambda: service.set_mode(session, actor=viewer, inbox_id=inbox.id, mode="ok"),
            lambda: service.clear(session, actor=viewer, inbox_id=inbox.id),
            lambda: service.create_inbox(session, actor=viewer),
        ):
            with pytest.raises(Forbidden):
                call()


@pytest.mark.parametrize("mode", ["", "off", "OK", "x" * 100])
def test_an_unknown_mode_is_refused(owner: Actor, inbox: ReceiverInbox, mode: str):
    with pytest.raises(Invalid, match="is not a mode"):
        tell(owner, inbox, mode)
