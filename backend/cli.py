"""Owns the command line `crossdock …`. Each command imports only what it runs, so that each starts fast."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="crossdock",
    help="An integrations console: API keys, webhooks and connections in one place.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def up() -> None:
    """Run everything on this machine: Valkey where none is configured, web, deliver, jobs and cron."""
    from backend import supervisor

    sys.exit(supervisor.up())


@app.command()
def web() -> None:
    """Serve the console and the API. One per machine behind a proxy with sticky sessions."""
    from backend import server

    server.run("web")


@app.command()
def api() -> None:
    """Serve the API alone. Any number."""
    from backend import server

    server.run("api")


@app.command()
def deliver() -> None:
    """Send webhooks. Any number."""
    from backend import worker

    worker.deliver()


@app.command()
def jobs() -> None:
    """Run replays, syncs and other background jobs. Any number."""
    from backend import worker

    worker.jobs()


@app.command()
def cron() -> None:
    """Run what is due by the clock. Exactly one."""
    from backend import worker

    worker.cron()


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema."""
    with _configured():
        from backend.core import migrate as migration

        before = migration.current()
        migration.upgrade()
        typer.echo(f"The database is at revision {migration.head()}." + ("" if before else " It was empty before."))


@app.command()
def create_admin(
    email: Annotated[str, typer.Option(prompt="E-mail", envvar="CROSSDOCK_ADMIN_EMAIL", help="Their e-mail address.")],
    password: Annotated[
        str,
        typer.Option(
            prompt="Password",
            hide_input=True,
            confirmation_prompt=True,
            envvar="CROSSDOCK_ADMIN_PASSWORD",
            help="At least 12 characters.",
        ),
    ],
    name: Annotated[str, typer.Option(help="Their name.")] = "",
    workspace: Annotated[str, typer.Option(help="The name of their workspace.")] = "Default",
) -> None:
    """Make an administrator of this installation."""
    for name_of in ("CROSSDOCK_ADMIN_EMAIL", "CROSSDOCK_ADMIN_PASSWORD"):
        os.environ.pop(name_of, None)  # they were read; one alone would be refused as half of a setting
    with _configured():
        from backend.accounts import passwords, service
        from backend.core import db

        service.check_person(email=email, password=password)
        password_hash = passwords.hash_password(password)
        with db.transaction(write=True) as session:
            user = service.create_admin(session, email=email, password_hash=password_hash, name=name, workspace=workspace)
        typer.echo(f"{user.email} can sign in now ({user.id}).")


@app.command()
def emit(
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="The event's type, for example order.created.")],
    data: Annotated[str, typer.Option(help="Its payload as JSON; - reads it from standard input.")] = "{}",
    workspace: Annotated[str, typer.Option(help="Name or id of the workspace; not needed while there is only one.")] = "",
    idempotency_key: Annotated[str, typer.Option(help="The same key publishes once.")] = "",
) -> None:
    """Publish an event, as `POST /api/v1/events` does."""
    with _configured():
        from backend import emit as publishing

        published = publishing.emit(
            event_type,
            sys.stdin.read() if data == "-" else data,
            workspace=workspace,
            idempotency_key=idempotency_key or None,
        )
        typer.echo(f"{published.id} accepted; {published.deliveries} deliveries.")


@app.command()
def verify_audit(
    ends: Annotated[
        Path | None,
        typer.Option(help="A file, best on another machine, that keeps where each chain ended: compared with, then written anew."),
    ] = None,
) -> None:
    """Check that no audit entry was changed, removed or reordered since it was sealed; say which are not sealed yet."""
    with _configured():
        from backend import audit_check

        findings = audit_check.examine(ends)
        for line in findings.lines:
            typer.echo(line)
        if not findings.is_whole:
            typer.echo("The audit is not what was recorded. Keep this database as it is, and compare it with a backup.", err=True)
            sys.exit(1)


@app.command()
def rotate_encryption_key() -> None:
    """Re-encrypt everything under the first key of ENCRYPTION_KEY, then open every value once more; goes on where it was cut off."""
    with _configured():
        from backend.core import db
        from backend.encryption import rotation, service

        with db.transaction(write=True) as session:
            row = rotation.begin(session, workspace_id="instance", created_by="operator", created_by_name="Operator")
            identifier = row.id
        while True:
            worked = rotation.step()
            with db.transaction() as session:
                row = session.get_one(type(row), identifier)
                found = service.survey(session) if row.finished_at is not None else None
            if row.place == 0 and not row.cursor:
                typer.echo(f"{row.status}: {row.done:,} of {row.total:,} re-encrypted, {row.checked:,} opened once more")
            if found is not None:
                if row.failed:
                    typer.echo(f"{row.failed:,} values do not open. The first: {row.error}", err=True)
                    sys.exit(1)
                typer.echo(f"Keys that may be taken out of ENCRYPTION_KEY: {', '.join(found.removable) or 'none yet'}.")
                return
            if not worked:
                typer.echo("Another process goes on with it.")
                return


@app.command()
def doctor() -> None:
    """Check settings, database, Redis, port, disk and the built console, and say what to do about each."""
    from backend import doctor as checks

    worst = 0
    for finding in checks.examine(os.environ):
        typer.echo(f"{'ok     ' if finding.is_good else 'PROBLEM'}  {finding.subject:<10} {finding.sentence}")
        worst = worst or int(not finding.is_good)
    sys.exit(worst)


@app.command()
def check_migrations() -> None:
    """Check that an empty database, migrated, is what the models say. For developers."""
    import tempfile

    from backend.core import db
    from backend.core import migrate as migration

    with tempfile.TemporaryDirectory() as folder:
        db.configure(f"sqlite:///{folder}/check.sqlite3")
        migration.upgrade()
        differences = migration.differences()
    for difference in differences:
        typer.echo(difference, err=True)
    if differences:
        typer.echo("The migrations are behind the models: write the next one with `crossdock new-migration`.", err=True)
        sys.exit(1)


@app.command()
def new_migration(message: Annotated[str, typer.Argument(help="What it does, for example: Add the colour of a webhook.")]) -> None:
    """Write the next migration from what the models have and an empty database, migrated, has not. For developers."""
    import tempfile

    from backend.core import db
    from backend.core import migrate as migration

    with tempfile.TemporaryDirectory() as folder:
        db.configure(f"sqlite:///{folder}/revise.sqlite3")
        migration.upgrade()
        if not migration.differences():
            typer.echo("The migrations are what the models say; there is nothing to write.", err=True)
            sys.exit(1)
        typer.echo(f"Wrote {migration.revise(message)}. Read it, and try it on PostgreSQL too.")


@contextlib.contextmanager
def _configured() -> Generator[None]:
    """Run a command on this installation's database and keys; what is wrong with either is one sentence."""
    from sqlalchemy.exc import SQLAlchemyError

    from backend import process
    from backend.core import crypto, logging
    from backend.core.errors import CrossdockError
    from backend.settings import SettingsError, settings

    try:
        logging.configure(settings(), "cli", stream=sys.stderr)
        crypto.configure([key.get_secret_value() for key in settings().encryption_keys])
        yield
    except SettingsError as error:
        process.refuse(str(error))
    except CrossdockError as error:
        process.refuse(error.detail)
    except SQLAlchemyError as error:
        process.refuse(process.unreachable(error))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
