"""What asks a provider something: tests, consents that came back, refreshes at somebody's wish, disconnecting.

Each is called with no transaction open and makes its own: one to read, none while the provider answers, one to write.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import update
from sqlmodel import Session, col

from backend.audit import service as audit
from backend.core import actor as actors
from backend.core import clock, db, permissions
from backend.core.actor import Actor, ActorKind
from backend.core.errors import Conflict, CrossdockError
from backend.integrations import calls, catalogue, connection, drafts, failures, fields, oauth, queries, refreshing, states, timeline, vault
from backend.integrations.connection import Connection
from backend.integrations.failures import Failure, Kind, ProviderFailed
from backend.integrations.oauth import Granted, Revoked
from backend.integrations.timeline import Status
from backend.integrations.values import Disconnected, Ended, IntegrationInput, Tested
from backend.models import Integration, IntegrationState

_KNOWN: Final = frozenset({"code", "state", "error", "error_description", "iss", "scope"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider sent the browser back with. `extra` are parameters that only some providers add."""

    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    error: str = ""
    description: str = ""
    issuer: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Answer:
        """From the parameters of the redirect."""
        return cls(
            state=parameters.get("state", ""),
            code=parameters.get("code", ""),
            error=parameters.get("error", ""),
            description=parameters.get("error_description", ""),
            issuer=parameters.get("iss"),
            extra={name: value for name, value in parameters.items() if name not in _KNOWN},
        )


@dataclass(frozen=True, slots=True)
class Browser:
    """Who is signed in where the answer arrived; nobody, if both are None."""

    user_id: str | None = None
    session_id: str | None = None


def test(*, actor: Actor, integration_id: str) -> Tested:
    """Make the provider's cheap authenticated call, and say which account is connected. Raises `NotFound`, `Conflict` where it is disabled."""
    permissions.require(actor, permissions.INTEGRATIONS_OPERATE)
    with db.transaction() as session:
        row = queries.one(session, actor.workspace_id, integration_id)
        name = row.name
        if row.disabled_at is not None:
            raise Conflict(f"{row.name} is disabled. Enable it first.")
    found: Connection | None = None
    try:
        found = connected(actor.workspace_id, integration_id)
        account = calls.retrying(found, _tested, refreshing.again)
    except ProviderFailed as error:
        failure = found.scrubbed(error) if found is not None else error.failure
        with db.transaction(write=True) as session:
            row = queries.one(session, actor.workspace_id, integration_id, lock=True)
            timeline.note(session, row, "test_failed", failure.cause, actor=actor, failure=failure)
            timeline.ail(session, row, failure)
            timeline.hold(row, failure)
        return Tested(False, failure.cause, failure=failure)
    with db.transaction(write=True) as session:
        row = queries.one(session, actor.workspace_id, integration_id, lock=True)
        row.tested_at = row.updated_at = clock.now()
        if not is_parted(session, row, found):
            row.account_id, row.account_name = account.id or row.account_id, account.name or row.account_name
            row.connected_at = row.connected_at or row.tested_at
            timeline.well(row)
        who = f" Connected as {row.account_name}." if row.account_name else ""
        told = f"{name} answered as it should.{who}"
        timeline.note(session, row, "tested", told, actor=actor)
    return Tested(True, told, account)


def test_unsaved(*, actor: Actor, input: IntegrationInput) -> Tested:  # noqa: A002 - the contract's word
    """The same for what is entered, before it is saved; nothing is stored. Raises `Invalid`, `Conflict` where one must sign in first."""
    permissions.require(actor, permissions.INTEGRATIONS_OPERATE)
    row, entered = drafts.new(actor, input)
    found = _unsaved(row, entered)
    if found.auth.oauth is not None:
        if row.refresh_class == "never":
            raise Conflict(f"{found.entry.name} is connected by signing in. Save it and press Connect.")
        try:
            granted = oauth.refresh(found)
        except ProviderFailed as error:
            failure = found.scrubbed(error)
            return Tested(False, failure.cause, failure=failure)
        found = found.with_tokens(granted.tokens(found.tokens))
    try:
        account = _tested(found)
    except ProviderFailed as error:
        failure = found.scrubbed(error)
        return Tested(False, failure.cause, failure=failure)
    who = f" The account is {account.name}." if account.name else ""
    return Tested(True, f"{found.entry.name} answered as it should.{who}", account)


def connected(workspace_id: str, integration_id: str) -> Connection:
    """The connection with a token that is good for a call. Raises `ProviderFailed`, of one that nobody has connected too."""
    found = refreshing.ready(workspace_id, integration_id)
    if found.auth.kind == "oauth2" and not found.tokens.get("access_token"):
        raise failures.failed(Kind.SETTINGS, f"{found.name} has not been connected yet.", step="Press Connect to sign in.")
    return found


def finish_consent(*, answer: Answer, browser: Browser | None, came_to: str | None) -> Ended:
    """End the consent that an answer belongs to: codes are traded, the account is asked for, everything is stored.

    `browser` is who is signed in where it arrived (None for a call by a program), `came_to` the address without its query. Every
    failure is on the integration's timeline too.
    """
    with db.transaction(write=True) as session:
        try:
            who = browser or Browser()
            consent = states.take(session, state=answer.state, user_id=who.user_id, session_id=who.session_id, came_to=came_to)
            row = queries.one(session, consent.row.workspace_id, consent.row.integration_id)
            found = connection.of(session, row)
        except ProviderFailed as error:
            return _refused(session, answer.state, error.failure)
        except CrossdockError as error:
            return Ended("", failures.failed(Kind.STATE, error.detail).failure)
    try:
        granted, captured, account = _trade(found, answer, consent)
    except ProviderFailed as error:
        failure = found.scrubbed(error)
        if failure.passes:  # the code is spent: nothing of this sign-in can be repeated
            failure = dataclasses.replace(failure, next_step="Press Connect again in a while, and sign in once more.")
        return _fail(consent.row, failure)
    return _connect(consent.row, found, granted, captured, account)


def refresh(*, actor: Actor, integration_id: str) -> Integration:
    """Refresh the access token now. Raises `NotFound`, `Conflict` where there is nothing to refresh, or the provider refuses."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    with db.transaction() as session:
        row = queries.one(session, actor.workspace_id, integration_id)
        if row.disabled_at is not None:
            raise Conflict(f"{row.name} is disabled. Enable it first.")
        if row.refresh_class == "never":
            raise Conflict(f"{row.name} has no token that is refreshed. Test it to see whether it is well.")
    try:
        refreshing.refresh(actor.workspace_id, integration_id)
    except ProviderFailed as error:
        raise Conflict(f"{error.failure.cause} {error.failure.next_step}") from None
    with db.transaction() as session:
        return queries.one(session, actor.workspace_id, integration_id)


def disconnect(*, actor: Actor, integration_id: str) -> Disconnected:
    """End the grant at the provider where that can be done, forget the tokens, and say what became of it. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_WRITE)
    return _part(actor, integration_id, delete=False)


def delete(*, actor: Actor, integration_id: str) -> Disconnected:
    """The same, and delete the integration with everything entered; its timeline stays in the logs. Raises `NotFound`."""
    permissions.require(actor, permissions.INTEGRATIONS_DELETE)
    return _part(actor, integration_id, delete=True)


def is_parted(session: Session, row: Integration, found: Connection) -> bool:
    """Whether it was disconnected after `found` was read: then an answer that came in the end connects it no more."""
    kind = vault.TOKENS if found.auth.oauth is not None else vault.FIELDS
    return row.token_version != found.tokens_at and not vault.load(session, row, kind)


def _tested(found: Connection) -> calls.Account:
    if not calls.is_testable(found):
        raise Conflict(f"{found.name} has no address for a test. Enter one in its settings; without a test it works all the same.")
    with calls.open_caller() as caller:
        return calls.test(found, caller)


def _unsaved(row: Integration, entered: fields.Entered) -> Connection:
    entry = catalogue.get(row.provider)
    return Connection(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        entry=entry,
        auth=entry.auth_of(row.auth),
        config=dict(row.config),
        captured={},
        requested_scopes=tuple(row.requested_scopes),
        secrets=entered.secrets,
        tokens={"refresh_token": entered.secrets["refresh_token"]} if "refresh_token" in entered.secrets else {},
        refresh_class=row.refresh_class,
    )


def _trade(found: Connection, answer: Answer, consent: states.Consent) -> tuple[Granted, dict[str, str], calls.Account]:
    """Tokens, what else was told, and the account, for an answer that says yes. Raises `ProviderFailed`."""
    oauth.check_issuer(found, answer.issuer)
    if answer.error:
        raise failures.of_redirect(found.entry, answer.error, answer.description)
    if not answer.code:
        raise failures.failed(Kind.ANSWER, f"{found.entry.name} sent neither a code nor an error.")
    early = oauth.early_captures(found, answer.extra)
    asking = dataclasses.replace(found, captured={**found.captured, **early})
    granted = oauth.exchange(asking, code=answer.code, verifier=consent.verifier, redirect_uri=consent.row.redirect_uri)
    fresh = asking.with_tokens(granted.tokens())
    with calls.open_caller() as caller:
        captured = early | oauth.capture(fresh, granted, answer.extra, caller)
        whole = dataclasses.replace(fresh, captured={**fresh.captured, **captured})
        account = calls.test(whole, caller) if calls.is_testable(whole) else calls.Account()
    return granted, captured, account


def _refused(session: Session, state: str, failure: Failure) -> Ended:
    row = states.whose(session, state)
    if row is None:
        return Ended("", failure)
    return _note_failure(session, row, failure)


def _fail(state: IntegrationState, failure: Failure) -> Ended:
    with db.transaction(write=True) as session:
        return _note_failure(session, state, failure)


def _note_failure(session: Session, state: IntegrationState, failure: Failure) -> Ended:
    """A consent that failed leaves what was connected before as it is."""
    try:
        row = queries.one(session, state.workspace_id, state.integration_id, lock=True)
    except CrossdockError:
        return Ended("", failure)
    timeline.note(session, row, "connect_failed", failure.cause, actor=_person(state), failure=failure)
    if row.status == Status.PENDING:
        row.status_reason, row.next_step, row.error_class = failure.cause, failure.next_step, failure.kind
    return Ended(row.id, failure)


def _connect(state: IntegrationState, found: Connection, granted: Granted, captured: Mapping[str, str], account: calls.Account) -> Ended:
    """Store what was granted in place of what was there, unless it is another account's."""
    with db.transaction(write=True) as session:
        row = queries.one(session, state.workspace_id, state.integration_id, lock=True)
        is_other = bool(row.account_id and account.id and row.account_id != account.id)
        if not is_other:
            return _store(session, row, state, found, granted, captured, account)
        before = row.account_name or row.account_id
    revoked = oauth.revoke(found.with_tokens(granted.tokens()))
    told = f"The sign-in was for {account.name or account.id}, but this connection is that of {before}. {revoked.sentence}"
    return _fail(state, failures.failed(Kind.CHANGED_ACCOUNT, told).failure)


def _store(
    session: Session,
    row: Integration,
    state: IntegrationState,
    found: Connection,
    granted: Granted,
    captured: Mapping[str, str],
    account: calls.Account,
) -> Ended:
    is_again = row.connected_at is not None
    session.connection().execute(
        update(Integration).where(col(Integration.id) == row.id).values(token_version=Integration.token_version + 1)
    )
    session.refresh(row)
    row.captured = {**row.captured, **captured}
    row.granted_scopes = None  # what an earlier consent granted is not lost by this one
    refreshing.keep(session, row, found.with_tokens({}), granted)
    row.granted_scopes = list(granted.scopes) if granted.scopes is not None else None
    row.requested_scopes = list(state.scopes)
    row.account_id, row.account_name = account.id, account.name
    row.connected_at = clock.now()
    row.tested_at = row.connected_at if calls.is_testable(found) else None
    missing = sorted(set(state.scopes) - set(granted.scopes)) if granted.scopes is not None else []
    who = f" as {account.name}" if account.name else ""
    lacks = f" The provider did not grant {', '.join(missing)}, and refuses what needs it. Reconnect to allow it." if missing else ""
    detail = {"requested": list(state.scopes), "granted": row.granted_scopes, "missing": missing}
    kind, word = ("reconnected", "Reconnected") if is_again else ("connected", "Connected")
    person = _person(state)
    timeline.note(session, row, kind, f"{word}{who}.{lacks}", actor=person, detail=detail)
    audit.record(
        session,
        actor=person,
        action=f"integration.{kind}",
        target_kind="integration",
        target_id=row.id,
        target_name=row.name,
        after={"account": account.name, "scopes": row.granted_scopes},
    )
    return Ended(row.id, None, account, tuple(missing))


def _part(actor: Actor, integration_id: str, *, delete: bool) -> Disconnected:
    with db.transaction() as session:
        row = queries.one(session, actor.workspace_id, integration_id)
        found = connection.of(session, row)
        has_grant = bool(found.tokens) or found.auth.oauth is None
    revoked = oauth.revoke(found) if has_grant else Revoked(None, "It was not connected.")
    with db.transaction(write=True) as session:
        row = queries.one(session, actor.workspace_id, integration_id, lock=True)
        _forget(session, row, found, is_whole=delete)
        sync = queries.open_sync(session, row)
        if sync is not None:
            sync.status, sync.finished_at, sync.owner = "cancelled", clock.now(), None
        if delete:
            row.deleted_at = clock.now()
        verb = "deleted" if delete else "disconnected"
        told = f"The integration was {verb}. {revoked.sentence}"
        timeline.note(session, row, verb, told, actor=actor, detail={"revoked": revoked.done})
        audit.record(
            session,
            actor=actor,
            action=f"integration.{verb}",
            target_kind="integration",
            target_id=row.id,
            target_name=row.name,
            after={"revoked": revoked.done},
        )
    return Disconnected(revoked.done, revoked.sentence, revoked.link)


def _forget(session: Session, row: Integration, found: Connection, *, is_whole: bool) -> None:
    """Forget what the provider gave; and what was entered, unless that alone connects to nothing."""
    keeps_fields = found.auth.signs_in and not is_whole
    vault.forget(session, row, vault.TOKENS, *(() if keeps_fields else (vault.FIELDS,)))
    row.hints = row.hints if keeps_fields else {}
    row.token_version += 1  # a refresh that is under way must not bring it back
    row.status, row.status_reason, row.error_class = Status.PENDING, "", ""
    row.next_step = "Press Connect to sign in." if keeps_fields else "Enter the credentials again."
    row.refresh_class = "never" if found.auth.signs_in else row.refresh_class
    row.refresh_at = row.access_expires_at = row.refresh_expires_at = row.connected_at = None
    row.refresh_owner = row.refresh_lease_until = row.refresh_started_at = None
    row.account_id = row.account_name = ""
    row.granted_scopes = None
    row.updated_at = clock.now()


def _person(state: IntegrationState) -> Actor:
    if state.user_id.startswith("key_"):
        return Actor(ActorKind.KEY, state.user_id, state.workspace_id, name=state.user_name)
    if state.user_id == actors.SYSTEM_ID:
        return actors.system(state.workspace_id)
    return Actor(ActorKind.USER, state.user_id, state.workspace_id, name=state.user_name)
