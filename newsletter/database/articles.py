"""Outlets, feeds and articles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, or_, select, update

from newsletter.database.engine import Database
from newsletter.database.rows import insert_new, reader_of, slices, upsert, values_of
from newsletter.database.tables import articles, feeds, outlets
from newsletter.model import Article, Feed, FeedState, Outlet

_article = reader_of(Article)
_feed = reader_of(Feed)
_outlet = reader_of(Outlet)


class Articles:
    """What was collected, and the state of every feed."""

    def __init__(self, database: Database):
        self._database = database

    def sync_sources(self, known: Iterable[Outlet], asked: Iterable[Feed]) -> None:
        """Bring outlets and feeds up to what the configuration says.

        What was learned about a feed (validators, failures, visits) stays.
        """
        outlet_rows = [_outlet_row(outlet) for outlet in known]
        feed_rows = [values_of(feed) for feed in asked]
        configured = {"url", "outlet", "section", "page_text"}
        learned = [name for name in feeds.columns.keys() if name not in configured]  # noqa: SIM118 - a column collection, not a dict
        with self._database.begin() as connection:
            upsert(connection, outlets, outlet_rows)
            upsert(connection, feeds, feed_rows, keep=learned)

    def feeds(self, urls: Collection[str] | None = None) -> tuple[Feed, ...]:
        """All feeds, or those with the given addresses, by address."""
        with self._database.reading() as connection:
            rows = connection.execute(select(feeds).order_by(feeds.c.url)).all()
        wanted = None if urls is None else set(urls)
        return tuple(_feed(row) for row in rows if wanted is None or row.url in wanted)

    def due(self, now: datetime, urls: Collection[str]) -> tuple[Feed, ...]:
        """The configured feeds whose next visit has come, the longest waiting first."""
        query = (
            select(feeds)
            .where(
                feeds.c.state != FeedState.RETIRED,
                or_(feeds.c.next_visit.is_(None), feeds.c.next_visit <= now),
            )
            .order_by(feeds.c.next_visit.asc().nulls_first(), feeds.c.url)
        )
        wanted = set(urls)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(_feed(row) for row in rows if row.url in wanted)

    def outlets(self) -> dict[str, Outlet]:
        """All outlets by id."""
        with self._database.reading() as connection:
            rows = connection.execute(select(outlets)).all()
        return {row.id: _outlet(row) for row in rows}

    def save_visits(self, visits: Iterable[tuple[Feed, Sequence[Article]]]) -> int:
        """Store several visits in one transaction; return how many articles were new.

        Waiting for the disk is most of what storing a visit costs, and a visit that is lost with
        the process is simply made again.
        """
        pairs = list(visits)
        states = [values_of(feed) for feed, _ in pairs]
        rows = [values_of(item) for _, collected in pairs for item in collected]
        with self._database.begin() as connection:
            upsert(connection, feeds, states)
            return insert_new(connection, articles, rows)

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these article ids are stored already."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for piece in slices(ids):
                query = select(articles.c.id).where(articles.c.id.in_(piece))
                found.update(connection.execute(query).scalars())
        return found

    def window(
        self, since: datetime, until: datetime, outlet_ids: Collection[str]
    ) -> list[Article]:
        """Articles of these outlets published from ``since`` to ``until``, oldest first."""
        query = (
            select(articles)
            .where(articles.c.published >= since, articles.c.published <= until)
            .order_by(articles.c.published, articles.c.id)
        )
        return [item for item in self._read(query) if item.outlet in outlet_ids]

    def get(self, ids: Iterable[str]) -> dict[str, Article]:
        """Articles by id; unknown ids are left out."""
        found: dict[str, Article] = {}
        for piece in slices(ids):
            for item in self._read(select(articles).where(articles.c.id.in_(piece))):
                found[item.id] = item
        return found

    def mark_copies(self, copies: Mapping[str, str]) -> None:
        """Link near-identical articles to the first one: ``{copy id: original id}``."""
        if not copies:
            return
        statement = (
            update(articles)
            .where(articles.c.id == bindparam("copy"))
            .values(same_as=bindparam("original"))
        )
        rows = [{"copy": copy, "original": original} for copy, original in copies.items()]
        with self._database.begin() as connection:
            connection.execute(statement, rows)

    def count(self) -> int:
        """How many articles are stored."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(articles)).scalar_one()

    def outlets_with_articles(self) -> set[str]:
        """The ids of the outlets that have any article."""
        with self._database.reading() as connection:
            return set(connection.execute(select(articles.c.outlet).distinct()).scalars())

    def _read(self, query: Select[Any]) -> list[Article]:
        with self._database.reading() as connection:
            return [_article(row) for row in connection.execute(query)]


def _outlet_row(outlet: Outlet) -> dict[str, Any]:
    return {
        **values_of(outlet),
        "domains": list(outlet.domains),
        "provenance": list(outlet.provenance),
    }
