"""Changing what is known about a reader, by an operator or a program; never what they agreed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from newsletter.database import standing
from newsletter.database.farewells import log_line
from newsletter.database.reader_import import LIST, TOPIC
from newsletter.database.rows import upsert
from newsletter.database.tables import reader_attributes, reader_tags, readers


def change(
    connection: Connection,
    reader: int,
    *,
    values: Mapping[str, str],
    topics: Sequence[str] | None,
    lists: Sequence[str] | None,
    attributes: Mapping[str, str] | None,
    now: datetime,
    source: str,
) -> bool:
    """Set what is given and leave the rest; an attribute with an empty value is taken away.

    :returns: whether there is such a reader.
    """
    if connection.execute(select(readers.c.id).where(readers.c.id == reader)).first() is None:
        return False
    if values:
        connection.execute(update(readers).where(readers.c.id == reader).values(**values))
    for kind, tags in ((TOPIC, topics), (LIST, lists)):
        if tags is None:
            continue
        own = (reader_tags.c.reader == reader, reader_tags.c.kind == kind)
        connection.execute(delete(reader_tags).where(*own))
        if tags:
            rows = [{"reader": reader, "kind": kind, "tag": tag} for tag in dict.fromkeys(tags)]
            connection.execute(insert(reader_tags), rows)
        standing.reword(connection, [reader])
    for name, value in (attributes or {}).items():
        if value:
            upsert(
                connection, reader_attributes, [{"reader": reader, "name": name, "value": value}]
            )
        else:
            connection.execute(
                delete(reader_attributes).where(
                    reader_attributes.c.reader == reader, reader_attributes.c.name == name
                )
            )
    changed = [*values, *(["topics"] if topics is not None else [])]
    changed += ["lists"] if lists is not None else []
    changed += [f"attributes.{name}" for name in attributes or {}]
    if changed:
        log_line(connection, reader, "changed", now, source=source, detail=", ".join(changed))
    return True
