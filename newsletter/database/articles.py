"""Outlets, feeds and articles."""

from __future__ import annotations

import json
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)

from newsletter.database.bulk import matching
from newsletter.database.direct import Direct, plain_rows
from newsletter.database.engine import Database
from newsletter.database.rows import SLICE, reader_of, slices, upsert, values_of
from newsletter.database.tables import articles, feeds, fingerprints, outlets, robots
from newsletter.model import Article, Dated, Feed, FeedState, Kind, Outlet, Paywall

RETIRED_BY = "retired by"
"""How the trouble of a feed begins that a person retired; any other was taken away (410)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fingerprint:
    """What finds copies of an article that was not yet compared."""

    article: str
    published: datetime
    marks: bytes


_outlet = reader_of(Outlet)
_articles = Direct(Article, articles, dated=Dated, kind=Kind, paywall=Paywall)
_feeds = Direct(Feed, feeds, state=FeedState)
_fingerprints = Direct(_Fingerprint, fingerprints)
_article_columns = [articles.c[name] for name in _articles.names]


class Articles:
    """What was collected, and the state of every feed."""

    def __init__(self, database: Database):
        self._database = database

    def sync_sources(self, known: Iterable[Outlet], asked: Iterable[Feed]) -> None:
        """Bring outlets and feeds up to what the configuration says.

        What was learned about a feed (validators, failures, visits) stays. Nothing is written
        where nothing has changed, which is nearly always.
        """
        outlet_rows = {outlet.id: _outlet_row(outlet) for outlet in known}
        feed_rows = {feed.url: feed for feed in asked}
        with self._database.reading() as connection:
            for values in plain_rows(connection, _ALL_OUTLETS):
                row = dict(zip(_OUTLET, values, strict=True))
                row.update((name, _listed(row[name])) for name in _LISTS)
                if outlet_rows.get(row["id"]) == row:
                    del outlet_rows[row["id"]]
            for url, outlet, section, page_text in plain_rows(connection, _ALL_FEEDS):
                feed = feed_rows.get(url)
                if feed and (feed.outlet, feed.section, feed.page_text) == (
                    outlet, section, bool(page_text),
                ):  # fmt: skip
                    del feed_rows[url]
        if not outlet_rows and not feed_rows:
            return
        learned = [name for name in _feeds.names if name not in _CONFIGURED]
        with self._database.begin() as connection:
            upsert(connection, outlets, list(outlet_rows.values()))
            upsert(connection, feeds, [values_of(one) for one in feed_rows.values()], keep=learned)

    def feeds(self, urls: Collection[str] | None = None) -> tuple[Feed, ...]:
        """All feeds, or those with the given addresses, by address."""
        wanted = None if urls is None else set(urls)
        with self._database.reading() as connection:
            if wanted is not None and len(wanted) <= SLICE:
                found = _feeds.among(connection, "url", sorted(wanted))
                return tuple(sorted(found, key=lambda feed: feed.url))
            found = _feeds.select(connection, "ORDER BY url")
        return tuple(feed for feed in found if wanted is None or feed.url in wanted)

    def due(self, now: datetime, urls: Collection[str]) -> tuple[Feed, ...]:
        """The configured feeds whose next visit has come, the longest waiting first."""
        found = [
            feed
            for feed in self.feeds(urls)
            if feed.state is not FeedState.RETIRED
            and (feed.next_visit is None or feed.next_visit <= now)
        ]
        found.sort(key=lambda feed: (feed.next_visit is not None, feed.next_visit or now))
        return tuple(found)

    def take_due(self, now: datetime, urls: Collection[str], until: datetime) -> tuple[Feed, ...]:
        """The due feeds among some, which are due for nobody else until a moment.

        Once visited they have another moment for their next visit, and :meth:`give_back` is for
        those that were not reached. Those of a process that dies are due again at ``until``.
        """
        due = {feed.url: feed for feed in self.due(now, urls)}
        with self._database.begin() as connection:
            free = (
                select(feeds.c.url)
                .where(
                    matching(connection, feeds.c.url, list(due)),
                    or_(feeds.c.next_visit.is_(None), feeds.c.next_visit <= now),
                )
                # Two that take rows in another order would wait for each other.
                .order_by(feeds.c.url)
                .with_for_update(skip_locked=True)
            )
            taken = connection.scalars(free).all()
            connection.execute(
                update(feeds)
                .where(matching(connection, feeds.c.url, taken))
                .values(next_visit=until)
            )
        return tuple(feed for url, feed in due.items() if url in set(taken))

    def give_back(self, left: Iterable[Feed], until: datetime) -> None:
        """Make feeds due again that were taken and not visited."""
        rows = [{"which": feed.url, "before": feed.next_visit} for feed in left]
        if not rows:
            return
        before = bindparam("before", type_=feeds.c.next_visit.type)
        with self._database.begin() as connection:
            connection.execute(
                update(feeds)
                .where(feeds.c.url == bindparam("which"), feeds.c.next_visit == until)
                .values(next_visit=before),
                rows,
            )

    def retire(self, url: str, *, by: str) -> None:
        """Ask a feed no more, by a person's decision; its articles stay."""
        self._set_state(url, state=FeedState.RETIRED, problem=f"{RETIRED_BY} {by}", next_visit=None)

    def wake(self, url: str, *, now: datetime) -> None:
        """Ask a feed again, from now on."""
        self._set_state(
            url, state=FeedState.ACTIVE, problem="", since=None, next_visit=now, failures=0
        )

    def _set_state(self, url: str, **values: object) -> None:
        with self._database.begin() as connection:
            connection.execute(update(feeds).where(feeds.c.url == url).values(**values))

    def outlets(self) -> dict[str, Outlet]:
        """All outlets by id."""
        with self._database.reading() as connection:
            rows = connection.execute(select(outlets)).all()
        return {row.id: _outlet(row) for row in rows}

    def save_visits(
        self,
        visits: Iterable[tuple[Feed, Sequence[Article]]],
        marks: Mapping[str, bytes] | None = None,
        corrected: Container[str] = (),
    ) -> int:
        """Store several visits in one transaction; return how many articles were new.

        Waiting for the disk is most of what storing a visit costs, and a visit that is lost with
        the process is simply made again. A feed that somebody retired or woke meanwhile, and what
        the configuration says of it, stay as they are.

        :param marks: by article id what finds its copies, for those that are to be compared.
        :param corrected: articles that are stored already, and whose words are new.
        """
        # In order: two that store the same rows in another one would wait for each other.
        pairs = sorted(visits, key=lambda pair: pair[0].url)
        collected = sorted((item for _, found in pairs for item in found), key=lambda one: one.id)
        with self._database.begin() as connection:
            _feeds.upsert(
                connection, (feed for feed, _ in pairs), keep=_CONFIGURED, where=_NOT_OVERTAKEN
            )
            new = _articles.insert_new(connection, collected)
            again = [one for one in collected if one.id in corrected]
            if again:
                _correct(connection, again, marks or {})
            if marks:
                _fingerprints.insert_new(
                    connection,
                    (
                        _Fingerprint(article=one.id, published=one.published, marks=marks[one.id])
                        for one in collected
                        if one.id in marks and one.id not in corrected
                    ),
                )
        return new

    def known(self, ids: Sequence[str], feed: str = "") -> dict[str, str]:
        """Which of these article ids are stored already.

        :param feed: those that it brought come with their titles, all others without one.
        """
        query, given = _KNOWN[self._database.dialect], list(ids)
        with self._database.reading() as connection:
            told = json.dumps(given) if self._database.dialect == "sqlite" else given
            found = connection.exec_driver_sql(query, (feed, told))
            return {id_: title for id_, title in found}  # noqa: C416 - rows are no pairs to mypy

    def window(
        self, since: datetime, until: datetime, outlet_ids: Collection[str]
    ) -> list[Article]:
        """Articles of these outlets published from ``since`` to ``until``, oldest first."""
        query = (
            select(*_article_columns)
            .where(articles.c.published >= since, articles.c.published <= until)
            .order_by(articles.c.published, articles.c.id)
        )
        return [item for item in self._read(query) if item.outlet in outlet_ids]

    def get(self, ids: Iterable[str]) -> dict[str, Article]:
        """Articles by id; unknown ids are left out."""
        found: dict[str, Article] = {}
        for piece in slices(ids):
            for item in self._read(select(*_article_columns).where(articles.c.id.in_(piece))):
                found[item.id] = item
        return found

    def texts(self, ids: Sequence[str], characters: int) -> dict[str, tuple[str, str, str]]:
        """Outlet, title and beginning of the longest text there is of articles, by id."""
        summary, text = articles.c.summary, articles.c.text
        words = case((func.length(text) >= func.length(summary), text), else_=summary)
        with self._database.reading() as connection:
            beginning = func.substr(words, 1, characters)
            query = select(articles.c.id, articles.c.outlet, articles.c.title, beginning)
            rows = connection.execute(query.where(matching(connection, articles.c.id, ids)))
            return {id_: (outlet, title, text) for id_, outlet, title, text in rows}

    def uncompared(self, since: datetime) -> list[tuple[str, bytes]]:
        """Id and marks of articles that wait to be compared with others, the earliest first.

        Marks of articles published before ``since`` are thrown away; nobody asks for them again.
        """
        table = fingerprints.c
        with self._database.begin() as connection:
            connection.execute(delete(fingerprints).where(table.published < since))
            found: Any = plain_rows(connection, _UNCOMPARED)
            return list(found)

    def compared(self) -> Iterator[tuple[str, str, bytes]]:
        """Id, id of the original and marks of the window's other articles, in no order."""
        with self._database.reading() as connection:
            found: Any = plain_rows(connection, _COMPARED)
            yield from found

    def mark_copies(self, copies: Mapping[str, str], compared: Sequence[str] = ()) -> None:
        """Link near-identical articles to the first one: ``{copy id: original id}``.

        :param compared: articles that are no longer to wait for it; those that are not copies
            stand for themselves from now on.
        """
        rows = [{"copy": copy, "found": original} for copy, original in copies.items()]
        link = update(articles).where(articles.c.id == bindparam("copy"))
        stand = update(fingerprints).where(fingerprints.c.article == bindparam("copy"))
        with self._database.begin() as connection:
            if rows:
                connection.execute(link.values(same_as=bindparam("found")), rows)
                connection.execute(stand.values(original=bindparam("found")), rows)
            if compared:
                connection.execute(
                    update(fingerprints)
                    .where(
                        fingerprints.c.original.is_(None),
                        matching(connection, fingerprints.c.article, compared),
                    )
                    .values(original=fingerprints.c.article)
                )

    def robots(self, origin: str, since: datetime) -> list[tuple[str, bool]] | None:
        """The rules of a host's robots.txt, where it was asked for since a moment."""
        query = select(robots.c.rules).where(robots.c.origin == origin, robots.c.asked >= since)
        with self._database.reading() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else [(str(path), bool(allow)) for path, allow in found]

    def keep_robots(
        self, origin: str, status: int, rules: Sequence[tuple[str, bool]], asked: datetime
    ) -> None:
        """Keep what a host's robots.txt says to us."""
        row = {"origin": origin, "status": status, "rules": list(rules), "asked": asked}
        with self._database.begin() as connection:
            upsert(connection, robots, [row])

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
            return [_articles.read(row) for row in connection.execute(query)]


_OUTLET = tuple(field.name for field in fields(Outlet))
_LISTS = ("domains", "provenance")
_ALL_OUTLETS = f"SELECT {', '.join(_OUTLET)} FROM outlets"  # noqa: S608 - our own names
_KNOWN = {
    "sqlite": "SELECT id, CASE WHEN feed = ? THEN title ELSE '' END FROM articles "
    "WHERE id IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT id, CASE WHEN feed = %s THEN title ELSE '' END FROM articles "
    "WHERE id = ANY(%s)",
}
_UNCOMPARED = (
    "SELECT article, marks FROM fingerprints WHERE original IS NULL ORDER BY published, article"
)
_COMPARED = "SELECT article, original, marks FROM fingerprints WHERE original IS NOT NULL"
_CONFIGURED = ("url", "outlet", "section", "page_text")
# While a visit was under way somebody may have retired its feed, or woken it and so forgotten its
# failures: what the visit found was true before, and is not stored.
_NOT_OVERTAKEN = "feeds.state <> 'retired' AND excluded.failures <= feeds.failures + 1"
_ALL_FEEDS = "SELECT url, outlet, section, page_text FROM feeds"


def _correct(connection: Connection, again: Sequence[Article], marks: Mapping[str, bytes]) -> None:
    """Give articles the words that their feed has for them now; all else stays as it was.

    Only where the date is the same: another one, or none, at the same link is another article. A
    page that was read before and now cannot be leaves the longer text that it gave.
    """
    words = [
        {
            "which": one.id,
            "when": one.published,
            "title": one.title,
            "summary": one.summary,
            "text": one.text,
        }
        for one in again
    ]
    before = articles.c.text
    text = bindparam("text", type_=before.type)
    kept = case((func.length(text) * 2 < func.length(before), before), else_=text)
    connection.execute(
        update(articles)
        .where(
            articles.c.id == bindparam("which"),
            articles.c.published == bindparam("when", type_=articles.c.published.type),
        )
        .values(title=bindparam("title"), summary=bindparam("summary"), text=kept),
        words,
    )
    found = [
        {"which": one.id, "when": one.published, "marks": marks[one.id]}
        for one in again
        if one.id in marks
    ]
    if found:
        changed = update(fingerprints).where(
            fingerprints.c.article == bindparam("which"),
            fingerprints.c.published == bindparam("when", type_=fingerprints.c.published.type),
        )
        connection.execute(changed.values(marks=bindparam("marks")), found)


def _outlet_row(outlet: Outlet) -> dict[str, Any]:
    row = {name: getattr(outlet, name) for name in _OUTLET}
    row.update((name, list(row[name])) for name in _LISTS)
    return row


def _listed(value: Any) -> list[str]:
    """A list as the driver hands it out: itself, or its JSON."""
    if isinstance(value, str):
        # Most lists are empty, and reading JSON for that takes longer than all else.
        return [] if value == "[]" else list(json.loads(value))
    return list(value)
