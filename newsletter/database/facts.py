"""Facts of this installation that are neither configuration nor news."""

from __future__ import annotations

from sqlalchemy import delete, select

from newsletter.database.engine import Database
from newsletter.database.rows import upsert
from newsletter.database.tables import settings

RESTORED = "restored"
"""Set when the database came from a backup; while it is there no letter leaves."""
RELEASED = "released"
"""When a database from a backup was let send again; what should have left before may have left."""
SWEPT = "swept"
"""The date of the last sweep by the periods of [retention]."""
ARRIVING = "arriving"
"""Set by a move into this database until something works here; meanwhile a move may repeat."""


def fact(database: Database, name: str) -> str:
    """One fact; empty when it is not there."""
    with database.reading() as connection:
        return connection.scalar(select(settings.c.value).where(settings.c.name == name)) or ""


def set_fact(database: Database, name: str, value: str) -> None:
    """Write a fact down; an empty one is taken away."""
    with database.begin() as connection:
        if value:
            upsert(connection, settings, [{"name": name, "value": value}])
        else:
            connection.execute(delete(settings).where(settings.c.name == name))


def take_into_use(database: Database) -> None:
    """Note that something works here: from now on no move may overwrite this database."""
    if fact(database, ARRIVING):
        set_fact(database, ARRIVING, "")
