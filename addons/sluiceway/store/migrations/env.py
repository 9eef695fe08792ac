"""Run by alembic for each migration, on the connection that store/migrate.py hands over."""

from __future__ import annotations

from alembic import context

from sluiceway.store.tables import metadata

# Batch mode: SQLite changes a column by copying its table.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
