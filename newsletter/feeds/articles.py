"""From a feed's entries to articles: which are new, what they are called, and what they say.

Reading happens in two steps, so that the costly one is taken for new entries only:
:func:`identify` names every entry, the caller says which names it knows, and :func:`compose`
cleans the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf

from newsletter.feeds.dates import read_date, settle
from newsletter.feeds.entry import Document, Entry
from newsletter.feeds.kinds import kind_of, language_of, section_of
from newsletter.feeds.links import identity, link
from newsletter.feeds.text import AUTHOR_CHARACTERS, excerpt, line, paragraphs
from newsletter.model import Article, Dated

SUMMARY_CHARACTERS = 1_200
"""A longer summary is a full text in the wrong place and becomes the text."""
LABELS = 12
"""Categories of one entry that are looked at."""
UNDATED_AT_FIRST = 5
"""So many undated entries of a feed that is read for the first time may be of today."""
ARCHIVED_BY = timedelta(days=60)
_DAY_IN_PATH = re.compile(r"/((?:19|20)\d\d)[/-](\d{1,2})[/-](\d{1,2})[/-]")
_YOUNGEST = ((-inf, 0), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known about where a document came from.

    ``items`` is the most entries kept of one document; ``field_bytes`` the most of one field.
    ``bare`` also keeps what cannot be shown, entries without a link or without words, for those
    who want to see what a feed holds. Articles published from ``compared_from`` on get the marks
    that find their copies; without it none does. ``first_visit`` says that the feed was never read
    before.
    """

    url: str
    feed: str
    outlet: str
    outlet_kind: str = "news"
    section: str = ""
    first_seen: datetime
    items: int = 500
    field_bytes: int = 262_144
    bare: bool = False
    compared_from: datetime | None = None
    first_visit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """An entry with a link fit to show and an id that is the same on the next visit."""

    id: str
    url: str
    entry: Entry


def identify(document: Document, context: Context) -> tuple[Named, ...]:
    """Name each entry that can be shown, newest first where the feed is longer than allowed.

    An id is a hash over the outlet and what is stable in the link (:func:`links.identity`):
    guids change, are shared by whole feeds, or are those of other outlets, and links do this
    less. The guid decides where the link cannot, and splits entries that share a link without
    being the same from the oldest of them; the title is the last resort. Entries without a link
    are left out, as are second copies of one entry.
    """
    found = [(entry, _link(entry, context)) for entry in document.entries]
    found = [
        (entry, url) for entry, url in found if url or (context.bare and _says_something(entry))
    ]
    if len(found) > context.items:
        found = _newest(found, context.items)
    keys = [identity(url) for _, url in found]
    times = Counter(keys)
    # Of entries that share a link the oldest keeps its name, which it had before the others came.
    oldest: dict[str, tuple[tuple[float, int], str]] = {}
    for place, ((entry, _), key) in enumerate(zip(found, keys, strict=True)):
        if key and times[key] > 1:
            oldest[key] = max(oldest.get(key, _YOUNGEST), (_age(entry, place), _title_key(entry)))
    guids = Counter(entry.guid for entry, _ in found if entry.guid)
    named: dict[str, Named] = {}
    for (entry, url), key in zip(found, keys, strict=True):
        name = key
        if not key or (key in oldest and oldest[key][1] != _title_key(entry)):
            whole = identity(url, whole_query=True)
            # An empty key means that the link names no article (a home page).
            name = _split(entry, whole if key or "?" in whole else "", guids)
        id_ = _hash(context.outlet, name)
        named.setdefault(id_, Named(id=id_, url=url, entry=entry))
    return tuple(named.values())


def compose(named: Named, document: Document, context: Context) -> Article | None:
    """One article of plain text; None when it has neither a title nor a text to make one from."""
    entry = named.entry
    limit = context.field_bytes
    summary = paragraphs(entry.summary, limit)
    text = paragraphs(entry.content, limit)
    title = line(entry.title)
    if not title and not context.bare:
        title = excerpt(summary or text, 90)
        if not title:
            return None
    if summary == title:
        summary = ""
    if len(summary) > SUMMARY_CHARACTERS:
        text = max(text, summary, key=len)
        summary = ""
    if text and not summary:
        summary = excerpt(text)
    if text == summary:
        text = ""
    author = _author(entry.author)
    labels = tuple(line(label, 60) for label in entry.categories[:LABELS])
    published, dated = settle(entry.dates, context.first_seen, entry.date)
    if dated is Dated.ABSENT:
        published, dated = _by_path(named.url, context.first_seen) or (published, dated)
    return Article(
        id=named.id,
        outlet=context.outlet,
        url=named.url,
        title=title,
        summary=summary,
        text=text,
        author=author,
        published=published,
        dated=dated,
        first_seen=context.first_seen,
        lang=language_of((entry.lang, document.lang), f"{title} {(summary or text)[:600]}"),
        kind=kind_of(
            title,
            named.url,
            labels,
            author=author or line(entry.credit, AUTHOR_CHARACTERS),
            text=text or summary,
            outlet_kind=context.outlet_kind,
        ),
        section=section_of(named.url, labels, context.section),
        feed=context.feed,
    )


def archived(articles: Iterable[Article], context: Context) -> list[Article]:
    """The articles, those that cannot be of today moved out of every window.

    A feed without dates holds what it will bring next and all that it has kept. When it is read
    for the first time nothing tells one from the other, but that new entries stand first.
    """
    found = list(articles)
    if not context.first_visit:
        return found
    undated = [place for place, one in enumerate(found) if one.dated is Dated.ABSENT]
    for place in undated[UNDATED_AT_FIRST:]:
        found[place] = replace(found[place], published=context.first_seen - ARCHIVED_BY)
    return found


def _by_path(url: str, first_seen: datetime) -> tuple[datetime, Dated] | None:
    """The end of the day that an article's address names."""
    found = _DAY_IN_PATH.search(url)
    if not found:
        return None
    try:
        year, month, day = map(int, found.groups())
        begin = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None
    return min(begin + timedelta(hours=23, minutes=59), first_seen), Dated.ASSUMED


def _link(entry: Entry, context: Context) -> str:
    """The entry's own link, or its guid where that is an address and there is no link."""
    if entry.link.strip():
        return link(entry.link, context.url)
    return link(entry.guid) if entry.guid.strip().lower().startswith("http") else ""


def _says_something(entry: Entry) -> bool:
    return bool(entry.title.strip() or entry.summary.strip() or entry.content.strip())


def _newest(found: list[tuple[Entry, str]], most: int) -> list[tuple[Entry, str]]:
    """The newest entries; where dates say nothing, those that stand first."""
    by_age = sorted(range(len(found)), key=lambda place: _age(found[place][0], place))
    return [found[place] for place in sorted(by_age[:most])]


def _age(entry: Entry, place: int) -> tuple[float, int]:
    """Sorts entries from the newest to the oldest; ``place`` is where in its feed one stands."""
    stated = next(filter(None, map(read_date, entry.dates)), None)
    when = stated[0] if stated else entry.date
    return (-when.timestamp() if when else 0.0, place)


def _split(entry: Entry, shared: str, guids: Counter[str]) -> str:
    """A name for an entry whose link names no single article."""
    if entry.guid and guids[entry.guid] == 1:
        return f"{shared}#{entry.guid}"
    return f"{shared}#{_title_key(entry)}"


def _title_key(entry: Entry) -> str:
    return "".join(filter(str.isalnum, entry.title[:400].casefold()))


def _author(raw: str) -> str:
    """Names without "By", without an address, and without a bare address in their place."""
    author = line(raw, AUTHOR_CHARACTERS)
    if "@" in author:
        # RSS 2.0 writes "desk@example.org (Jo Example)"; others "Jo Example <desk@example.org>".
        inside = author[author.find("(") + 1 : author.rfind(")")] if "(" in author else ""
        author = inside or " ".join(word for word in author.split() if "@" not in word)
    return author.removeprefix("By ").removeprefix("by ").strip(" ,;|")


def _hash(outlet: str, key: str) -> str:
    return hashlib.sha256(f"{outlet}\n{key}".encode("utf-8", "replace")).hexdigest()[:20]
