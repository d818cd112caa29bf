"""Alembic's entry: runs on the connection that `store.migrate` hands over."""

from alembic import context

from pipeline_guard.store.tables import Base

with_connection = context.config.attributes["connection"]
context.configure(
    connection=with_connection, target_metadata=Base.metadata, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
