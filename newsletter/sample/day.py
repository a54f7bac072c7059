"""Read the sample day: who publishes it, what they wrote, and when, counted from a given now."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypedDict, cast

NEWEST_BEFORE_NOW = timedelta(minutes=4)
"""How long before now the newest article lies when the day has to be shifted."""


class Source(TypedDict):
    """One outlet of the sample, with the keys of a [[source]] table."""

    id: str
    name: str
    feed: str
    lean: str
    family: str
    owner: str
    country: str
    kind: str
    paywall: str
    domains: list[str]
    provenance: list[str]


class ArticleTable(TypedDict):
    """One [[article]] table as it stands in a story file."""

    outlet: str
    day: int
    time: str
    title: str
    section: str
    kind: str
    author: str
    slug: str
    summary: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleArticle:
    """One invented article with the moment it counts as published."""

    story: str
    """Name of the file it came from: what a perfect grouper would call its story."""
    outlet: str
    day: date
    """The date it was written for; links name it, and it stays when times move back."""
    published: datetime
    title: str
    section: str
    kind: str
    author: str
    slug: str
    summary: str
    paragraphs: tuple[str, ...]


def load_sources() -> tuple[Source, ...]:
    """Return the invented outlets in the order of outlets.toml."""
    text = _folder().joinpath("outlets.toml").read_text(encoding="utf-8")
    return tuple(cast("list[Source]", tomllib.loads(text)["source"]))


def load_articles(now: datetime) -> tuple[SampleArticle, ...]:
    """Return every article, oldest first, dated so that none lies after `now`.

    Day 0 is the UTC date of `now`. Early in that day some articles would still be to come; then
    the whole set moves back by one and the same step, so the order and the gaps stay as written.
    """
    if now.tzinfo is None:
        message = "now must be an aware datetime"
        raise ValueError(message)
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), tzinfo=UTC)
    written = [(story, table, midnight + _offset(table)) for story, table in _tables()]
    newest = max(moment for _, _, moment in written)
    step = max(newest - (now.astimezone(UTC) - NEWEST_BEFORE_NOW), timedelta())
    articles = [_article(story, table, moment, step) for story, table, moment in written]
    return tuple(sorted(articles, key=lambda article: (article.published, article.slug)))


def _folder() -> Traversable:
    """The folder of this package, also when it is installed as an archive."""
    return files("newsletter.sample")


def _tables() -> list[tuple[str, ArticleTable]]:
    """Every article table with the stem of the story file that holds it."""
    found: list[tuple[str, ArticleTable]] = []
    for file in sorted(_folder().joinpath("stories").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            content = tomllib.loads(file.read_text(encoding="utf-8"))
            story = file.name.removesuffix(".toml")
            found += [(story, table) for table in cast("list[ArticleTable]", content["article"])]
    return found


def _offset(table: ArticleTable) -> timedelta:
    """The distance of an article from midnight of day 0."""
    hours, minutes = table["time"].split(":")
    return timedelta(days=table["day"], hours=int(hours), minutes=int(minutes))


def _article(story: str, table: ArticleTable, moment: datetime, step: timedelta) -> SampleArticle:
    """Turn one table into an article."""
    paragraphs = (" ".join(part.split()) for part in table["body"].split("\n\n"))
    return SampleArticle(
        story=story,
        outlet=table["outlet"],
        day=moment.date(),
        published=moment - step,
        title=table["title"],
        section=table["section"],
        kind=table["kind"],
        author=table["author"],
        slug=table["slug"],
        summary=table["summary"],
        paragraphs=tuple(part for part in paragraphs if part),
    )
