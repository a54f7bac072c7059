"""Which editions a reader gets right now, kept beside the reader for counting.

The truth are the reader's state and the subscriptions. ``readers.receives`` repeats it in one word
("daily weekly", empty for whoever gets nothing), so that "how many in Ireland get the daily issue"
is answered from one index and not from a million look-ups. Whatever changes a state or a
subscription calls :func:`restand`; sending never looks at this column.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update

from newsletter.database.bulk import matching
from newsletter.database.tables import readers, subscriptions
from newsletter.model import ReaderState


def word(editions: Sequence[str]) -> str:
    """The word for some editions: each once, in order."""
    return " ".join(sorted(set(editions)))


def restand(connection: Connection, ids: Sequence[int]) -> None:
    """Bring the word of some readers up to date."""
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


def words(connection: Connection) -> list[str]:
    """Every word in use, by hopping through the index from one to the next."""
    found: list[str] = []
    query = select(readers.c.receives).order_by(readers.c.receives).limit(1)
    at = connection.execute(query).scalar()
    while at is not None:
        found.append(at)
        at = connection.execute(query.where(readers.c.receives > at)).scalar()
    return found
