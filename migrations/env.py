"""Alembic's way to the catalogue; the URL comes from the caller or from SEGSEARCH_DATABASE_URL."""

import os

from alembic import context

from retrieval.catalog.dialects import connect
from retrieval.catalog.models import Image
from retrieval.settings import Settings

url = context.config.attributes.get("database_url") or Settings.from_env(os.environ).database_url

engine = connect(url)
with engine.connect() as connection:
    # One transaction for all steps, on SQLite too: no other process may see a schema between two versions.
    context.configure(
        connection=connection, target_metadata=Image.metadata, render_as_batch=True, transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
engine.dispose()  # else a connection would stay open until it is collected, and SQLite would keep its write-ahead log
