"""Alembic's way to the catalogue; the URL comes from the caller or from SEGSEARCH_DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import Connection, text

from retrieval.catalog.dialects import connect
from retrieval.catalog.models import Image
from retrieval.settings import Settings


def note_support(connection: Connection) -> None:
    """Note the oldest schema that programs may know: that of the last migration that does more than add to it."""
    (head,) = context.get_context().get_current_heads() or ("",)
    if not connection.dialect.has_table(connection, "schema_support"):
        return
    steps = [each for each in context.script.walk_revisions() if each.revision <= head]
    oldest = max(each.revision for each in steps if not getattr(each.module, "additive", False))
    connection.execute(text("UPDATE schema_support SET oldest = :oldest"), {"oldest": oldest})


url = context.config.attributes.get("database_url") or Settings.from_env(os.environ).database_url

engine = connect(url)
with engine.connect() as connection:
    # One transaction for all steps, on SQLite too: no other process may see a schema between two versions.
    context.configure(
        connection=connection, target_metadata=Image.metadata, render_as_batch=True, transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()
        note_support(connection)
    connection.commit()
engine.dispose()  # else a connection would stay open until it is collected, and SQLite would keep its write-ahead log
