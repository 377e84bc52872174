"""Alembic's environment: the metadata of every model, on the connection that `core.migrate` opened."""

from __future__ import annotations

import importlib

from alembic import context
from sqlmodel import SQLModel

importlib.import_module("backend.models")  # registers every table


def run() -> None:
    """Run the migrations on the connection handed over in the configuration's attributes."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
