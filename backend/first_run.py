"""Owns what comes before an installation serves: its schema, and its first administrator.

`crossdock up` runs this as a process beside the starting ones, which wait for the schema, and reads the last line printed.
"""

from __future__ import annotations

import json
import os
import sys

from sqlalchemy.exc import SQLAlchemyError

from backend import process
from backend.accounts import passwords, service
from backend.core import crypto, db, logging, migrate
from backend.core.errors import CrossdockError
from backend.core.logging import logger
from backend.settings import Settings, settings

_log = logger(__name__)


def main() -> None:
    """Migrate, make the administrator that the environment names, and print `{"setup_link": …}` for the supervisor."""
    current = settings()
    logging.configure(current, "prepare")
    try:
        crypto.configure([key.get_secret_value() for key in current.encryption_keys])
        before = migrate.current()
        migrate.upgrade()
        if before != migrate.head():
            _log.info("database.migrated", before=before, after=migrate.head())
        make_administrator(current)
        with db.transaction(write=True) as session:
            link = service.setup_link(session, current.public_url)
    except CrossdockError as error:
        process.refuse(error.detail)
    except SQLAlchemyError as error:
        process.refuse(process.unreachable(error))
    sys.stdout.flush()
    os.write(1, json.dumps({"setup_link": link}).encode() + b"\n")


def make_administrator(current: Settings) -> None:
    """Make the administrator that CROSSDOCK_ADMIN_EMAIL and CROSSDOCK_ADMIN_PASSWORD name, where there is none at all."""
    if current.admin_email is None or current.admin_password is None:
        return
    with db.transaction() as session:
        if not service.setup_needed(session):
            return
    password_hash = passwords.hash_password(current.admin_password.get_secret_value())
    with db.transaction(write=True) as session:
        service.create_admin(session, email=current.admin_email, password_hash=password_hash)
    _log.info("administrator.made")
