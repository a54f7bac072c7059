"""What a reader gets and chose, kept in two words beside the reader for counting.

The truth are the reader's state, the subscriptions and the tags. ``readers.receives`` repeats the
first two ("daily weekly", empty for whoever gets nothing) and ``readers.topics`` the topics
("politics|world"), so that "how many in Ireland who chose politics get the daily issue" is
answered from one index and not from a million look-ups. Whatever changes a state or a subscription
calls :func:`restand`, whatever changes topics calls :func:`reword`; sending never looks at either.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

from sqlalchemy import Column, ColumnElement, Connection, bindparam, func, select, update

from newsletter.database.bulk import matching
from newsletter.database.tables import reader_tags, readers, subscriptions
from newsletter.model import ReaderState

LOOK = "*"
"""In place of topics: look for them among the tags, because they make too long a word."""
LONGEST = 400
"""Characters of a word of topics, so that an index on PostgreSQL can hold it."""
BETWEEN = "|"


def word(editions: Sequence[str]) -> str:
    """The word for some editions: each once, in order."""
    return " ".join(sorted(set(editions)))


@lru_cache(maxsize=4096)
def topic_word(topics: tuple[str, ...]) -> str:
    """The word for some topics: each once, in order; :data:`LOOK` where they make none.

    Remembered, because people choose alike: an import of a million has some hundred words.
    """
    made = BETWEEN.join(sorted(set(topics)))
    plain = made.count(BETWEEN) < max(1, len(set(topics))) and LOOK not in made
    return made if plain and len(made) <= LONGEST else LOOK


def restand(connection: Connection, ids: Sequence[int]) -> None:
    """Bring the editions of some readers up to date."""
    if not ids:
        return
    held: dict[int, list[str]] = {number: [] for number in ids}
    query = (
        select(readers.c.id, subscriptions.c.edition)
        .join(subscriptions, subscriptions.c.reader == readers.c.id)
        .where(
            matching(connection, readers.c.id, ids),
            readers.c.state == ReaderState.ACTIVE.value,
            subscriptions.c.state == "active",
        )
    )
    for number, edition in connection.execute(query):
        held[number].append(edition)
    connection.execute(
        update(readers).where(readers.c.id == bindparam("who")).values(receives=bindparam("what")),
        [{"who": number, "what": word(editions)} for number, editions in held.items()],
    )


def reword(connection: Connection, ids: Sequence[int]) -> None:
    """Bring the topics of some readers up to date."""
    if not ids:
        return
    query = (
        select(reader_tags.c.reader, reader_tags.c.tag)
        .where(matching(connection, reader_tags.c.reader, ids), reader_tags.c.kind == "topic")
        .order_by(reader_tags.c.reader)
    )
    found = groupby(connection.execute(query).all(), key=lambda row: int(row[0]))
    chosen = {number: topic_word(tuple(row[1] for row in rows)) for number, rows in found}
    connection.execute(
        update(readers).where(readers.c.id == bindparam("who")).values(topics=bindparam("what")),
        [{"who": number, "what": chosen.get(number, "")} for number in ids],
    )


def words(connection: Connection) -> list[str]:
    """Every word of editions in use."""
    return _hopping(connection, readers.c.receives, None)


def topic_words(connection: Connection, receives: str, *, most: int) -> list[str] | None:
    """Every word of topics among the readers of one word; None when they are more than some."""
    found = _hopping(connection, readers.c.topics, readers.c.receives == receives, most=most + 1)
    return found if len(found) <= most else None


def _hopping(
    connection: Connection,
    column: Column[str],
    within: ColumnElement[bool] | None,
    *,
    most: int = 1_000,
) -> list[str]:
    """The different values of a column, by hopping through its index from one to the next."""
    least = select(func.min(column))
    if within is not None:
        least = least.where(within)
    first = least.scalar_subquery()
    hops = select(first.label("value")).cte("hops", recursive=True)
    following = least.where(column > hops.c.value).correlate(hops).scalar_subquery()
    hops = hops.union_all(select(following).where(hops.c.value.is_not(None)))
    query = select(hops.c.value).where(hops.c.value.is_not(None)).limit(most)
    return list(connection.execute(query).scalars())
