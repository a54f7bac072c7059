"""The secrets of this installation: made once, kept with the data they protect."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from newsletter.database.engine import Database
from newsletter.database.rows import insert_new
from newsletter.database.tables import settings

SUPPRESSION = "suppression_key"
SIGNING = "signing_keys"
"""One key a line, oldest first; a new one is added at the end, and none is taken away."""
KEYED_SINCE = "message_ids_keyed_since"
"""When this installation began to make Message-IDs with a key."""


def kept(database: Database, name: str, make: Callable[[], str]) -> str:
    """A secret by its name, made when it is first asked for; ask outside of any transaction."""
    query = select(settings.c.value).where(settings.c.name == name)
    with database.reading() as connection:
        found = connection.execute(query).scalar()
    if found is None:
        with database.begin() as connection:
            # Another process may have been first; what is there counts.
            insert_new(connection, settings, [{"name": name, "value": make()}])
            found = connection.execute(query).scalar_one()
    return str(found)


def signing_keys(database: Database, make: Callable[[], str]) -> tuple[str, ...]:
    """The keys that links are signed with, oldest first."""
    return tuple(kept(database, SIGNING, make).split())
