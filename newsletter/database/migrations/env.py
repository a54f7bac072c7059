"""How Alembic runs our migrations: always on a connection that the program hands over."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from newsletter.database.tables import metadata


def run(connection: Connection) -> None:
    """Run the migrations inside the caller's transaction."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=True,
    )
    context.run_migrations()


run(context.config.attributes["connection"])
